"""What a receiver is to the HTTP service: a path, who may send, and what becomes of a body. Pure, but for the credentials.

A receiver never decides whether a record is good: it turns a body into raw records as they came, and says at once what the
job will say later, so that the sender learns it. What is stored is answered only when Kafka has acknowledged all of it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from connectors.http.credentials import Credentials
from contracts.refusals import REASONS, Refused
from contracts.topics import MIB

MOST_BODY = 1 * MIB  # as sent
MOST_UNPACKED = 4 * MIB


class Problem(NamedTuple):
    """An answer of RFC 9457: what is wrong (`title`), where (`place`), and what to do."""

    status: int
    code: str
    title: str
    do: str
    place: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def body(self) -> dict[str, Any]:
        # `code` and `message` are what Segment's client libraries show of a failure.
        said = {"type": "about:blank", "status": self.status, "title": self.title, "detail": self.do}
        place = {"place": self.place} if self.place else {}
        return said | place | {"code": self.code, "message": " ".join((self.title, self.do)).strip()}


class RawRecord(NamedTuple):
    """A record for Kafka; `by` is its key, and decides its partition."""

    topic: str
    by: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Request(NamedTuple):
    """A body whose sender may send. Header names are in small letters; `received_at` is RFC 3339 in UTC; `path` as asked.

    `fresh_id` makes an id for what was sent without one.
    """

    path: str
    body: bytes
    headers: Mapping[str, str]
    sender: str
    received_at: str
    fresh_id: Callable[[], str]


class Taken(NamedTuple):
    """What is to be stored, and the answer when it is: a body of JSON, or a problem (stored all the same, for repair)."""

    records: list[RawRecord]
    status: int
    body: dict[str, Any]
    problem: Problem | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Route(NamedTuple):
    """A receiver. `allowed` gives the sender's name or a problem; it sees the body as sent, since some sign it.

    `take` never raises. `gzip`: the body may come compressed.
    """

    path: str
    allowed: Callable[[Credentials, Mapping[str, str], bytes], str | Problem]
    take: Callable[[Request], Taken]
    gzip: bool = False
    most_body: int = MOST_BODY
    method: Literal["GET", "POST"] = "POST"


def refused(found: Refused, where: str = "") -> Problem:
    """A refusal as an answer: 400, in the words of docs/refusals.md."""
    words, _, do = REASONS[found.code][0].partition(". ")
    place = ".".join(part for part in (where, found.place) if part)
    todo = do or "Correct it and send it again; it waits among the dead letters (zhongtai dlq list)."
    return Problem(400, found.code, words if words.endswith(".") else f"{words}.", todo, place)


def told(found: Refused, index: int | None = None) -> dict[str, Any]:
    """A refusal inside an answer that says 200: one of many."""
    at = {} if index is None else {"index": index}
    return at | {"code": found.code, "place": found.place, "reason": found.reason()}
