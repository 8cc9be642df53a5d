"""DuckDB with the extension that reads the lake. Extensions come as wheels: nothing is fetched while running."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb

# Never ask the network for an extension.
_OFFLINE: dict[str, str | bool | int | float | list[str]] = {
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
}


def delta_sql() -> str:
    """Loads what reads the lake's tables."""
    return extension_sql("delta")


def extension_sql(name: str) -> str:
    """Loads an extension from its wheel, which has the version of DuckDB."""
    packages = Path(duckdb.__file__).parents[1]
    file = packages / f"duckdb_extension_{name}" / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    return f"LOAD '{quoted(file)}'"


@contextmanager
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads the lake, in a time zone of UTC and with a memory of its own for temporary tables.

    Loading the extension takes a quarter of a second for each DuckDB, so a process has one, and connections come and go.
    """
    con = _duckdb().cursor()
    try:
        yield con
    finally:
        con.close()


@contextmanager
def attached(file: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the database in `file`, made when it is missing; it is let go of at the end."""
    with cursor() as con:
        try:
            con.execute(f"ATTACH '{quoted(file)}' AS warehouse{' (READ_ONLY)' if read_only else ''}")
            con.execute("USE warehouse.main")
            yield con
        finally:
            con.execute("USE memory.main")
            con.execute("DETACH DATABASE IF EXISTS warehouse")


def quoted(path: Path | str) -> str:
    """A path, or other text, inside the quotes of a SQL string."""
    return str(path).replace("'", "''")


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config=_OFFLINE)
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    con.execute(delta_sql())
    return con
