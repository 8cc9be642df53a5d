"""The copies of the key store that backups make: where they are, and how each is replaced by the newest.

A folder of keys holds one copy, always of the newest keys. An older one would bring back what was destroyed since; so an erasure
renews every copy, and for that the home remembers where they are.
"""

import os
import sqlite3
from pathlib import Path

from connectors import atomic
from connectors.keystore import Keystore
from contracts.clock import Clock
from contracts.errors import Corrupt

KEYS = "keystore.sqlite"
COPIES = Path("keys") / "copies"


def renew(home: Path, keys: Path, clock: Clock) -> list[str]:
    """Puts a copy of the key store into `keys`, in place of the one before; the nids whose keys are destroyed."""
    if not (home / "keys" / KEYS).exists():
        return []
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys.chmod(0o700)
    fresh = keys / f".{KEYS}.building"
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    copy_database(home / "keys" / KEYS, fresh)
    atomic.sync(fresh)
    remember(home, keys)
    fresh.replace(keys / KEYS)
    atomic.sync(keys)
    store = Keystore(home, clock)
    try:
        return store.destroyed_after(0)[1]
    finally:
        store.close()


def remember(home: Path, keys: Path) -> None:
    """From now on the home knows of this copy."""
    known = copies(home)
    if keys.resolve() not in known:
        lines = sorted({str(folder) for folder in (*known, keys.resolve())})
        atomic.write(home / COPIES, "".join(f"{line}\n" for line in lines).encode())


def copies(home: Path) -> list[Path]:
    """The folders of keys that backups of this home have written, whether they can be reached or not."""
    try:
        return [Path(line) for line in (home / COPIES).read_text("utf-8").splitlines() if line]
    except FileNotFoundError:
        return []


def copy_database(source: Path, target: Path) -> None:
    """A copy at one moment, however busy the database is."""
    given = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)
    taken = sqlite3.connect(target)
    try:
        if given.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise Corrupt(f"The key store {source} is damaged.", "Use another copy of the keys.")
        given.backup(taken)
    except sqlite3.DatabaseError:
        raise Corrupt(f"The key store {source} cannot be read.", "Use another copy of the keys.") from None
    finally:
        given.close()
        taken.close()
