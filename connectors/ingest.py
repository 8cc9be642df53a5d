"""Files of a feed to `raw.<feed>`: every record as it is, so that what is refused can be looked at and mended later.

A file is read as a stream. It counts as sent when Kafka has acknowledged all of it; one that was interrupted is sent
again whole, because the jobs downstream take each record once.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec

from connectors.feed_cipher import FeedCipher
from connectors.feeds import Format, Piece, Verdict, source
from connectors.sender import Headers, Sender
from connectors.sent import Sent
from contracts.clock import Clock
from contracts.dead_letters import DeadLetter
from contracts.errors import BadInput
from contracts.instants import spelt
from contracts.keys import key
from contracts.receipts import Origin
from contracts.refusals import Refused
from contracts.topics import BY_NAME, Topic
from contracts.wire import encode, headers

# Kafka counts key, headers and framing too, and lz4 makes what it cannot compress a little longer.
FRAMING = 16 * 1024
STDIN = Path("-")


class Place(NamedTuple):
    file: str
    line: int


class Faults(msgspec.Struct):
    """How often one reason occurred, and where first."""

    count: int
    first: Place
    place: str


class Counts(msgspec.Struct):
    """One for each record: refused; else a duplicate, if seen before; else accepted."""

    accepted: int = 0
    refused: int = 0
    duplicates: int = 0
    reasons: dict[str, Faults] = {}

    def refuse(self, refused: Refused, at: Place) -> None:
        self.refused += 1
        faults = self.reasons.setdefault(refused.code, Faults(0, at, refused.place))
        faults.count += 1


class Ingestion:
    """Sends files of one tenant, feed and format."""

    def __init__(
        self, tenant: str, form: Format, sender: Sender, sent: Sent, *, cipher: FeedCipher, clock: Clock
    ) -> None:
        self._tenant = tenant
        self._form = form
        self._sender = sender
        self._sent = sent
        self._cipher = cipher
        self._clock = clock
        self._raw = form.raw.name
        self._longest = longest_sent(form.raw)
        self.counts = Counts()

    def file(self, path: Path, stdin: BinaryIO, progress: Callable[[int], None]) -> None:
        """Counts a file's records and sends them, unless a file of the same content was sent before.

        Of such a file only those records are sent that are good now and were refused then. Raises `BadInput` for a
        file that cannot be read, and `NotReady` when Kafka stops answering; the file is then not marked as sent.
        """
        before = None if path == STDIN else _digest(path)
        again = before is not None and self._sent.file(before)
        try:
            with nullcontext(stdin) if path == STDIN else path.open("rb") as opened:
                file = Watched(opened, progress)
                for piece in self._form.pieces(cast(BinaryIO, file), path):
                    self._piece(piece, Place(path.name, piece.line), again)
                file.drain()
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {error.strerror}.", "Check the file.") from None
        self._sender.settle()
        if before not in (None, file.digest()):
            raise BadInput(f"{path} changed while it was read.", "Repeat the command when the file is complete.")
        self._sent.keep(file.digest(), path.name)

    def _piece(self, piece: Piece, at: Place, again: bool) -> None:
        if len(piece.value) > self._longest:
            self.counts.refuse(Refused("too_large"), at)
            if not again:
                self._bury(piece.value, at)
            return
        verdict = self._form.judge(piece)
        if verdict.refused is not None:
            self.counts.refuse(verdict.refused, at)
            new = False
        else:
            new = verdict.mark is None or self._sent.add(verdict.mark)
            self.counts.accepted += new and verdict.counts
            self.counts.duplicates += not new and verdict.counts
        if new or not again:
            by, value = verdict.by, piece.value
            self._sender.send(
                self._raw, key=by, partitioned_by=by, value=value, headers=self._headers(piece, verdict, at)
            )

    def _headers(self, piece: Piece, verdict: Verdict, at: Place) -> Headers:
        # A record is named by its id; what is none by the id of its dead letter, which tells nothing of the bytes.
        known = (verdict.id, verdict.at) if verdict.refused is None else (self._cipher.id(piece.value), "")
        return [*raw_headers(self._form, *known, at), *piece.headers]

    def _bury(self, value: bytes, at: Place) -> None:
        """What Kafka would not take becomes a dead letter here, since no job will ever see it."""
        now = spelt(self._clock.now())
        letter = too_large(self._tenant, self._form.feed, self._form.name, self._cipher, value, at, now)
        send_letter(self._sender, letter)


class Watched:
    """A file of which every byte that is read is hashed and counted."""

    def __init__(self, file: BinaryIO, progress: Callable[[int], None]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._progress = progress

    def readline(self, size: int = -1) -> bytes:
        return self._seen(self._file.readline(size))

    def read(self, size: int = -1) -> bytes:
        return self._seen(self._file.read(size))

    def drain(self) -> None:
        """Reads what its reader left, so that the digest is of the whole file."""
        while self.read(1 << 16):
            pass

    def digest(self) -> str:
        return self._hash.hexdigest()

    def __iter__(self) -> Any:
        return iter(self.readline, b"")

    def _seen(self, some: bytes) -> bytes:
        self._hash.update(some)
        self._progress(len(some))
        return some


def longest_sent(raw: Topic) -> int:
    """The longest record that a topic surely takes, in bytes."""
    return raw.max_message_bytes - FRAMING


def raw_headers(form: Format, id: str, at: str, origin: Place) -> list[tuple[str, bytes]]:
    """The headers of a raw record: CloudEvents attributes, and where it stood. `at` is "" when it is unknown."""
    time = [("ce_time", at.encode())] if at else []
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", id.encode()),
        ("ce_source", form.source.encode()),
        ("ce_type", form.raw.name.encode()),
        *time,
        ("zt_format", form.name.encode()),
        ("zt_file", origin.file.encode(errors="replace")),
        ("zt_line", str(origin.line).encode()),
    ]


def too_large(tenant: str, feed: str, form: str, cipher: FeedCipher, value: bytes, at: Place, now: str) -> DeadLetter:
    """The dead letter of what Kafka does not take. Its bytes are left out where even this would be too large."""
    id = cipher.id(value)
    sealed = cipher.encrypt(id, value)
    return DeadLetter(
        tenant=tenant,
        feed=feed,
        id=id,
        status="refused",
        code="too_large",
        place="",
        cipher=sealed if len(sealed) < longest_sent(BY_NAME[f"dlq.{feed}"]) else "",
        refused_at=now,
        origin=Origin("", -1, -1, at.file, at.line),
        format=form,
    )


def send_letter(sender: Sender, letter: DeadLetter) -> None:
    """Sends a dead letter that no job will write, because its bytes never became a raw record."""
    by = key(letter.tenant, letter.id)
    sender.send(
        f"dlq.{letter.feed}",
        key=by,
        partitioned_by=by,
        value=encode(letter),
        headers=headers(DeadLetter, letter.id, source(letter.feed), letter.refused_at),
    )


def files(paths: Iterable[Path], suffixes: tuple[str, ...]) -> list[Path]:
    """The files that paths stand for: themselves, or all of a folder with these suffixes by name. Else `BadInput`."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.suffix in suffixes and one.is_file())
            if not inside:
                kinds = " or ".join(f"*{suffix}" for suffix in suffixes)
                raise BadInput(f"The folder {path} holds no {kinds} file.", "Name the files themselves.")
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
