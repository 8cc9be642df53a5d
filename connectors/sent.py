"""What this installation has sent: whole files by their content, and records by their marks, in `<home>/ingest.sqlite`.

For counting and for not sending a file twice. Losing it loses no data: files are then sent again, and the jobs
downstream take each record once. It holds no personal data: a receipt is told by store, till, day and number, any other
record by 16 bytes.
"""

import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Protocol

from connectors.feeds import Mark, Number
from contracts.clock import Clock
from contracts.errors import Corrupt

Intervals = tuple[tuple[int, int], ...]
Day = tuple[str, str, str]  # store, till, business date

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    scope TEXT, sha256 TEXT, name TEXT NOT NULL, sent_at TEXT NOT NULL, PRIMARY KEY (scope, sha256)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS numbers (
    scope TEXT, store TEXT, till TEXT, business_date TEXT, seen TEXT NOT NULL,
    PRIMARY KEY (scope, store, till, business_date)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (mark BLOB PRIMARY KEY) WITHOUT ROWID;
"""


class Marks(Protocol):
    """`centers.receipts.marks`, by which the job takes each receipt once; this layer may not import it."""

    def add(self, seen: Intervals, n: int) -> tuple[Intervals, bool]: ...
    def union(self, a: Intervals, b: Intervals) -> Intervals: ...


class Sent:
    """One feed of one tenant on one Kafka cluster. What is added counts here at once, and on disk after `keep`."""

    def __init__(self, home: Path, scope: tuple[str, str, str], marks: Marks, clock: Clock) -> None:
        self._scope = "|".join(scope)
        self._scope_key = hashlib.sha256(self._scope.encode()).digest()
        self._marks = marks
        self._clock = clock
        self._seen: dict[Day, Intervals] = {}
        self._touched: set[Day] = set()
        self._records: set[bytes] = set()
        self._path = home / "ingest.sqlite"
        home.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(self._path, isolation_level=None, timeout=30)
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise Corrupt(
                f"{self._path} cannot be used: {error}.", f"Delete {self._path}: files will be sent again, harmlessly."
            ) from None

    def close(self) -> None:
        self._db.close()

    def file(self, sha256: str) -> bool:
        """Whether a file of this content was sent whole."""
        row = self._db.execute("SELECT 1 FROM files WHERE scope = ? AND sha256 = ?", (self._scope, sha256)).fetchone()
        return row is not None

    def add(self, mark: Mark) -> bool:
        """Whether the record is new; from now on it is not."""
        if not isinstance(mark, Number):
            return self._add_record(mark)
        day = mark[:3]
        seen = self._seen[day] if day in self._seen else self._stored(day)
        self._seen[day], new = self._marks.add(seen, mark.number)
        if new:
            self._touched.add(day)
        return new

    def _add_record(self, mark: bytes) -> bool:
        # The scope is hashed in, so that the table is one index of 16 bytes a record.
        own = hashlib.blake2b(mark, digest_size=16, key=self._scope_key).digest()
        if own in self._records or self._db.execute("SELECT 1 FROM records WHERE mark = ?", (own,)).fetchone():
            return False
        self._records.add(own)
        return True

    def keep(self, sha256: str, name: str) -> None:
        """Writes that a file was sent, with all records added so far. Call it when Kafka has acknowledged them."""
        self._db.execute("BEGIN IMMEDIATE")
        for day in sorted(self._touched):
            # Read again under the lock: another process may have sent other receipts of this day meanwhile.
            seen = self._seen[day] = self._marks.union(self._stored(day), self._seen[day])
            self._db.execute("REPLACE INTO numbers VALUES (?, ?, ?, ?, ?)", (self._scope, *day, json.dumps(seen)))
        self._db.executemany("INSERT OR IGNORE INTO records VALUES (?)", ((mark,) for mark in self._records))
        now = self._clock.now().isoformat()
        self._db.execute("REPLACE INTO files VALUES (?, ?, ?, ?)", (self._scope, sha256, name, now))
        self._db.execute("COMMIT")
        self._touched.clear()
        self._records.clear()

    def _stored(self, day: Day) -> Intervals:
        row = self._db.execute(
            "SELECT seen FROM numbers WHERE scope = ? AND store = ? AND till = ? AND business_date = ?",
            (self._scope, *day),
        ).fetchone()
        return tuple((low, high) for low, high in json.loads(row[0])) if row else ()
