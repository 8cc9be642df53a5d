"""API tokens: who may ask, as which role, until when. `<home>/service/tokens.sqlite` holds a hash of each and no token.

A token is `zt_<id>_<secret>`: the id finds the row, and only SHA-256 of the secret is kept. The secret has 256 random bits,
so a plain hash cannot be turned back by trying; a slow one would only cost every request.
"""

import hashlib
import hmac
import os
import re
import secrets
import sqlite3
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from contracts.clock import Clock
from contracts.errors import BadInput, NotReady
from contracts.instants import spelt

LONGEST = timedelta(days=366)
_TOKEN = re.compile(r"zt_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, hash BLOB NOT NULL,
    created_at TEXT NOT NULL, expires_at TEXT NOT NULL, revoked_at TEXT
) WITHOUT ROWID
"""
_NOBODY = hashlib.sha256(b"nobody").digest()


class Known(NamedTuple):
    """A token as it is kept. Times are RFC 3339 in UTC; `revoked_at` is "" while it was not revoked."""

    id: str
    name: str
    role: str
    created_at: str
    expires_at: str
    revoked_at: str

    def usable(self, now: datetime) -> bool:
        return not self.revoked_at and now < datetime.fromisoformat(self.expires_at)


class Tokens:
    """The tokens of one tenant. May be shared between threads, and between processes that open the same home."""

    def __init__(self, home: Path, tenant: str, clock: Clock) -> None:
        path = home / "service" / "tokens.sqlite"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._tenant = tenant
        self._clock = clock
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
            self._db.execute(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise NotReady(f"The tokens in {path} cannot be used: {error}.", "Check the disk, or restore it.") from None

    def close(self) -> None:
        self._db.close()

    def add(self, name: str, role: str, lasts: timedelta) -> tuple[str, Known]:
        """Makes a token, and returns it for the only time."""
        if not _NAME.fullmatch(name):
            raise BadInput("A name has letters, digits and . _ @ -, 64 at most.", "Choose another.")
        if not timedelta(0) < lasts <= LONGEST:
            raise BadInput("A token lasts more than nothing and 366 days at most.", "Make a new one when it ends.")
        id, secret, now = secrets.token_hex(6), secrets.token_urlsafe(32), self._clock.now()
        kept = Known(id, name, role, spelt(now), spelt(now + lasts), "")
        row = (id, self._tenant, name, role, _hash(secret), kept.created_at, kept.expires_at)
        with self._lock:
            self._db.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", row)
        return f"zt_{id}_{secret}", kept

    def list(self) -> list[Known]:
        """Every token, the oldest first."""
        with self._lock:
            rows = self._db.execute(f"{_SELECT} WHERE tenant = ? ORDER BY created_at, id", (self._tenant,)).fetchall()
        return [Known(*row[:6]) for row in rows]

    def revoke(self, id: str) -> bool:
        """From now on the token opens nothing; False when there was none, or it was revoked before."""
        with self._lock:
            done = self._db.execute(
                "UPDATE tokens SET revoked_at = ? WHERE tenant = ? AND id = ? AND revoked_at IS NULL",
                (spelt(self._clock.now()), self._tenant, id),
            )
        return done.rowcount > 0

    def holder(self, token: str) -> Known | None:
        """Whose token this is; None when it is unknown, revoked or has expired. Takes as long for each of them."""
        match = _TOKEN.fullmatch(token)
        id, secret = (match[1], match[2]) if match else ("", "")
        with self._lock:
            row = self._db.execute(f"{_SELECT} WHERE tenant = ? AND id = ?", (self._tenant, id)).fetchone()
        fits = hmac.compare_digest(row[6] if row else _NOBODY, _hash(secret))
        known = Known(*row[:6]) if row else None
        return known if known and fits and known.usable(self._clock.now()) else None


_SELECT = "SELECT id, name, role, created_at, expires_at, coalesce(revoked_at, ''), hash FROM tokens"


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
