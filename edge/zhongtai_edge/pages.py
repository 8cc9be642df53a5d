"""Rows out of a broken SQLite file, page by page, without asking SQLite. Pure.

Written from https://sqlite.org/fileformat2.html: leaf pages of table b-trees (1.6), the record format (2.1), overflow chains
(1.6), and frames of the write-ahead log (4.1). Every page image is tried, old frames of the log included: a record is
immutable and carries a checksum over all of itself, so whatever passes is right wherever it was found.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from zhongtai_edge.database import PAGE
from zhongtai_edge.records import LANES, Held

_LEAF = 0x0D
_FRAME = 24 + PAGE
_WHOLE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_MOST = 2 << 20  # no record of ours is longer


def carve(database: bytes, log: bytes) -> Iterator[Held]:
    """Every whole record found in a database file and its write-ahead log, in no order, repeats included."""
    newest: dict[int, bytes] = {}
    images: list[tuple[int, bytes]] = []
    for at in range(0, len(database) - PAGE + 1, PAGE):
        images.append((at // PAGE + 1, database[at : at + PAGE]))
    for at in range(32, len(log) - _FRAME + 1, _FRAME):
        (number,) = struct.unpack_from(">I", log, at)
        newest[number] = log[at + 24 : at + _FRAME]
        images.append((number, newest[number]))
    for number, page in images:
        for payload in _cells(number, page, database, newest):
            found = _record(payload)
            if found is not None:
                yield found


def _cells(number: int, page: bytes, database: bytes, newest: dict[int, bytes]) -> Iterator[bytes]:
    start = 100 if number == 1 else 0
    if page[start] != _LEAF:
        return
    (count,) = struct.unpack_from(">H", page, start + 3)
    for n in range(min(count, PAGE // 4)):
        if start + 10 + 2 * n > PAGE:
            return
        (at,) = struct.unpack_from(">H", page, start + 8 + 2 * n)
        payload = _payload(page, at, database, newest)
        if payload is not None:
            yield payload


def _payload(page: bytes, at: int, database: bytes, newest: dict[int, bytes]) -> bytes | None:
    size, at = _varint(page, at)
    _, at = _varint(page, at)
    if at > PAGE or not 0 < size <= _MOST:
        return None
    local = size
    if size > PAGE - 35:
        least = (PAGE - 12) * 32 // 255 - 23
        local = least + (size - least) % (PAGE - 4)
        if local > PAGE - 35:
            local = least
    parts = [page[at : at + local]]
    left = size - local
    if left:
        if at + local + 4 > PAGE:
            return None
        (following,) = struct.unpack_from(">I", page, at + local)
        while left > 0:
            more = newest.get(following) or database[(following - 1) * PAGE : following * PAGE]
            if not following or len(more) < PAGE:
                return None
            (following,) = struct.unpack_from(">I", more)
            parts.append(more[4 : 4 + left])
            left -= PAGE - 4
    return b"".join(parts)


def _record(payload: bytes) -> Held | None:
    """The record of a row of a lane's table, if it is one and its checksum says so."""
    columns = _columns(payload)
    if columns is None or len(columns) != 7:
        return None
    _, epoch, seq, at, format, crc, body = columns
    if not (isinstance(epoch, str) and isinstance(seq, int) and isinstance(at, str) and isinstance(format, str)):
        return None
    if not (isinstance(crc, int) and isinstance(body, bytes)):
        return None
    tried = (Held(lane, epoch, seq, at, format, body, crc) for lane in range(len(LANES)))
    return next((one for one in tried if one.whole), None)


def _columns(payload: bytes) -> list[int | str | bytes | None] | None:
    head, at = _varint(payload, 0)
    types: list[int] = []
    while at < head <= len(payload):
        kind, at = _varint(payload, at)
        types.append(kind)
    values: list[int | str | bytes | None] = []
    for kind in types:
        size = _WHOLE.get(kind, 0) if kind < 12 else (kind - 12) // 2
        raw = payload[at : at + size]
        if len(raw) < size or kind in (7, 10, 11):
            return None
        at += size
        if kind >= 12 and kind % 2 == 0:
            values.append(raw)
        elif kind >= 13:
            try:
                values.append(raw.decode())
            except UnicodeDecodeError:
                return None
        else:
            values.append(
                None if kind == 0 else kind - 8 if kind in (8, 9) else int.from_bytes(raw, "big", signed=True)
            )
    return values


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A big-endian variable-length integer and the place behind it; past the end of `data` when it is cut."""
    value = 0
    for n in range(9):
        if at >= len(data):
            return 0, len(data) + 1
        byte = data[at]
        at += 1
        if n == 8:
            return (value << 8) | byte, at
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:
            break
    return value, at
