"""What a feed's file format is to `zhongtai ingest` and `zhongtai dlq`: how a file falls into records, and what each is.

A format is registered in cli/feeds.py, the one place where reading (connectors) and business rules (centers) meet.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from contracts.errors import BadInput
from contracts.keys import key
from contracts.refusals import Refused
from contracts.topics import BY_NAME, MIB, TOPICS, Topic

LONGEST_READ = 64 * MIB
# `raw.edge` is no feed: nothing of it is ever refused.
FEEDS = tuple(name for topic in TOPICS if f"dlq.{(name := topic.name.removeprefix('raw.'))}" in BY_NAME)


class Number(NamedTuple):
    """The mark of a receipt: tills count, so a day of them is nearly always one interval."""

    store: str
    till: str
    business_date: str
    number: int


Mark = Number | bytes  # bytes: 16 of them, the same for the same record, and telling nothing of a person


class Piece(NamedTuple):
    """What becomes one raw record: its bytes as they stand in the file, and the line where they begin."""

    value: bytes
    line: int
    headers: tuple[tuple[str, bytes], ...] = ()


class Verdict(NamedTuple):
    """What a piece is, as the job will find it. `by` is the raw record's key, and decides its partition.

    A good record has an id, its event time as `contracts.instants` spells it ("" when it has none), and the mark by
    which a second sending of it is known (None: it is never a duplicate). One that does not count is sent for the job's
    sake, such as the end of a full drop, and no person wrote it.
    """

    by: bytes
    refused: Refused | None
    id: str = ""
    at: str = ""
    mark: Mark | None = None
    counts: bool = True


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """One way of writing a feed. `pieces` reads a file as a stream and raises `BadInput` for what is no such file.

    `judge` gives the job's own opinion of a piece, so that a command counts as the job will count; it never raises.
    `falls` gives the pieces of a mended form that is a whole document; by default it is one piece.
    """

    feed: str
    name: str
    judge: Callable[[Piece], Verdict]
    pieces: Callable[[BinaryIO, Path], Iterator[Piece]]
    falls: Callable[[Piece], list[Piece]] = lambda piece: [piece]

    @property
    def raw(self) -> Topic:
        return BY_NAME[f"raw.{self.feed}"]

    @property
    def dead(self) -> Topic:
        return BY_NAME[f"dlq.{self.feed}"]

    @property
    def source(self) -> str:
        """The CloudEvents source of the feed's records."""
        return source(self.feed)


def source(feed: str) -> str:
    return f"/feeds/{feed}"


def spread(tenant: str, value: bytes) -> bytes:
    """The key of a record that cannot be read: a hash of its bytes, which spreads such records evenly."""
    return key(tenant, hashlib.sha256(value).hexdigest())


def lines(file: BinaryIO, path: Path) -> Iterator[Piece]:
    """The lines that are not blank, without their ends, numbered from 1. Holds one line at a time."""
    number = 0
    while raw := file.readline(LONGEST_READ + 2):
        number += 1
        line = raw.removesuffix(b"\n").removesuffix(b"\r")
        if len(line) > LONGEST_READ:
            raise BadInput(f"{path}:{number} is longer than 64 MiB.", "Is this a file with one record a line?")
        if line and not line.isspace():
            yield Piece(line, number)
