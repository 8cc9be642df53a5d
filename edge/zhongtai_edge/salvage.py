"""A broken database is put aside, what can be read is copied, and a new epoch begins.

 1. Build the next database beside the broken one, with a new epoch that is on disk before anything uses it.
 2. Copy every record that passes its checksum, under the identity that it had: sending it twice does no harm.
 3. Send again from the first record that is held; what was never acknowledged and is not found is declared lost.
 4. Replace the pointer to the database: from then on the new one counts. The broken one stays, for people.

Killed anywhere before step 4, it is done again from the start. The caller holds the lock alone.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Callable, NamedTuple

from zhongtai_edge import database, pages
from zhongtai_edge.records import LANES, Held, missing


class Salvaged(NamedTuple):
    records: int
    lost: int  # known to be lost; what the broken file no longer knows of cannot be counted


class Said(NamedTuple):
    lane: int
    epoch: str
    says: str
    low: int
    high: int
    sent: int


class Cursor(NamedTuple):
    lane: int
    epoch: str
    next: int
    acked: int


def salvage(broken: Path, new: Path, epoch: str) -> Salvaged:
    """Steps 1 to 3. `new` is complete and closed when this returns."""
    found, cursors, files, said = _read(broken)
    for one in _carved(broken):
        found.setdefault((one.lane, one.epoch, one.seq), one)
    db = database.create(new)
    try:
        with database.transaction(db):
            lost = _write(db, found, cursors, files, said)
            begin(db, epoch)
    finally:
        db.close()
    return Salvaged(len(found), lost)


def begin(db: sqlite3.Connection, epoch: str) -> None:
    """The database goes on under `epoch`: every lane counts from 1 again, under a name that was never used."""
    db.execute("REPLACE INTO meta VALUES ('epoch', ?)", (epoch,))
    db.executemany("INSERT INTO cursors VALUES (?, ?, 1, 0, 0)", [(lane, epoch) for lane in range(len(LANES))])


Found = dict[tuple[int, str, int], Held]
File = tuple[str, int, int]  # path, inode, read until


def _read(broken: Path) -> tuple[Found, list[Cursor], list[File], list[Said]]:
    """What SQLite itself still reads of the broken file. Each table on its own: one may be whole when others are not."""
    found: Found = {}
    cursors: list[Cursor] = []
    files: list[File] = []
    said: list[Said] = []
    try:
        db = database.connect(broken)
    except sqlite3.Error:
        return found, cursors, files, said
    try:
        for lane, name in enumerate(one.name for one in LANES):
            _each(
                db, f"SELECT epoch, seq, at, format, payload, crc FROM {name}", lambda *r, _l=lane: _keep(found, _l, *r)
            )
        _each(db, "SELECT lane, epoch, next, acked FROM cursors", lambda *row: cursors.append(Cursor(*row)))
        _each(db, "SELECT path, inode, read FROM files", lambda *row: files.append(row))
        _each(db, "SELECT lane, epoch, says, low, high, sent FROM said", lambda *row: said.append(Said(*row)))
    finally:
        db.close()
    return found, cursors, files, said


def _each(db: sqlite3.Connection, query: str, take: Callable[..., object]) -> None:
    try:
        for row in db.execute(query):
            take(*row)
    except (sqlite3.Error, TypeError, AttributeError):
        return  # the rest of this table is for the carving


def _keep(found: Found, lane: int, epoch: str, seq: int, at: str, format: str, payload: bytes, crc: int) -> None:
    one = Held(lane, epoch, seq, at, format, payload, crc)
    if isinstance(payload, bytes) and one.whole:
        found[lane, epoch, seq] = one


def _carved(broken: Path) -> list[Held]:
    log = broken.with_name(broken.name + "-wal")
    return list(pages.carve(broken.read_bytes() if broken.exists() else b"", log.read_bytes() if log.exists() else b""))


def _write(
    db: sqlite3.Connection,
    found: Found,
    cursors: list[Cursor],
    files: list[File],
    said: list[Said],
) -> int:
    known = {(c.lane, c.epoch): c for c in cursors}
    held: dict[tuple[int, str], list[int]] = {place: [] for place in known}
    for lane, epoch, seq in sorted(found):
        held.setdefault((lane, epoch), []).append(seq)
        kept = found[lane, epoch, seq]
        row = (kept.epoch, kept.seq, kept.at, kept.format, kept.crc, kept.payload)
        db.execute(
            f"INSERT INTO {LANES[lane].name} (epoch, seq, at, format, crc, payload) VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )
    lost = 0
    shed: dict[tuple[int, str], list[int]] = {}
    for one in said:
        db.execute("INSERT INTO said (lane, epoch, says, low, high, sent) VALUES (?, ?, ?, ?, ?, ?)", one)
        if one.says != "top":
            shed.setdefault((one.lane, one.epoch), []).extend(range(one.low, one.high + 1))
    for (lane, epoch), seqs in held.items():
        cursor = known.get((lane, epoch), Cursor(lane, epoch, 1, 0))
        following = max([cursor.next, *(seq + 1 for seq in seqs)])
        there = sorted({*seqs, *shed.get((lane, epoch), ())})
        for low, high in missing(cursor.acked + 1, following - 1, there):
            lost += high - low + 1
            db.execute(
                "INSERT INTO said (lane, epoch, says, low, high) VALUES (?, ?, 'lost', ?, ?)", (lane, epoch, low, high)
            )
        # From the first record held, not from the cursor: the cursor stood in a file that cannot be trusted.
        acked = min(cursor.acked, seqs[0] - 1) if seqs else following - 1
        db.execute("INSERT INTO cursors VALUES (?, ?, ?, ?, 0)", (lane, epoch, following, acked))
    db.executemany("INSERT INTO files VALUES (?, ?, ?)", files)
    return lost
