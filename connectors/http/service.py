"""The HTTP service of the receivers: limits, back-pressure, and an answer only when Kafka has acknowledged.

status   when
2xx      everything that came is stored
400      stored as well, to be repaired (zhongtai dlq), and told what is wrong, where, and what to do
401      who sent it may not; nothing is stored
408      the body took too long
413/415  the body is too large, or compressed in another way than gzip; nothing is stored
503      Kafka's queue is full or Kafka does not answer; Retry-After says when to send all of it again
"""

import asyncio
import logging
import uuid
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from fastapi import FastAPI
from fastapi import Request as HttpRequest
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from connectors.http.credentials import Credentials
from connectors.http.metrics import Metrics
from connectors.http.post import Full
from connectors.http.routes import MOST_UNPACKED, Problem, RawRecord, Request, Route
from connectors.ingest import longest_sent
from contracts.clock import Clock
from contracts.errors import NotReady
from contracts.instants import spelt
from contracts.topics import BY_NAME

log = logging.getLogger(__name__)

BODY_S = 30
MOST_AT_ONCE = 64  # bodies in memory at a time
RETRY_S = 2


class Kafka(Protocol):
    """What the service needs of `connectors.http.post.Post`."""

    async def send(self, records: Sequence[RawRecord]) -> None: ...
    async def answers(self) -> bool: ...
    def __len__(self) -> int: ...


class Service:
    """Takes bodies for a number of routes.

    `bury` makes a dead letter, at a moment, of a record that Kafka would not take for its size; `fresh_id` makes the ids of
    what was sent without one.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        kafka: Kafka,
        credentials: Credentials,
        clock: Clock,
        bury: Callable[[RawRecord, str], RawRecord],
        fresh_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._kafka = kafka
        self._credentials = credentials
        self._clock = clock
        self._bury = bury
        self._fresh_id = fresh_id
        self._room = MOST_AT_ONCE
        self.metrics = Metrics()
        # No pages of its own: what a stranger can reach says nothing of what is behind it.
        self.app = FastAPI(title="zhongtai receivers", docs_url=None, redoc_url=None, openapi_url=None)
        for route in routes:
            self.app.add_api_route(route.path, self._endpoint(route), methods=[route.method])
        self.app.add_api_route("/health", self._health, methods=["GET"])
        self.app.add_api_route("/metrics", self._metrics, methods=["GET"])

    def _endpoint(self, route: Route) -> Callable[[HttpRequest], Awaitable[Response]]:
        async def endpoint(http: HttpRequest) -> Response:
            if self._room <= 0:
                answer = _answer(_busy("Too many bodies are on their way."))
            else:
                self._room -= 1
                try:
                    answer = await self._take(route, http)
                finally:
                    self._room += 1
            self.metrics.answered(route.path, answer.status_code)
            return answer

        return endpoint

    async def _take(self, route: Route, http: HttpRequest) -> Response:
        headers = {name.lower(): value for name, value in http.headers.items()}
        body = await _body(http, headers, route.most_body)
        if isinstance(body, Problem):
            return _answer(body)
        sender = await asyncio.to_thread(route.allowed, self._credentials, headers, body)
        if isinstance(sender, Problem):
            return _answer(sender)
        unpacked = _unpacked(body, headers.get("content-encoding", ""), route.gzip)
        if isinstance(unpacked, Problem):
            return _answer(unpacked)
        now = spelt(self._clock.now())
        request = Request(http.url.path, unpacked, headers, sender, now, self._fresh_id)
        taken = await asyncio.to_thread(route.take, request)
        try:
            await self._kafka.send([self._fitting(record, now) for record in taken.records])
        except Full:
            return _answer(_busy("Kafka takes less than what comes in."))
        except NotReady as error:
            log.warning("%s: %s", route.path, error.wrong)
            return _answer(_busy("Kafka does not answer."))
        self.metrics.stored(route.path, len(taken.records))
        return _answer(taken.problem) if taken.problem else JSONResponse(taken.body, taken.status, dict(taken.headers))

    def _fitting(self, record: RawRecord, now: str) -> RawRecord:
        return record if len(record.value) <= longest_sent(BY_NAME[record.topic]) else self._bury(record, now)

    async def _health(self) -> Response:
        """200 while Kafka answers, else 503: asked of Kafka itself, at each call."""
        well = await self._kafka.answers()
        said = {"status": "ok" if well else "kafka does not answer", "on_the_way": len(self._kafka)}
        return JSONResponse(said, 200 if well else 503)

    async def _metrics(self) -> Response:
        return PlainTextResponse(self.metrics.text(len(self._kafka)), media_type="text/plain; version=0.0.4")


async def _body(http: HttpRequest, headers: Mapping[str, str], most: int) -> bytes | Problem:
    """The body as sent, of which never more than `most` bytes are read."""
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length[:19]) > most:
        return _too_large(most)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            async for part in http.stream():
                size += len(part)
                if size > most:
                    return _too_large(most)
                parts.append(part)
    except TimeoutError:
        return Problem(408, "too_slow", f"The body did not come within {BODY_S} seconds.", "Send less at once.")
    return b"".join(parts)


def _unpacked(body: bytes, encoding: str, gzip: bool) -> bytes | Problem:
    """The body without its compression, of which never more than the limit is unpacked."""
    if encoding.lower() in ("", "identity"):
        return body
    if encoding.lower() != "gzip" or not gzip:
        known = "gzip, or nothing" if gzip else "nothing"
        wrong = "The body is compressed in a way that is not taken here."
        return Problem(415, "bad_encoding", wrong, f"Use {known}.", "content-encoding")
    reader = zlib.decompressobj(wbits=31)
    try:
        whole = reader.decompress(body, MOST_UNPACKED + 1)
    except zlib.error:
        whole = b""
    if len(whole) > MOST_UNPACKED:
        return _too_large(MOST_UNPACKED)
    if not reader.eof:
        wrong = "The body says that it is gzip, and is not, or is cut off."
        return Problem(400, "bad_gzip", wrong, "Send it again, whole.", "content-encoding")
    return whole


def _too_large(most: int) -> Problem:
    return Problem(413, "too_large", f"The body is larger than {most >> 20} MiB.", "Send it in several smaller ones.")


def _busy(why: str) -> Problem:
    again = (("retry-after", str(RETRY_S)),)
    return Problem(
        503, "busy", why, "Send all of it again after the time in Retry-After; repeats do no harm.", "", again
    )


def _answer(problem: Problem) -> Response:
    body: dict[str, Any] = problem.body()
    return JSONResponse(body, problem.status, dict(problem.headers), "application/problem+json")
