"""What is known of who is who, on disk while somebody asks for it: the newest fact of each key, and where reading goes on.

The file has no name: it is removed from its folder as soon as it is open, so nothing of it outlives the process, not even a
crash. Memory is SQLite's cache, whatever the number of facts. Not to be shared between threads without a lock.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from contracts.evidence import IdentityFact
from contracts.keys import SEPARATOR, key
from contracts.wire import decoder

CACHE_KIB = 32 * 1024
CHUNK = 256
_SCHEMA = """
CREATE TABLE facts (key BLOB PRIMARY KEY, value BLOB NOT NULL, other BLOB) WITHOUT ROWID;
CREATE INDEX facts_by_other ON facts (other) WHERE other IS NOT NULL;
"""
_END = b"\xff"  # no UTF-8 text begins with it

Fact = tuple[bytes, IdentityFact]


class FactStore:
    """The facts of one tenant. Any exception of `apply` leaves it unusable: close it, and begin again."""

    def __init__(self, folder: Path, tenant: str) -> None:
        self._tenant = tenant
        self._decode = decoder(IdentityFact)
        self.places: dict[int, int] = {}  # partition → next offset
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, path = tempfile.mkstemp(prefix="evidence-", suffix=".sqlite", dir=folder)
        os.close(descriptor)
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            # Whatever goes wrong, all of it is read again: nothing has to be undone or to survive.
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = OFF", "synchronous = OFF", "secure_delete = ON"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            self._db.executescript(_SCHEMA)
        finally:
            Path(path).unlink()

    def close(self) -> None:
        self._db.close()

    def apply(self, partition: int, changes: Iterable[tuple[bytes, bytes | None]], next: int) -> None:
        """Takes what came of a partition, in order, and the next offset to read. A value None removes the fact."""
        newest = dict(changes)
        gone = [(at,) for at, value in newest.items() if value is None]
        # In the order of the keys: the tree is walked once, instead of from its root for each.
        kept = sorted((at, value, self._other(at)) for at, value in newest.items() if value is not None)
        self._db.execute("BEGIN")
        self._db.executemany("DELETE FROM facts WHERE key = ?", gone)
        self._db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", kept)
        self._db.execute("COMMIT")
        self.places[partition] = next

    def said(self) -> list[Fact]:
        """The stewards' rulings, and the newest model."""
        return [*self._among(key(self._tenant, "r", "")), *self._among(key(self._tenant, "m"))]

    def about(self, nid: str) -> list[Fact]:
        """The identifier itself, and its names."""
        return [*self._among(key(self._tenant, "i", nid)), *self._among(key(self._tenant, "n", nid, ""))]

    def beside(self, nid: str) -> Iterator[list[Fact]]:
        """The pairs with this identifier at one end, some at a time."""
        first = key(self._tenant, "p", nid, "")
        for where, values in (("key >= ? AND key < ?", (first, first + _END)), ("other = ?", (nid.encode(),))):
            rows = self._db.execute(f"SELECT key, value FROM facts WHERE {where} ORDER BY key", values)  # noqa: S608
            while found := rows.fetchmany(CHUNK):
                yield [(at, self._decode(value)) for at, value in found]

    def count(self) -> int:
        """How many facts are held."""
        found: tuple[int] = self._db.execute("SELECT count(*) FROM facts").fetchone()
        return found[0]

    def _among(self, first: bytes) -> list[Fact]:
        rows = self._db.execute("SELECT key, value FROM facts WHERE key >= ? AND key < ?", (first, first + _END))
        return [(at, self._decode(value)) for at, value in rows]

    def _other(self, at: bytes) -> bytes | None:
        """The second end of a pair's key."""
        _, kind, *about = at.split(SEPARATOR.encode())
        return about[1] if kind == b"p" else None
