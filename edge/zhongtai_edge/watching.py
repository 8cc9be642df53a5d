"""A folder of JSON lines that the till software writes: every whole line becomes a record, once.

How far each file was read stands in the outbox, in the same commit as the records, so a kill or a power cut neither
repeats nor skips a line. A file that was replaced (another inode) or cut shorter is read from its start.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Callable

from zhongtai_edge.outbox import LARGEST, Outbox

CHUNK_LINES = 200
CHUNK_BYTES = 1 << 20


def take(outbox: Outbox, folder: Path, lane: str, format: str, notify: Callable[[str], None]) -> int:
    """Appends the new whole lines of every *.jsonl in `folder`, by name. Returns how many."""
    return sum(_file(outbox, path, lane, format, notify) for path in sorted(folder.glob("*.jsonl")))


def _file(outbox: Outbox, path: Path, lane: str, format: str, notify: Callable[[str], None]) -> int:
    name = str(path.absolute())
    taken = 0
    with path.open("rb") as file:
        there = _stat(file)
        inode, start = outbox.read_until(name)
        if inode != there[0] or start > there[1]:
            start = 0
        file.seek(start)
        while True:
            lines, end = _lines(file, start)
            if end == start:
                return taken
            whole = [line for line in lines if len(line) <= LARGEST]
            if len(whole) < len(lines):
                notify(f"{path.name}: {len(lines) - len(whole)} lines are longer than Kafka takes and were left out.")
            outbox.append_many(lane, whole, format=format, read=(name, there[0], end))
            taken += len(whole)
            start = end


def _stat(file: IO[bytes]) -> tuple[int, int]:
    found = os.fstat(file.fileno())
    return found.st_ino, found.st_size


def _lines(file: IO[bytes], start: int) -> tuple[list[bytes], int]:
    """Up to a chunk of whole lines that are not blank, and the offset behind them. A line without its end waits."""
    lines: list[bytes] = []
    end = start
    while len(lines) < CHUNK_LINES and end - start < CHUNK_BYTES:
        raw = file.readline()
        if not raw.endswith(b"\n"):
            break
        end += len(raw)
        line = raw.rstrip(b"\r\n")
        if line and not line.isspace():
            lines.append(line)
    return lines, end
