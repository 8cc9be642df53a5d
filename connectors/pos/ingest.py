"""Files of receipts to `raw.pos`: every line as it is, so that what is refused can be looked at and mended later.

Lines are read one at a time. A file counts as sent when Kafka has acknowledged all of it; one that was interrupted is
sent again whole, because the jobs downstream take each receipt once.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from connectors.feed_cipher import FeedCipher
from connectors.pos.receipts_jsonl import FORMAT, decode, partitioning_key
from connectors.pos.sent import Sent
from connectors.sender import Headers, Sender
from contracts.clock import Clock
from contracts.dead_letters import DeadLetter
from contracts.errors import BadInput
from contracts.instants import spelt
from contracts.keys import key
from contracts.pos import PosReceipt
from contracts.receipts import Origin, Receipt
from contracts.refusals import Refused
from contracts.topics import BY_NAME, MIB
from contracts.wire import encode, headers

FEED = "pos"
RAW = BY_NAME["raw.pos"]
DEAD = BY_NAME["dlq.pos"]
SOURCE = "/feeds/pos"
# Kafka counts key, headers and framing too, and lz4 makes what it cannot compress a little longer.
LONGEST_SENT = RAW.max_message_bytes - 16 * 1024
LONGEST_READ = 64 * MIB
STDIN = Path("-")

Judge = Callable[[PosReceipt], Receipt | Refused]


class Place(NamedTuple):
    file: str
    line: int


class Faults(msgspec.Struct):
    """How often one reason occurred, and where first."""

    count: int
    first: Place
    place: str


class Counts(msgspec.Struct):
    """One for each line that is not blank: refused; else a duplicate, if seen before; else accepted."""

    accepted: int = 0
    refused: int = 0
    duplicates: int = 0
    reasons: dict[str, Faults] = {}

    def refuse(self, refused: Refused, at: Place) -> None:
        self.refused += 1
        faults = self.reasons.setdefault(refused.code, Faults(0, at, refused.place))
        faults.count += 1


class Ingestion:
    """Sends files of one tenant. `judge` is the job's own opinion of a decoded receipt, so that both count alike."""

    def __init__(
        self, tenant: str, sender: Sender, sent: Sent, *, cipher: FeedCipher, clock: Clock, judge: Judge
    ) -> None:
        self._tenant = tenant
        self._sender = sender
        self._sent = sent
        self._cipher = cipher
        self._clock = clock
        self._judge = judge
        self.counts = Counts()

    def file(self, path: Path, stdin: BinaryIO, progress: Callable[[int], None]) -> None:
        """Counts a file's lines and sends them, unless a file of the same content was sent before.

        Of such a file only those receipts are sent that are good now and were refused then. Raises `BadInput` for a
        file that cannot be read, and `NotReady` when Kafka stops answering; the file is then not marked as sent.
        """
        before = None if path == STDIN else _digest(path)
        again = before is not None and self._sent.file(before)
        digest = hashlib.sha256()
        try:
            with nullcontext(stdin) if path == STDIN else path.open("rb") as file:
                for number, line in _lines(file, path, digest.update, progress):
                    self._line(line, Place(path.name, number), again)
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {error.strerror}.", "Check the file.") from None
        self._sender.settle()
        if before not in (None, digest.hexdigest()):
            raise BadInput(f"{path} changed while it was read.", "Repeat the command when the file is complete.")
        self._sent.keep(digest.hexdigest(), path.name)

    def _line(self, line: bytes, at: Place, again: bool) -> None:
        if len(line) > LONGEST_SENT:
            self.counts.refuse(Refused("too_large"), at)
            if not again:
                self._bury(line, at)
            return
        decoded = decode(line)
        judged = decoded if isinstance(decoded, Refused) else self._judge(decoded)
        if isinstance(judged, Refused):
            self.counts.refuse(judged, at)
            new = False
        else:
            new = self._sent.add(judged)
            self.counts.accepted += new
            self.counts.duplicates += not new
        if new or not again:
            by = partitioning_key(self._tenant, line, decoded)
            self._sender.send(RAW.name, key=by, partitioned_by=by, value=line, headers=self._headers(line, judged, at))

    def _headers(self, line: bytes, judged: Receipt | Refused, at: Place) -> Headers:
        # A receipt is named by its id; what is none by the id of its dead letter, which tells nothing of the bytes.
        known = (judged.receipt_id, judged.at) if isinstance(judged, Receipt) else (self._cipher.id(line), "")
        return raw_headers(*known, at)

    def _bury(self, line: bytes, at: Place) -> None:
        """A line that Kafka would not take becomes a dead letter here, since no job will ever see it."""
        letter = too_large(self._tenant, self._cipher, line, at, spelt(self._clock.now()))
        by = key(letter.tenant, letter.id)
        self._sender.send(
            DEAD.name,
            key=by,
            partitioned_by=by,
            value=encode(letter),
            headers=headers(DeadLetter, letter.id, SOURCE, letter.refused_at),
        )


def raw_headers(id: str, at: str, origin: Place) -> list[tuple[str, bytes]]:
    """The headers of a raw record: CloudEvents attributes, and where the line stood. `at` is "" when it is unknown."""
    time = [("ce_time", at.encode())] if at else []
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", id.encode()),
        ("ce_source", SOURCE.encode()),
        ("ce_type", RAW.name.encode()),
        *time,
        ("zt_format", FORMAT.encode()),
        ("zt_file", origin.file.encode(errors="replace")),
        ("zt_line", str(origin.line).encode()),
    ]


def too_large(tenant: str, cipher: FeedCipher, line: bytes, at: Place, now: str) -> DeadLetter:
    """The dead letter of a line that Kafka does not take. Its bytes are left out where even this would be too large."""
    id = cipher.id(line)
    sealed = cipher.encrypt(id, line)
    return DeadLetter(
        tenant=tenant,
        feed=FEED,
        id=id,
        status="refused",
        code="too_large",
        place="",
        cipher=sealed if len(sealed) < DEAD.max_message_bytes - 16 * 1024 else "",
        refused_at=now,
        origin=Origin("", -1, -1, at.file, at.line),
    )


def files(paths: Iterable[Path]) -> list[Path]:
    """The files that paths stand for: themselves, or all *.jsonl of a folder by name. Else raises `BadInput`."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob("*.jsonl"))
            if not inside:
                raise BadInput(f"The folder {path} holds no *.jsonl file.", "Name the files themselves.")
            found += inside
        elif path.is_file() or path == STDIN:
            found.append(path)
        else:
            raise BadInput(f"There is no file {path}.", "Check the path.")
    return found


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None


def _lines(
    file: BinaryIO, path: Path, digest: Callable[[bytes], object], progress: Callable[[int], None]
) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, without their ends, numbered from 1. Holds one line at a time."""
    number = 0
    while raw := file.readline(LONGEST_READ + 2):
        number += 1
        digest(raw)
        progress(len(raw))
        line = raw.removesuffix(b"\n").removesuffix(b"\r")
        if len(line) > LONGEST_READ:
            raise BadInput(f"{path}:{number} is longer than 64 MiB.", "Is this a file with one receipt a line?")
        if line and not line.isspace():
            yield number, line
