"""The SQL of a build. The functions return text and run nothing. Names come from models/ and SQLMesh, never from a person."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from pipelines.warehouse.lake import Identity, Place

# Where the warehouse keeps its own books. `warehouse_cut` is how far the lake was built into the tables; `warehouse_reached`
# has the offset after the last row of a partition, which stands still while only other things move the cut.
BOOKS = """
    CREATE TABLE IF NOT EXISTS warehouse_cut (
        tenant VARCHAR, cluster_id VARCHAR, topic VARCHAR, topic_id VARCHAR, "partition" INTEGER,
        first_offset BIGINT, next_offset BIGINT, lost BIGINT
    );
    CREATE TABLE IF NOT EXISTS warehouse_reached (topic VARCHAR, "partition" INTEGER, after_last BIGINT);
    CREATE TABLE IF NOT EXISTS warehouse_project (fingerprint VARCHAR, project VARCHAR);
    CREATE TABLE IF NOT EXISTS warehouse_filled (physical VARCHAR);
    CREATE TABLE IF NOT EXISTS warehouse_build (
        build BIGINT, started_at TIMESTAMPTZ, built_at TIMESTAMPTZ, rows_new BIGINT, milliseconds BIGINT, cpu_milliseconds BIGINT
    );
    CREATE TABLE IF NOT EXISTS warehouse_build_table (
        build BIGINT, table_name VARCHAR, whole BOOLEAN, days DATE[], rows_written BIGINT, milliseconds BIGINT
    );
"""
# Which rows the tables follow from, and what was lost: the cut without what moves by itself.
ROWS_HELD = """
    SELECT * EXCLUDE next_offset FROM warehouse_cut LEFT JOIN warehouse_reached USING (topic, "partition")
    WHERE after_last IS NOT NULL OR lost > 0 ORDER BY ALL
"""
BUILDS_KEPT = 1000
# Before the name of a table: the view of its rows that changed.
CHANGED = "changed_"


def lake_view_sql(view: str, place: str, columns: Iterable[str]) -> str:
    """The lake table of a topic under the name that models/ods reads."""
    names = ", ".join(f'"{name}"' for name in columns)
    return f"CREATE OR REPLACE VIEW {view} AS SELECT {names} FROM delta_scan('{place}')"  # noqa: S608


def new_rows_sql(table: str, built: Mapping[int, int]) -> str:
    """Rows of an `ods` table that were not built yet: `built` is the next offset of each partition."""
    if not built:
        return f"SELECT * FROM {table}"  # noqa: S608
    known = " ".join(f"WHEN {partition} THEN {offset}" for partition, offset in sorted(built.items()))
    # The first condition is one that files of the lake can be left out by.
    return (
        f"SELECT * FROM {table} WHERE kafka_offset >= {min(built.values())}"  # noqa: S608
        f" AND kafka_offset >= CASE kafka_partition {known} ELSE 0 END"
    )


def reached_sql(rows: str) -> str:
    """Of rows of an `ods` table: for each partition how many, and the offset after the last."""
    return f"SELECT kafka_partition, count(*), max(kafka_offset) + 1 FROM {rows} GROUP BY kafka_partition"  # noqa: S608


def ranges(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days as ranges of days that follow each other: the first, and the day after the last."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        after = day + timedelta(days=1)
        if found and found[-1][1] == day:
            found[-1] = (found[-1][0], after)
        else:
            found.append((day, after))
    return found


def on_days_sql(time: str, days: Iterable[date]) -> str:
    """The condition that a date or a moment in UTC lies on one of the days."""
    spans = ranges(days)
    between = " OR ".join(f"(\"{time}\" >= '{first}' AND \"{time}\" < '{after}')" for first, after in spans)
    # The whole span stands before: of its two ends a scan can make use, of a choice it cannot.
    return f"\"{time}\" >= '{spans[0][0]}' AND \"{time}\" < '{spans[-1][1]}' AND ({between})"


def delete_sql(physical: str, where: str) -> str:
    return f"DELETE FROM {physical} WHERE {where}"  # noqa: S608


def insert_sql(physical: str, sql: str, where: str) -> str:
    """Appends what a model's query gives, on some days only."""
    return f"INSERT INTO {physical} BY NAME SELECT * FROM ({sql}\n) WHERE {where}"  # noqa: S608


def difference_sql(before: str, after: str) -> str:
    """Rows that stand in one table and not in the other."""
    return f"(FROM {before} EXCEPT ALL BY NAME FROM {after}) UNION ALL BY NAME (FROM {after} EXCEPT ALL BY NAME FROM {before})"


def cut_rows(of: Identity, places: Mapping[int, Place]) -> list[list[object]]:
    """The rows of `warehouse_cut` for a topic."""
    return [[of.tenant, of.cluster_id, of.topic, of.topic_id, p, *place] for p, place in sorted(places.items())]
