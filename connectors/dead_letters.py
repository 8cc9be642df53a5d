"""`dlq.<feed>` for people: what was refused, what became of it, and how a mended form is sent back."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from connectors.feed_cipher import FeedCipher
from connectors.feeds import Format, Piece
from connectors.ingest import Place, raw_headers
from connectors.kafka import read
from connectors.sender import Sender
from connectors.settings import Settings
from contracts.dead_letters import DeadLetter
from contracts.errors import BadInput
from contracts.keys import SEPARATOR
from contracts.refusals import Refused
from contracts.wire import decoder

_decode = decoder(DeadLetter)


class Letter(NamedTuple):
    """A refusal, and the id of the receipt that its mended form became, if it did."""

    refused: DeadLetter
    repaired_by: str | None

    @property
    def status(self) -> str:
        return "refused" if self.repaired_by is None else "repaired"


def letters(settings: Settings, feed: str) -> dict[str, Letter]:
    """The dead letters of the tenant by id, oldest first. Of several refusals of the same bytes, the newest.

    A repair stands beside its refusal, and holds also when the bytes are sent, and refused, again. A repair whose
    refusal has passed its retention is left out: there is nothing to show.
    """
    prefix = f"{settings.tenant}{SEPARATOR}".encode()
    refused: dict[str, DeadLetter] = {}
    repaired: dict[str, str | None] = {}
    for _, messages, _ in read(settings, f"dlq.{feed}"):
        for message in messages:
            value = message.value()
            if value is None or not (message.key() or b"").startswith(prefix):
                continue
            letter = _decode(value)
            if letter.status == "repaired":
                repaired[letter.id] = letter.repaired_by or ""
            else:
                refused[letter.id] = letter
    found = sorted(refused.values(), key=lambda letter: (letter.refused_at, letter.origin.file, letter.origin.line))
    return {letter.id: Letter(letter, repaired.get(letter.id)) for letter in found}


class Repair(NamedTuple):
    """A line of a repair file: the bytes that were refused, and the mended record as it is to be sent."""

    line: int
    original: bytes
    repaired: bytes
    format: str = ""


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    repaired: msgspec.Raw
    original: str | None = None
    original_text: str | None = None
    format: str = ""


def repairs(lines: Iterable[bytes], name: str) -> Iterator[Repair]:
    """Reads a repair file. Raises `BadInput` with the line number for a line that is none."""
    written = msgspec.json.Decoder(_Written).decode
    for n, line in enumerate(lines, 1):
        if line.isspace() or not line:
            continue
        try:
            one = written(line)
            yield Repair(n, _original(one), _mended(one.repaired), one.format)
        except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError):
            raise BadInput(
                f"{name}:{n} is no repair.",
                'A line is {"original": the refused bytes in base64, "repaired": the mended record}; '
                '"original_text" may stand for "original" where the bytes are text.',
            ) from None


def _original(one: _Written) -> bytes:
    if (one.original is None) == (one.original_text is None):
        raise ValueError("one of the two")
    if one.original is not None:
        return base64.b64decode(one.original, validate=True)
    return (one.original_text or "").encode()


def _mended(written: msgspec.Raw) -> bytes:
    """The mended record's bytes: an object as it stands, a text (a line of CSV, an XML document) as what it says."""
    mended = bytes(written)
    return msgspec.json.decode(mended, type=str).encode() if mended.startswith(b'"') else mended


class Replayed(msgspec.Struct):
    """What became of the repairs. `refused` and `unknown` were not sent; `faults` says which lines, and why."""

    replayed: int = 0
    already: int = 0
    refused: int = 0
    unknown: int = 0
    faults: list[tuple[int, Refused]] = []


class Replay:
    """Sends mended records back to `raw.<feed>`, each naming the dead letter that it repairs.

    `formats` are those of the feed, its first one first. A mended form is read in the format that its line names, or
    else as the refused one was. Sending one twice is harmless: it is the same record, and is taken once. The job that
    takes it marks the letter.
    """

    def __init__(self, sender: Sender, *, cipher: FeedCipher, formats: Mapping[str, Format]) -> None:
        self._sender = sender
        self._cipher = cipher
        self._formats = formats

    def send(self, repairs: Iterable[Repair], known: Mapping[str, Letter], name: str, *, again: bool) -> Replayed:
        """Sends the repairs of `known` dead letters, and those already repaired only `again`.

        Raises `BadInput` for a format that the feed does not have.
        """
        done = Replayed()
        for repair in repairs:
            id = self._cipher.id(repair.original)
            if id not in known:
                done.unknown += 1
            elif known[id].repaired_by is not None and not again:
                done.already += 1
            elif refused := self._send(id, repair, self._format(repair, known[id]), Place(name, repair.line)):
                done.refused += 1
                done.faults.append((repair.line, refused))
            else:
                done.replayed += 1
        self._sender.settle()
        return done

    def _format(self, repair: Repair, letter: Letter) -> Format:
        name = repair.format or letter.refused.format or next(iter(self._formats))
        if name not in self._formats:
            raise BadInput(f"Line {repair.line}: there is no format {name}.", f"Formats: {', '.join(self._formats)}.")
        return self._formats[name]

    def _send(self, id: str, repair: Repair, form: Format, at: Place) -> Refused | None:
        pieces = form.falls(Piece(repair.repaired, repair.line))
        verdicts = [form.judge(piece) for piece in pieces]
        refused = next((verdict.refused for verdict in verdicts if verdict.refused is not None), None)
        if refused is not None:
            return refused
        for piece, verdict in zip(pieces, verdicts, strict=True):
            by = verdict.by
            headers = [*raw_headers(form, verdict.id, verdict.at, at), ("zt_repairs", id.encode()), *piece.headers]
            self._sender.send(form.raw.name, key=by, partitioned_by=by, value=piece.value, headers=headers)
        return None
