"""The published marts: an immutable file for each version, and a pointer that is replaced atomically."""

import re
from datetime import datetime
from pathlib import Path

import duckdb
import msgspec

from contracts.errors import BadInput, NotReady

POINTER = "CURRENT"
LOOKED = "LOOKED"
_NAME = re.compile(r"marts_(\d+)\.duckdb")
# What is published together: marts_7.duckdb, role_analyst_7.duckdb, docs_7/. Half-written files have another ending.
_PART = re.compile(r"(?:marts|role_\w+|docs)_(\d+)(?:\.duckdb)?")

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


def belongs_to(path: Path) -> int:
    """The version that a file or folder is a part of; 0 for other names."""
    match = _PART.fullmatch(path.name)
    return int(match[1]) if match else 0


def number(file: Path) -> int:
    """The number that a file of ours holds; 0 when there is none, or when it was damaged."""
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return 0


class Look(msgspec.Struct, frozen=True):
    """A run that began `at` and had nothing to add to a version: of each topic it took all before `ends`, by partition."""

    version: int
    at: datetime
    ends: dict[str, dict[int, int]]


def looked(home: Path, version: int) -> Look | None:
    """The last run that looked for something new to the version and found nothing; None when there was none."""
    try:
        look = msgspec.json.decode((marts(home) / LOOKED).read_bytes(), type=Look)
    except (FileNotFoundError, msgspec.DecodeError):
        return None  # then the version is as old as its own run
    return look if look.version == version and look.at.tzinfo else None


def connect(home: Path, role: str = "") -> duckdb.DuckDBPyConnection:
    """The published file, read-only, without access to anything else. It stays whole while newer versions appear.

    With a `role` it is that role's file of the same version. Raises `NotReady` when nothing has been published, and
    `BadInput` when the publication has no such role.
    """
    while True:
        marts_file = current(home)
        if marts_file is None:
            raise NotReady("Nothing has been published yet.", "Run: zhongtai run")
        # The role is looked up among what is there, so a caller's words never become a path.
        found = roles(marts_file) if role else {"": marts_file}
        if role not in found:
            if current(home) != marts_file:
                continue
            raise BadInput("There is no role of that name.", f"Roles: {', '.join(found) or 'none'}.")
        file = found[role]
        try:
            con = duckdb.connect(str(file), read_only=True, config=LOCKED)
        except duckdb.IOException:
            # Three publications since we read the pointer took the file away: read the pointer again.
            if current(home) != marts_file:
                continue
            raise NotReady(
                f"The published file {file} cannot be opened.", "Publish again: zhongtai run --fresh"
            ) from None
        lock(con)
        return con


def roles(marts_file: Path) -> dict[str, Path]:
    """The files of the roles that were published with this one."""
    end = f"_{version_of(marts_file)}"
    return {path.stem[5 : -len(end)]: path for path in sorted(marts_file.parent.glob(f"role_*{end}.duckdb"))}


def lock(con: duckdb.DuckDBPyConnection) -> None:
    """Nothing of the settings can be changed from here on, and moments are read in UTC."""
    # A second connection of a process to the same file shares the first one's settings, which are locked by then.
    if con.execute("SELECT current_setting('lock_configuration')").fetchone() == (False,):
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET lock_configuration = true")
