"""A record of the outbox, its identity and its checksum. Pure.

A record is told by (store, epoch, lane, seq). `seq` counts from 1 in each lane of each epoch, without holes, so that the
centre sees what is missing. An epoch is the life of one database: a new database never continues an old count.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

SEPARATOR = "|"


class Lane(NamedTuple):
    """`rank` 0 goes first. Only a cheap lane may be shed. `topic` and `format` are where its records go, and what they are."""

    name: str
    rank: int
    topic: str
    format: str
    cheap: bool


LANES = (
    Lane("payments", 0, "raw.pos", "receipts-jsonl", False),
    Lane("stock", 1, "raw.wms", "epcis", False),
    Lane("behaviour", 2, "raw.ecommerce", "segment", True),
)
BY_NAME = {lane.name: lane for lane in LANES}
DECLARATIONS = "raw.edge"
STATE = "state.edge"


class Held(NamedTuple):
    """A record as the outbox holds it. `at` is the shop's clock when it was appended (RFC 3339, UTC); nothing orders by it."""

    lane: int
    epoch: str
    seq: int
    at: str
    format: str
    payload: bytes
    crc: int

    @property
    def whole(self) -> bool:
        return self.crc == checksum(self.lane, self.epoch, self.seq, self.at, self.format, self.payload)


class Declared(NamedTuple):
    """What the outbox says about a range of its own records: `shed`, `lost`, or `top` (all up to `high` were acknowledged)."""

    lane: int
    epoch: str
    says: str
    low: int
    high: int


def held(lane: int, epoch: str, seq: int, at: str, format: str, payload: bytes) -> Held:
    return Held(lane, epoch, seq, at, format, payload, checksum(lane, epoch, seq, at, format, payload))


def checksum(lane: int, epoch: str, seq: int, at: str, format: str, payload: bytes) -> int:
    """CRC-32 over everything that the record is; the parts that vary in length are kept apart by NUL."""
    head = f"{lane}\0{epoch}\0{seq}\0{at}\0{format}\0".encode()
    return zlib.crc32(payload, zlib.crc32(head))


def identity(store: str, epoch: str, lane: int, seq: str | int) -> bytes:
    """The header `zt_edge`: store|epoch|lane|seq, or store|epoch|lane|low-high in a declaration."""
    return SEPARATOR.join((store, epoch, LANES[lane].name, str(seq))).encode()


def key(tenant: str, store: str) -> bytes:
    """Key and partitioning key of everything that the outbox sends. The client hashes it as Java's does (murmur2)."""
    return f"{tenant}{SEPARATOR}{store}".encode()


def headers(store: str, record: Held) -> list[tuple[str, bytes]]:
    lane = LANES[record.lane]
    return [
        ("zt_edge", identity(store, record.epoch, record.lane, record.seq)),
        ("ce_specversion", b"1.0"),
        ("ce_id", identity(store, record.epoch, record.lane, record.seq)),
        ("ce_source", b"/edge/" + store.encode()),
        ("ce_type", lane.topic.encode()),
        ("ce_time", record.at.encode()),
        ("zt_format", record.format.encode()),
    ]


def declaration(store: str, said: Declared) -> list[tuple[str, bytes]]:
    return [
        ("zt_edge", identity(store, said.epoch, said.lane, f"{said.low}-{said.high}")),
        ("zt_edge_says", said.says.encode()),
    ]


def missing(low: int, high: int, there: list[int]) -> list[tuple[int, int]]:
    """The closed ranges of [low, high] that hold no number of `there` (ascending)."""
    found: list[tuple[int, int]] = []
    at = low
    for n in there:
        if n > high:
            break
        if n > at:
            found.append((at, n - 1))
        at = max(at, n + 1)
    if at <= high:
        found.append((at, high))
    return found
