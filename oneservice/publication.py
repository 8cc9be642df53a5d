"""The published marts as readers find them: a pointer that is replaced atomically, and immutable files beside it.

    marts/CURRENT                    the name of the file that is published now
    marts/marts_<n>.duckdb           everything
    marts/role_<role>_<n>.duckdb     what a role may see, and not a byte more

docs/warehouse.md and docs/roles.md describe them. A path is never used twice, so a file may be held open; the last three
versions stay, so that somebody who reads page by page is not interrupted by a publication.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from connectors import published
from contracts.errors import NotReady
from oneservice.problems import Problem

OWNER = "owner"  # the role of who owns the home: the whole file
_ROLE = re.compile(r"[a-z][a-z0-9_]{0,30}")

# What one question may take; the rest of the settings is everybody's.
CONFIG = published.LOCKED | {"memory_limit": "512MB", "threads": 2}


class Opened(NamedTuple):
    """One version of the marts, open for one role. `as_of`: everything that had been written by then is in it."""

    con: duckdb.DuckDBPyConnection
    version: int
    as_of: datetime


class Publications:
    """The publications of a home. May be shared between threads."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = published.marts(home)
        self._lock = threading.Lock()
        self._open: dict[Path, duckdb.DuckDBPyConnection] = {}
        self._began: dict[int, datetime] = {}

    def version(self) -> int:
        """The version that is published now. Raises `NotReady` when there is none."""
        return published.version_of(self._current())

    def roles(self) -> list[str]:
        """The roles that the present publication has."""
        return list(published.roles(self._current()))

    def file(self, role: str, version: int | None = None) -> tuple[Path, int]:
        """The role's file and its version (default: the present one).

        Raises `Problem` 403 for a role without a file, 410 for a version that is gone, and `NotReady`.
        """
        while True:
            wanted = version or self.version()
            path = self._path(role, wanted)
            if path.exists():
                return path, wanted
            if version is None and self.version() != wanted:
                continue  # three publications since we read the pointer
            if version is not None and not self._path(OWNER, wanted).exists():
                raise Problem(410, "gone", "That publication is gone.", "Begin again, without `after`.")
            do = "Add it to reference/roles.yml and publish (zhongtai run), or ask with another token."
            raise Problem(403, "no_such_role", "The token's role has no file in the publication.", do)

    @contextmanager
    def opened(self, role: str, version: int | None = None) -> Iterator[Opened]:
        """A cursor on the role's file, for the length of the block. It sees one version, whatever is published meanwhile."""
        path, found = self.file(role, version)
        cursor = self._connection(path).cursor()
        try:
            yield Opened(cursor, found, self.as_of(found))
        finally:
            cursor.close()

    def as_of(self, version: int) -> datetime:
        """How far a version can be trusted to reach: when its run began, or a later one that found nothing new to it."""
        began, look = self._began_at(version), self.looked(version)
        return max(began, look.at) if look else began

    def looked(self, version: int) -> published.Look | None:
        """The last run that found nothing new to the version; None when there was none."""
        return published.looked(self._home, version)

    def _began_at(self, version: int) -> datetime:
        if version not in self._began:
            cursor = self._connection(self._path(OWNER, version)).cursor()
            try:
                row = cursor.execute("SELECT any_value(started_at) FROM meta_run").fetchone()
            finally:
                cursor.close()
            if not row or row[0] is None:
                raise NotReady("The publication does not say when it was made.", "Publish again: zhongtai run --fresh")
            self._began[version] = row[0]
        return self._began[version]

    def _current(self) -> Path:
        file = published.current(self._home)
        if file is None or not published.version_of(file):
            raise NotReady("Nothing has been published yet.", "Publish once: zhongtai run")
        return file

    def close(self) -> None:
        with self._lock:
            for con in self._open.values():
                con.close()
            self._open.clear()

    def _path(self, role: str, version: int) -> Path:
        if role == OWNER:
            return self._folder / f"marts_{version}.duckdb"
        if not _ROLE.fullmatch(role):
            raise Problem(
                403, "no_such_role", "The token's role has no name that a role can have.", "Make another token."
            )
        return self._folder / f"role_{role}_{version}.duckdb"

    def _connection(self, path: Path) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if path not in self._open:
                for gone in [known for known in self._open if not known.exists()]:
                    self._open.pop(gone).close()  # cursors that are in use keep their file
                try:
                    con = duckdb.connect(str(path), read_only=True, config=CONFIG)
                except duckdb.IOException:
                    raise NotReady(
                        "A published file cannot be opened.", "Publish again: zhongtai run --fresh"
                    ) from None
                published.lock(con)
                self._open[path] = con
            return self._open[path]
