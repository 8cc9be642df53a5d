"""The SQLite file: its schema, how it is opened, and how it is known to be sound.

`synchronous=FULL` in WAL mode: a commit has been fsynced when it returns (https://sqlite.org/pragma.html#pragma_synchronous).
With NORMAL the last commits may be rolled back by a power cut, and a sale that the till was told is safe would be gone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zhongtai_edge.records import LANES

APPLICATION_ID = 0x7A746564
VERSION = 1
PAGE = 4096
BUSY_S = 60.0

# A table for each lane, so that shedding the cheap one gives whole pages back.
_LANE = """
CREATE TABLE {name} (
    id INTEGER PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL,
    format TEXT NOT NULL, crc INTEGER NOT NULL, payload BLOB NOT NULL, UNIQUE (epoch, seq)
);
"""
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE cursors (
    lane INTEGER, epoch TEXT, next INTEGER NOT NULL, acked INTEGER NOT NULL, topped INTEGER NOT NULL,
    PRIMARY KEY (lane, epoch)
) WITHOUT ROWID;
CREATE TABLE said (
    id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, epoch TEXT NOT NULL, says TEXT NOT NULL,
    low INTEGER NOT NULL, high INTEGER NOT NULL, sent INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE files (path TEXT PRIMARY KEY, inode INTEGER NOT NULL, read INTEGER NOT NULL) WITHOUT ROWID;
""" + "".join(_LANE.format(name=lane.name) for lane in LANES)
_TABLES = {"meta", "cursors", "said", "files", *(lane.name for lane in LANES)}


class Rotten(sqlite3.DatabaseError):
    """The file holds something that was never written."""


def create(path: Path) -> sqlite3.Connection:
    """A new, empty database. Whatever stands there is of a salvage that did not end, and goes."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    db = sqlite3.connect(str(path), isolation_level=None, timeout=BUSY_S)
    db.execute(f"PRAGMA page_size = {PAGE}")
    _prepare(db)
    db.executescript(_SCHEMA)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")
    return db


def connect(path: Path) -> sqlite3.Connection:
    """An existing database. Raises `sqlite3.DatabaseError` when it is none of ours, or not whole."""
    if not path.exists() or path.stat().st_size == 0:
        raise Rotten(f"{path.name} is gone")
    db = sqlite3.connect(str(path), isolation_level=None, timeout=BUSY_S)
    try:
        _prepare(db)
        if db.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
            raise Rotten(f"{path.name} is not the outbox")
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables >= _TABLES:
            raise Rotten(f"{path.name} lacks tables")
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA journal_size_limit = 16777216")


def check(db: sqlite3.Connection) -> None:
    """Raises `Rotten` for a file whose pages contradict each other."""
    (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        raise Rotten(str(answer))


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and durable when it ends."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def used(db: sqlite3.Connection) -> int:
    """Bytes of pages in use; the write-ahead log (up to 16 MiB) stands beside them."""
    (pages,), (free,) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count"))
    return int(pages - free) * PAGE
