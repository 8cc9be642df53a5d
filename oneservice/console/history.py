"""What was asked in SQL with a token: `<home>/service/console.sqlite`, the newest `MOST` questions of each.

Only who holds the token reads its history. Statements may name a person's number, so the file is its owner's alone, and what
is older than `KEPT` goes.
"""

import os
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from contracts.clock import Clock
from contracts.instants import spelt

MOST = 100
KEPT = timedelta(days=90)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS asked (
    id INTEGER PRIMARY KEY, token TEXT NOT NULL, at TEXT NOT NULL, query TEXT NOT NULL,
    status TEXT NOT NULL, rows INTEGER NOT NULL, ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS asked_by_token ON asked (token, id);
"""


class Asked(NamedTuple):
    """A question: when, how it ended ("ok" or the code of a problem), its rows and milliseconds."""

    id: int
    at: str
    query: str
    status: str
    rows: int
    ms: int


class History:
    """May be shared between threads."""

    def __init__(self, home: Path, clock: Clock) -> None:
        path = home / "service" / "console.sqlite"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._clock = clock
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._db.executescript(_SCHEMA)

    def add(self, token: str, query: str, status: str, rows: int, ms: int) -> None:
        """Keeps a question. The same as the one before takes its place."""
        now = self._clock.now()
        with self._lock:
            last = self._db.execute("SELECT id, query FROM asked WHERE token = ? ORDER BY id DESC", (token,)).fetchone()
            if last and last[1] == query:
                self._db.execute("DELETE FROM asked WHERE id = ?", (last[0],))
            sql = "INSERT INTO asked (token, at, query, status, rows, ms) VALUES (?, ?, ?, ?, ?, ?)"
            self._db.execute(sql, (token, spelt(now), query, status, rows, ms))
            self._db.execute("DELETE FROM asked WHERE at < ?", (spelt(now - KEPT),))
            sql = "SELECT id FROM asked WHERE token = ? ORDER BY id DESC LIMIT 1 OFFSET ?"
            old = self._db.execute(sql, (token, MOST)).fetchone()
            if old:
                self._db.execute("DELETE FROM asked WHERE token = ? AND id <= ?", (token, old[0]))

    def of(self, token: str) -> list[Asked]:
        """The questions of a token, the newest first."""
        with self._lock:
            sql = "SELECT id, at, query, status, rows, ms FROM asked WHERE token = ? ORDER BY id DESC"
            return [Asked(*row) for row in self._db.execute(sql, (token,)).fetchall()]
