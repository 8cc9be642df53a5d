-- One row per build of the warehouse, the newest thousand: what was new and what it cost.
SELECT build, started_at, built_at, rows_new, milliseconds, cpu_milliseconds
FROM warehouse_build
