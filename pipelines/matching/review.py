"""The review queue: uncertain pairs of a matching, and what stewards answer. Answers are facts, kept in a file of their own.

An answer is a JSON line in the form of a steward's ruling (`oneid.evidence.Ruling`), with identifiers instead of nids:
`id` names the pair, whatever the order of its two; the highest `seq` of an id holds; `stands: false` takes it back. The file is
only ever appended to, so who answered what, and when, stays readable.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from contracts.errors import BadInput
from contracts.identity import SaidIdentifier
from contracts.keys import record_id

Word = Literal["same", "different", "unsure"]
KIND = {"same": "must_link", "different": "cannot_link"}


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`seq` counts from 1 within a file. `stands` is false for an answer that takes back what was answered before."""

    id: str
    seq: Annotated[int, msgspec.Meta(ge=1)]
    kind: Literal["must_link", "cannot_link"]
    a: SaidIdentifier
    b: SaidIdentifier
    stands: bool
    at: str
    by: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    model: str = ""


class Question(NamedTuple):
    """`number` counts from 1, in the order of the file."""

    number: int
    a: str
    b: str
    probability: float


def questions(path: Path) -> tuple[list[Question], str]:
    """The uncertain pairs of a file that `zhongtai oneid match --review` wrote, and the model that was uncertain."""
    try:
        table = pq.read_table(path)
        columns = [table[name].to_pylist() for name in ("id_a", "id_b", "probability")]
    except (OSError, pa.ArrowException, KeyError):
        raise BadInput(
            f"{path} is no file of uncertain pairs.", "Make one: zhongtai oneid match … --review FILE"
        ) from None
    model = (table.schema.metadata or {}).get(b"model", b"").decode()
    return [Question(i, *row) for i, row in enumerate(zip(*columns, strict=True), 1)], model


def answers(path: Path) -> list[Answer]:
    """All answers of a file in order; none if there is no file."""
    if not path.exists():
        return []
    try:
        return [msgspec.json.decode(line, type=Answer) for line in path.read_bytes().splitlines() if line.strip()]
    except (OSError, msgspec.MsgspecError):
        raise BadInput(f"{path} is no file of answers.", "It is written by: zhongtai oneid review answer") from None


def answered(path: Path, question: Question, word: Word, *, by: str, at: str, id_type: str, model: str) -> Answer:
    """Appends an answer to the file, on disk when this returns. `unsure` takes back what was answered before."""
    given = answers(path)
    name = pair_id(question.a, question.b, id_type)
    before = [answer for answer in given if answer.id == name]
    if word == "unsure" and not before:
        raise BadInput("That pair has no answer that could be taken back.", "Answer it: same or different.")
    a, b = (SaidIdentifier(type=id_type, value=value) for value in sorted((question.a, question.b)))
    fresh = Answer(
        id=name, seq=max((x.seq for x in given), default=0) + 1, a=a, b=b, at=at, by=by, model=model, stands=word != "unsure",
        kind=before[-1].kind if word == "unsure" else KIND[word],  # type: ignore[arg-type]
    )  # fmt: skip
    with path.open("ab") as file:
        file.write(msgspec.json.encode(fresh) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return fresh


def pair_id(a: str, b: str, id_type: str) -> str:
    return record_id("oneid", "review", id_type, *sorted((a, b)))


def in_force(given: Iterable[Answer]) -> dict[tuple[str, str], bool]:
    """Pair of record ids, the smaller first → whether they are one person's, by the latest answer to each that stands."""
    latest: dict[str, Answer] = {}
    for answer in given:
        if answer.id not in latest or answer.seq > latest[answer.id].seq:
            latest[answer.id] = answer
    return {(x.a.value, x.b.value): x.kind == "must_link" for x in latest.values() if x.stands}


def places(said: dict[tuple[str, str], bool], ids: list[str]) -> dict[tuple[int, int], bool]:
    """The same by place in a file of records; answers on records that are not in it are left out."""
    place = {id: i for i, id in enumerate(ids)}
    return {
        (min(place[a], place[b]), max(place[a], place[b])): same
        for (a, b), same in said.items()
        if a in place and b in place
    }
