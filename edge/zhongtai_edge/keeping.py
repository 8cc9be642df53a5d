"""Which database counts, and what happens when it is broken. Every reading and writing of the outbox goes through here.

`<home>/current` names the database, `<home>/epochs` lists every epoch that this outbox ever had. Corruption is noticed when the
outbox is opened (SQLite's quick_check), whenever SQLite says so, and by a checksum each time a record is read. The database is
then salvaged (zhongtai_edge.salvage) and the operation is repeated, so that callers see it only in what `notify` is told.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from zhongtai_edge import database
from zhongtai_edge.database import Rotten, transaction
from zhongtai_edge.errors import Full, Unusable
from zhongtai_edge.files import Lock, replace, sync_folder
from zhongtai_edge.salvage import begin, salvage

T = TypeVar("T")


class Keeper:
    """One process's hold on an outbox. `epoch` is the present one, as of the last operation."""

    def __init__(self, home: Path, at: Callable[[str], None], notify: Callable[[str], None]) -> None:
        self._home = home
        self._at = at
        self._notify = notify
        self._lock = Lock(home / "outbox.lock")
        self._seen: tuple[int, int] = (0, 0)
        self.db: sqlite3.Connection | None = None
        self.epoch = ""
        if not (home / "current").exists():
            with self._lock.alone():
                self._first()

    def salvage(self, why: str) -> None:
        """Puts the database aside and goes on with what can be read of it."""
        self._mend(self._pointer(), why)

    def own_epochs(self) -> list[str]:
        """Every epoch that this outbox ever had, oldest first, also of databases that are gone."""
        path = self._home / "epochs"
        return path.read_text().split() if path.exists() else []

    def close(self) -> None:
        if self.db is not None:
            self.db.close()
            self.db = None
        self._lock.close()

    def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work`, once more after a salvage."""
        for tried in (False, True):
            broken = self._pointer()
            try:
                return self.look(work)
            except sqlite3.OperationalError as error:
                if "full" in str(error):
                    raise Full("The disk is full: nothing was taken.", "Free space on the shop's disk.") from None
                raise Unusable(f"SQLite: {error}.", "Check the disk and its permissions.") from None
            except sqlite3.ProgrammingError:
                raise  # our own mistake, not the disk's
            except sqlite3.DatabaseError as error:
                if tried:
                    raise Unusable(f"The outbox is broken again at once: {error}.", "Replace the disk.") from None
                self._mend(broken, str(error))
        raise AssertionError

    def look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work`, and nothing is mended: raises `sqlite3.DatabaseError` for what is broken."""
        with self._lock.shared():
            return work(self._connection())

    def _pointer(self) -> tuple[int, int]:
        found = (self._home / "current").stat()
        return found.st_ino, found.st_mtime_ns

    def _connection(self) -> sqlite3.Connection:
        """The database that counts now: another process may have salvaged since we last looked."""
        pointer = self._pointer()
        if self.db is None or pointer != self._seen:
            if self.db is not None:
                self.db.close()
                self.db = None
            self.db = database.connect(self._home / (self._home / "current").read_text())
            self._seen = pointer
        row = self.db.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
        if row is None:
            raise Rotten("no epoch")
        self.epoch = str(row[0])
        return self.db

    def _first(self) -> None:
        if (self._home / "current").exists():
            return
        db = database.create(self._home / "outbox-1.sqlite")
        try:
            with transaction(db):
                begin(db, self.new_epoch())
        finally:
            db.close()
        replace(self._home / "current", b"outbox-1.sqlite")

    def _mend(self, broken: tuple[int, int], why: str) -> None:
        if self.db is not None:
            self.db.close()
            self.db = None
        with self._lock.alone():
            if self._pointer() != broken:
                return  # another process was quicker
            old = self._home / (self._home / "current").read_text()
            number = int(old.stem.rsplit("-", 1)[1])
            new = old.with_name(f"outbox-{number + 1}.sqlite")
            epoch = self.new_epoch()
            self._at("salvage")
            done = salvage(old, new, epoch)
            replace(self._home / "current", new.name.encode())
            for suffix in ("", "-wal", "-shm"):  # one broken file is kept for people, not all that there ever were
                old.with_name(f"outbox-{number - 1}.sqlite{suffix}").unlink(missing_ok=True)
        self._notify(
            f"{old.name} was corrupt ({why}). {done.records} records were salvaged, {done.lost} are known to be lost;"
            f" the outbox goes on in {new.name} under epoch {epoch}."
        )

    def new_epoch(self) -> str:
        """Later than every epoch that this outbox had, whatever the clock says, and never another outbox's."""
        own = self.own_epochs()
        second = max(int(time.time()), *(int(one.split("-")[0]) + 1 for one in own), 0)
        epoch = f"{second}-{secrets.token_hex(4)}"
        path = self._home / "epochs"
        with path.open("ab") as file:
            file.write(epoch.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._home)
        return epoch
