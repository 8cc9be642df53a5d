"""The published tables made again from the lake alone, in a place of their own, and compared row by row."""

import tempfile
from pathlib import Path

import duckdb
import msgspec

from connectors import published
from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.errors import NotReady
from pipelines.rebuild.states import Compared
from pipelines.warehouse import build, duck, project
from pipelines.warehouse.load import Progress
from pipelines.warehouse.run import build_tables

# What tells of the runs and of where a record lay, not of what happened.
OWN = "meta_"
PLACE = "kafka_"
SHOWN = 3


def compared(settings: Settings, progress: Progress) -> list[Compared]:
    """One comparison for each published table. Raises `NotReady` when nothing has been published."""
    standing = published.current(settings.home)
    if standing is None:
        raise NotReady("Nothing has been published yet.", "Run: zhongtai run")
    with tempfile.TemporaryDirectory(prefix="rebuild-", dir=settings.home) as scratch:
        home = Path(scratch)
        for name in ("lake", "reference"):
            if (settings.home / name).exists():
                (home / name).symlink_to((settings.home / name).absolute())
        build_tables(msgspec.structs.replace(settings, home=home), SystemClock(), progress)
        with duck.attached(build.folder_of(home) / project.WAREHOUSE, read_only=True) as con:
            con.execute(f"ATTACH '{duck.quoted(standing)}' AS standing (READ_ONLY)")
            try:
                return [_compared(con, table) for table in _tables(con)]
            finally:
                con.execute("USE memory.main")
                con.execute("DETACH standing")


def _tables(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'standing' ORDER BY ALL"
    ).fetchall()
    return [name for (name,) in rows if not name.startswith(OWN)]


def _compared(con: duckdb.DuckDBPyConnection, table: str) -> Compared:
    names = con.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = 'standing' AND table_name = ? ORDER BY column_index",
        [table],
    ).fetchall()
    columns = ", ".join(f'"{name}"' for (name,) in names if not name.startswith(PLACE))
    again = f"SELECT {columns} FROM warehouse.{project.VIEWS}.{table}"  # noqa: S608
    stands = f"SELECT {columns} FROM standing.main.{table}"  # noqa: S608
    ((rows,),) = con.execute(f"SELECT count(*) FROM ({stands})").fetchall()  # noqa: S608
    if _fingerprint(con, again) == _fingerprint(con, stands):
        return Compared(table, rows, 0)
    differing = f"(({again}) EXCEPT ALL ({stands})) UNION ALL (({stands}) EXCEPT ALL ({again}))"
    found = con.execute(f"SELECT count(*) OVER (), * FROM ({differing}) LIMIT {SHOWN}").fetchall()  # noqa: S608
    return Compared(table, rows, found[0][0], tuple(" / ".join(map(str, row[1:4])) for row in found))


def _fingerprint(con: duckdb.DuckDBPyConnection, query: str) -> object:
    # The sum tells equal rows from none, which xor does not.
    return con.execute(
        f"SELECT count(*), sum(hash(t)::HUGEINT % 1000000007), bit_xor(hash(t)) FROM ({query}) AS t"  # noqa: S608
    ).fetchone()
