"""The newest record of each key of the followed topics, in one SQLite file: `<home>/service/live.sqlite`.

Rows and next offsets change in one transaction. So whatever is killed, the view is the topic up to its offsets, and reading
goes on from there: nothing is read twice, and no key has to be in memory. All of it can be made again from the topics, so
a damaged file is thrown away. One process writes, any number of threads read.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

VERSION = 1
CACHE_KIB = 1024  # of each reading thread
WRITER_CACHE_KIB = 16 * 1024
_SCHEMA = f"""
CREATE TABLE topics (
    topic TEXT PRIMARY KEY, identity TEXT NOT NULL, as_of TEXT, complete_at TEXT
) WITHOUT ROWID;
CREATE TABLE places (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, newest_ms INTEGER,
    PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
CREATE TABLE records (topic TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, partition INTEGER NOT NULL, also TEXT);
CREATE UNIQUE INDEX records_by_key ON records (topic, key);
CREATE INDEX records_by_also ON records (topic, also) WHERE also IS NOT NULL;
PRAGMA user_version = {VERSION};
"""

Places = Mapping[int, int]  # partition → next offset


class Change(NamedTuple):
    """A record of a followed topic. `value` None removes the key; `also` is a second name to find it by."""

    key: bytes
    value: bytes | None
    ms: int
    also: str | None = None


class Run(NamedTuple):
    """What came of one partition, in order, and the next offset to read."""

    topic: str
    partition: int
    changes: Sequence[Change]
    next: int


class Held(NamedTuple):
    """What the view says of a topic.

    `complete_at` is when it last held all of the topic, None while it is filled for the first time. `as_of` is the moment
    up to which everything that the platform had been sent is in it, as far as that could ever be shown.
    """

    as_of: datetime | None
    complete_at: datetime | None
    places: Places


class View:
    """Open it once for a process. Reads may come from any thread, writes from one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._threads = threading.local()
        self._generation = 0
        self._lock = threading.Lock()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._write = self._opened()
        except sqlite3.DatabaseError:
            self._throw_away()
            self._write = self._opened()

    def close(self) -> None:
        self._write.close()

    def renew(self) -> None:
        """Throws a damaged view away; it is filled again from the topics."""
        self._write.close()
        self._throw_away()
        self._write = self._opened()
        self._generation += 1

    def begin(self, topic: str, identity: str) -> Places:
        """The next offset of each partition; empty when the topic is another one than before, which is then forgotten."""
        with self._transaction() as db:
            known = db.execute("SELECT identity FROM topics WHERE topic = ?", (topic,)).fetchone()
            if known != (identity,):
                self._forget(db, topic)
                db.execute("INSERT INTO topics VALUES (?, ?, NULL, NULL)", (topic, identity))
            return dict(db.execute("SELECT partition, next FROM places WHERE topic = ?", (topic,)).fetchall())

    def forget(self, topic: str) -> None:
        """Drops what is held of a topic, to fill it again."""
        with self._transaction() as db:
            self._forget(db, topic)

    def apply(self, runs: Sequence[Run]) -> None:
        """Takes what came, with the offsets that follow, in one transaction."""
        with self._transaction() as db:
            for run in runs:
                newest = {change.key: change for change in run.changes}  # of several of a key the last one counts
                kept = [
                    (run.topic, c.key, c.value, run.partition, c.also) for c in newest.values() if c.value is not None
                ]
                gone = [(run.topic, c.key) for c in newest.values() if c.value is None]
                db.executemany("DELETE FROM records WHERE topic = ? AND key = ?", gone)
                db.executemany(_KEEP, kept)
                ms = max((change.ms for change in run.changes), default=None)
                db.execute(_PLACE, (run.topic, run.partition, run.next, ms))

    def complete(self, topic: str, at: datetime) -> None:
        """The view held all of the topic at that moment."""
        with self._transaction() as db:
            db.execute("UPDATE topics SET complete_at = ? WHERE topic = ?", (at.isoformat(), topic))

    def shown(self, topic: str, as_of: datetime) -> None:
        """It was shown that everything sent before that moment is in the view."""
        with self._transaction() as db:
            db.execute("UPDATE topics SET as_of = ? WHERE topic = ?", (as_of.isoformat(), topic))

    def held(self, topic: str) -> Held:
        """How far the view reaches now. To be read before the records, which then are at least as new."""
        with self._read() as db:
            row = db.execute("SELECT as_of, complete_at FROM topics WHERE topic = ?", (topic,)).fetchone()
            places = db.execute("SELECT partition, next, newest_ms FROM places WHERE topic = ?", (topic,)).fetchall()
        if row is None:
            return Held(None, None, {})
        as_of = _moment(row[0])
        newest = [ms for _, _, ms in places if ms is not None]
        if as_of is None and row[1] and newest:
            # Never shown. The job was at work when it wrote the newest record of each partition: the oldest of these holds.
            as_of = datetime.fromtimestamp(min(newest) / 1000, UTC)
        return Held(as_of, _moment(row[1]), {p: n for p, n, _ in places})

    def get(self, topic: str, key: bytes) -> bytes | None:
        with self._read() as db:
            row = db.execute("SELECT value FROM records WHERE topic = ? AND key = ?", (topic, key)).fetchone()
        return bytes(row[0]) if row else None

    def among(self, topic: str, prefix: bytes, most: int) -> list[bytes]:
        """The values of the keys that begin with `prefix`, in the order of the keys; at most `most`."""
        with self._read() as db:
            rows = db.execute(
                "SELECT value FROM records WHERE topic = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
                (topic, prefix, prefix + b"\xff", most),
            ).fetchall()
        return [bytes(value) for (value,) in rows]

    def also(self, topic: str, name: str, most: int) -> list[bytes]:
        """The values that have this second name; at most `most`."""
        with self._read() as db:
            rows = db.execute(
                "SELECT value FROM records WHERE topic = ? AND also = ? ORDER BY key LIMIT ?", (topic, name, most)
            ).fetchall()
        return [bytes(value) for (value,) in rows]

    def count(self, topic: str) -> int:
        """How many keys are held. Takes as long as there are keys."""
        with self._read() as db:
            row: tuple[int] = db.execute("SELECT count(*) FROM records WHERE topic = ?", (topic,)).fetchone()
        return row[0]

    def _opened(self) -> sqlite3.Connection:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # a power cut loses the last commits whole: they are read again
        # What an erased person's record held is overwritten, not merely unlinked.
        db.execute("PRAGMA secure_delete = ON")
        db.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError("of another release")
        if version == 0:
            db.executescript("BEGIN IMMEDIATE;" + _SCHEMA + "COMMIT;")
        return db

    def _throw_away(self) -> None:
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.path}{end}")  # noqa: PTH108  the ending belongs to the name

    def _forget(self, db: sqlite3.Connection, topic: str) -> None:
        for table in ("records", "places", "topics"):
            db.execute(f"DELETE FROM {table} WHERE topic = ?", (topic,))  # noqa: S608

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._write.execute("BEGIN IMMEDIATE")
            try:
                yield self._write
            except BaseException:
                self._write.execute("ROLLBACK")
                raise
            self._write.execute("COMMIT")

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        known = getattr(self._threads, "open", None)
        if known is None or known[0] != self._generation:
            db = sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=30)
            db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            known = self._threads.open = (self._generation, db)
        yield known[1]


_KEEP = """
INSERT INTO records (topic, key, value, partition, also) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (topic, key) DO UPDATE SET value = excluded.value, partition = excluded.partition, also = excluded.also
"""
_PLACE = """
INSERT INTO places VALUES (?, ?, ?, ?)
ON CONFLICT (topic, partition) DO UPDATE SET next = excluded.next, newest_ms = coalesce(excluded.newest_ms, newest_ms)
"""


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
