"""The published marts: an immutable file for each version, and a pointer that is replaced atomically."""

import re
from pathlib import Path

import duckdb

from contracts.errors import NotReady

POINTER = "CURRENT"
_NAME = re.compile(r"marts_(\d+)\.duckdb")

# Defence in depth for SQL that people type; the file is opened read-only besides.
LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}


def marts(home: Path) -> Path:
    return home / "marts"


def current(home: Path) -> Path | None:
    """The file that is published now; None when there has been no publication."""
    try:
        return marts(home) / (marts(home) / POINTER).read_text().strip()
    except FileNotFoundError:
        return None


def version_of(file: Path) -> int:
    """The version in the name of a published file; 0 for other names."""
    match = _NAME.fullmatch(file.name)
    return int(match[1]) if match else 0


def connect(home: Path) -> duckdb.DuckDBPyConnection:
    """The published file, read-only, without access to anything else. It stays whole while newer versions appear.

    Raises `NotReady` when nothing has been published.
    """
    while True:
        file = current(home)
        if file is None:
            raise NotReady("Nothing has been published yet.", "Run: zhongtai run")
        try:
            con = duckdb.connect(str(file), read_only=True, config=LOCKED)
        except duckdb.IOException:
            # Three publications since we read the pointer took the file away: read the pointer again.
            if current(home) != file:
                continue
            raise NotReady(
                f"The published file {file} cannot be opened.", "Publish again: zhongtai run --fresh"
            ) from None
        _lock(con)
        return con


def _lock(con: duckdb.DuckDBPyConnection) -> None:
    # A second connection of a process to the same file shares the first one's settings, which are locked by then.
    if con.execute("SELECT current_setting('lock_configuration')").fetchone() == (False,):
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET lock_configuration = true")
