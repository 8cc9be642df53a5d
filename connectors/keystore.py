"""The key store: every key of this installation, in one durable SQLite file `<home>/keys/keystore.sqlite`.

    tenant keys   name identifiers (HMAC): losing one renames every member
    feed keys     encrypt dead letters
    secrets       of the HTTP receivers: what signs a web shop's messages, who may send
    data keys     one for each nid, encrypts that identifier's value; destroying it erases the value everywhere at once

Back it up apart from the lake: who holds both can read identifiers, and who lost this can read none.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from contracts.clock import Clock
from contracts.errors import Corrupt, NotReady

TENANT_KEY_BYTES = 32
CIPHER_KEY_BYTES = 64  # AES-256-SIV takes two keys of 256 bits
BUSY_MS = 30_000
_CHUNK = 500  # SQLite's limit of variables in a statement is a build option

_SCHEMA = """
CREATE TABLE IF NOT EXISTS named_keys (
    name TEXT PRIMARY KEY, key BLOB NOT NULL, created_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS data_keys (
    nid TEXT PRIMARY KEY, key BLOB, created_at TEXT NOT NULL, destroyed_at TEXT, destroyed_as INTEGER,
    CHECK ((key IS NULL) = (destroyed_at IS NOT NULL) AND (key IS NULL) = (destroyed_as IS NOT NULL))
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS destroyed ON data_keys (destroyed_as) WHERE destroyed_as IS NOT NULL;
"""


class Keystore:
    """One open key store. Safe to share between threads, and between processes that open the same file.

    A key that a method returned is on disk, and every process that asks for the same name gets the same key.
    """

    def __init__(self, home: Path, clock: Clock, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self.path = home / "keys" / "keystore.sqlite"
        self._clock = clock
        self._entropy = entropy
        self._lock = threading.Lock()
        _private_file(self.path)
        with _told(self.path):
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
            _switch_to_wal(self._db)
            # FULL: a record sealed by a key must never outlive the key, not even a power cut.
            self._db.execute("PRAGMA synchronous = FULL")
            # A destroyed key is overwritten, not merely forgotten.
            self._db.execute("PRAGMA secure_delete = ON")
            if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'destroyed'").fetchone():
                self._db.executescript("BEGIN IMMEDIATE;" + _SCHEMA + "COMMIT;")

    def close(self) -> None:
        self._db.close()

    def tenant_key(self, tenant: str) -> bytes:
        """The key that names the identifiers of a tenant; made when it is first asked for."""
        return self._named_key(f"tenant|{tenant}", TENANT_KEY_BYTES)

    def feed_key(self, tenant: str, feed: str) -> bytes:
        """The key of a feed's dead letters; made when it is first asked for."""
        return self._named_key(f"feed|{tenant}|{feed}", CIPHER_KEY_BYTES)

    def keep_secret(self, name: str, secret: bytes) -> None:
        """Keeps what somebody else chose, such as a web shop's signing secret, in place of what had that name."""
        with self._lock, _told(self.path), self._transaction():
            row = (f"secret|{name}", secret, self._now())
            self._db.execute("REPLACE INTO named_keys VALUES (?, ?, ?)", row)

    def secrets(self, prefix: str) -> dict[str, bytes]:
        """The secrets whose names begin with `prefix`, by name."""
        with self._lock, _told(self.path):
            rows = self._db.execute(
                "SELECT name, key FROM named_keys WHERE name > 'secret|' AND name < 'secret}'"
            ).fetchall()
        named = {name.removeprefix("secret|"): bytes(key) for name, key in rows}
        return {name: secret for name, secret in sorted(named.items()) if name.startswith(prefix)}

    def forget_secret(self, name: str) -> bool:
        """Overwrites a secret; False when there was none."""
        with self._lock, _told(self.path), self._transaction():
            return self._db.execute("DELETE FROM named_keys WHERE name = ?", (f"secret|{name}",)).rowcount > 0

    def data_keys(self, nids: Iterable[str]) -> dict[str, bytes | None]:
        """The data key of each nid, made where there was none; None for a nid whose key was destroyed.

        New keys are on disk when this returns: one transaction, however many nids. Of two processes that meet a new nid
        at once, one makes the key and both return it.
        """
        wanted = list(dict.fromkeys(nids))
        with self._lock, _told(self.path):
            found = self._find(wanted)
            missing = [nid for nid in wanted if nid not in found]
            if missing:
                now = self._now()
                rows = [(nid, self._entropy(CIPHER_KEY_BYTES), now) for nid in missing]
                with self._transaction():
                    self._db.executemany(
                        "INSERT INTO data_keys (nid, key, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", rows
                    )
                # Asked again, because another process may have been first: then its key is the key.
                found |= self._find(missing)
        return found

    def find(self, nids: Iterable[str]) -> dict[str, bytes | None]:
        """Like `data_keys`, for readers: makes nothing, and leaves out what does not exist."""
        with self._lock, _told(self.path):
            return self._find(list(dict.fromkeys(nids)))

    def destroy(self, nids: Iterable[str]) -> int:
        """Destroys the data keys of these nids for ever, and returns how many were not destroyed before.

        Each leaves a mark, also where there was no key, so that a record that comes late cannot make a new one. When
        this returns, the bytes of the keys are in no file of the store; backups are the operator's. Repeating it is
        harmless.
        """
        with self._lock, _told(self.path):
            now, new = self._now(), 0
            with self._transaction():
                for nid in dict.fromkeys(nids):
                    new += self._db.execute(_DESTROY, (nid, now, now)).rowcount
            busy, _, _ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise NotReady(
                "The keys are destroyed, but a reader still holds the log in which their bytes stand.",
                "Repeat the command; if it persists, stop the workers first.",
            )
        return new

    def destroyed_after(self, mark: int) -> tuple[int, list[str]]:
        """The nids destroyed since `mark` (0: ever), by any process, and the mark to ask with next time.

        One look-up in an index that holds destroyed keys only, so it may be asked for every batch.
        """
        with self._lock, _told(self.path):
            rows = self._db.execute(
                "SELECT destroyed_as, nid FROM data_keys WHERE destroyed_as > ? ORDER BY destroyed_as", (mark,)
            ).fetchall()
        return (rows[-1][0] if rows else mark), [nid for _, nid in rows]

    def _named_key(self, name: str, size: int) -> bytes:
        with self._lock, _told(self.path):
            select = "SELECT key FROM named_keys WHERE name = ?"
            if row := self._db.execute(select, (name,)).fetchone():
                return bytes(row[0])
            with self._transaction():
                self._db.execute(
                    "INSERT INTO named_keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    (name, self._entropy(size), self._now()),
                )
            return bytes(self._db.execute(select, (name,)).fetchone()[0])

    def _find(self, nids: Sequence[str]) -> dict[str, bytes | None]:
        found: dict[str, bytes | None] = {}
        for i in range(0, len(nids), _CHUNK):
            some = nids[i : i + _CHUNK]
            marks = ",".join("?" * len(some))
            select = f"SELECT nid, key FROM data_keys WHERE nid IN ({marks})"  # noqa: S608  question marks only
            found.update(self._db.execute(select, some))
        return found

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # IMMEDIATE: the write lock is waited for at the beginning; a lock asked for later fails at once instead.
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _now(self) -> str:
        return self._clock.now().isoformat()


_DESTROY = """
INSERT INTO data_keys (nid, key, created_at, destroyed_at, destroyed_as)
VALUES (?, NULL, ?, ?, (SELECT coalesce(max(destroyed_as), 0) + 1 FROM data_keys WHERE destroyed_as IS NOT NULL))
ON CONFLICT (nid) DO UPDATE
SET key = NULL, destroyed_at = excluded.destroyed_at, destroyed_as = excluded.destroyed_as
WHERE data_keys.destroyed_at IS NULL
"""


def _switch_to_wal(db: sqlite3.Connection) -> None:
    # SQLite does not wait for the lock of this switch, whatever the busy timeout: of several processes that open a new
    # file at once, all but one are refused. Asked again, they find it switched.
    for pause_s in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0):
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) and "busy" not in str(error):
                raise
            time.sleep(pause_s)
    db.execute("PRAGMA journal_mode = WAL")


def _private_file(path: Path) -> None:
    """Makes the file and its folder if they are absent, for their owner alone; SQLite's side files inherit that."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    # Only a file that is not there is opened: closing any handle of a file gives up all locks of this process on it (POSIX),
    # SQLite's too. Another process that closed the store would then think itself the last, and remove the log under us.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    path.chmod(0o600)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """SQLite's errors in our words. None of them holds a key."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise NotReady("Another process keeps the key store locked.", "Find it: lsof " + str(path)) from None
        wrong = f"The key store {path} cannot be used: {error}."
        raise NotReady(wrong, "Check the disk and the permissions.") from None
    except sqlite3.DatabaseError as error:
        raise Corrupt(
            f"The key store {path} is damaged: {error}.", "Operator action: stop the workers and restore its backup."
        ) from None
