-- One row per build and table that it wrote: whole, or the days on which a row was new.
SELECT build, table_name, whole, days, rows_written, milliseconds
FROM warehouse_build_table
