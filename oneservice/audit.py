"""The audit log: one line for each request of somebody, in `<home>/service/audit.jsonl`. It only grows.

Who, what, when, how it ended, how many rows, how long. Never a value: of an address only its pattern, of SQL only a hash.
"""

import json
import os
import threading
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from contracts.instants import spelt


class Entry(NamedTuple):
    """`what` is method and pattern of the address; `query` the hash of a statement, so that equal ones can be counted."""

    at: datetime
    token: str
    name: str
    role: str
    what: str
    status: int
    rows: int
    ms: float
    query: str = ""


class Audit:
    """Appends to the log. May be shared between threads; several processes may append to one file."""

    def __init__(self, home: Path) -> None:
        self.path = home / "service" / "audit.jsonl"
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append(self, entry: Entry) -> None:
        told = entry._asdict() | {"at": spelt(entry.at), "ms": round(entry.ms, 1)}
        line = json.dumps({k: v for k, v in told.items() if v != ""}, ensure_ascii=False).encode() + b"\n"
        with self._lock:
            os.write(self._file, line)  # one write to a file in append mode: lines of two processes do not mix

    def close(self) -> None:
        os.close(self._file)
