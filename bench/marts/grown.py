"""Ten quarters out of one: the year's last quarter, shifted back in time and repeated, as a lake of the same layout."""

import shutil
from pathlib import Path

import duckdb

from pipelines.warehouse import duck, lake, load
from pipelines.warehouse.lake import Place
from pipelines.warehouse.store import in_home

DAYS = 90
# Of each topic: its business day, and what must differ from quarter to quarter.
COLUMNS = {
    "event.receipt": (
        "business_date",
        'business_date - {n} AS business_date, "at" - to_days({n}) AS "at", receipt_id || \'{q}\' AS receipt_id',
    ),
    "event.stock_movement": (
        '"at"',
        '"at" - to_days({n}) AS "at", movement_id || \'{q}\' AS movement_id, '
        "struct_update(why, id := why.id || '{q}') AS why",
    ),
}


def quarters(source: Path, target: Path, times: int) -> Path:
    """A home whose lake holds the last quarter `times` times."""
    shutil.copytree(source / "reference", target / "reference")
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(duck.delta_sql())
        for feed in load.shown():
            given = lake.find(in_home(source), feed.topic)
            assert given
            made = lake.open_table(in_home(target), given.identity, load.schema(feed))
            ends = {p: place.next for p, place in given.places.items()}
            if feed.topic in COLUMNS:
                _repeat(con, feed.topic, given, made, times, ends)
            else:
                made.append(load.schema(feed).empty_table(), {p: Place(0, end) for p, end in ends.items()})
    return target


def _repeat(
    con: duckdb.DuckDBPyConnection,
    topic: str,
    given: lake.LakeTable,
    made: lake.LakeTable,
    times: int,
    ends: dict[int, int],
) -> None:
    day, changes = COLUMNS[topic]
    scan = f"delta_scan('{duck.quoted(given.place)}')"
    ((last,),) = con.execute(f"SELECT max({day})::DATE FROM {scan}").fetchall()  # noqa: S608
    step = max(ends.values()) + 1
    for quarter in range(times):
        shown = changes.format(n=quarter * DAYS, q=f"-{quarter}" if quarter else "")
        sql = f"""
            SELECT * REPLACE ({shown}, kafka_offset + {quarter * step} AS kafka_offset,
                ingested_at - to_days({quarter * DAYS}) AS ingested_at, ingested_on - {quarter * DAYS} AS ingested_on)
            FROM {scan} WHERE {day} > DATE '{last}' - {DAYS}
        """  # noqa: S608
        # Columns are cast to the lake's by its writer.
        made.append(con.execute(sql).to_arrow_table(), {p: Place(0, (quarter + 1) * step) for p in ends})
