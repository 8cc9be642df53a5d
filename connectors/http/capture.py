"""EPCIS 2.0 documents and events, as the standard's capture interface takes them (8.2.7, all or nothing).

`POST /capture` answers with the address of a capture job, `GET /capture/<id>` with the job. A job is over when it is first
heard of, because the answer comes when Kafka has acknowledged every event. So nothing is kept of it: its id says when it was
and how many events it took, under a keyed hash that nobody else can make.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping

from connectors.http.credentials import Credentials, bearer
from connectors.http.routes import Problem, RawRecord, Request, Route, Taken, refused
from connectors.http.shopify import cloud_headers
from connectors.wms import epcis
from contracts.epcis import EpcisEvent
from contracts.refusals import Refused
from contracts.topics import MIB
from contracts.visibility import visibility_id

FEED = "wms"
PATH = "/capture"
MOST_BODY = 4 * MIB
VERSION = "gs1-epcis-version"


def allowed(credentials: Credentials, headers: Mapping[str, str], _: bytes) -> str | Problem:
    token = bearer(headers.get("authorization", ""))
    sender = credentials.sender("capture", token.encode()) if token else None
    if sender is not None:
        return sender
    return Problem(
        401,
        "bad_token" if token else "missing",
        "The token is not known here." if token else "There is no bearer token.",
        "Give the warehouse system one that is kept here: zhongtai credentials set capture NAME --new",
        "authorization",
        (("www-authenticate", 'Bearer realm="capture"'),),
    )


def routes(tenant: str, named: Callable[[bytes], str]) -> list[Route]:
    """`named` is a keyed hash: it names what cannot be read, telling nothing of it, and seals the ids of jobs."""

    def record(text: bytes, request: Request) -> RawRecord:
        decoded = epcis.refused_whole(text) or epcis.decode(text)
        id = _id(tenant, decoded) or named(text)
        about = {"zt_received_at": request.received_at, "zt_source": request.sender}
        headers = cloud_headers(FEED, epcis.FORMAT, id, about)
        return RawRecord(f"raw.{FEED}", epcis.partitioning_key(tenant, text, decoded), text, headers)

    def take(request: Request) -> Taken:
        version = request.headers.get(VERSION, "2.0.0")
        if version.split(".", maxsplit=1)[0] != "2":
            wrong = "This version of EPCIS is not taken here."
            return Taken([], 400, {}, Problem(400, "bad_version", wrong, "Send EPCIS 2.0 in JSON-LD.", VERSION))
        found = _read(request.body)
        if isinstance(found, Refused):
            return Taken([record(request.body, request)], 400, {}, refused(found))
        id = _sealed(f"{request.received_at}|{len(found)}|{request.fresh_id()}", named)
        job = _job(id, request.received_at, len(found))
        headers = (("location", f"{PATH}/{id}"), (VERSION, "2.0.0"))
        return Taken([record(event, request) for event in found], 202, job, headers=headers)

    def look(request: Request) -> Taken:
        id = request.path.rsplit("/", 1)[-1]
        said = _opened(id, named)
        if said is None:
            missing = Problem(404, "no_such_job", "There is no such capture job.", "Ask for the Location of a POST.")
            return Taken([], 404, {}, missing)
        at, events, _ = said.split("|")
        return Taken([], 200, _job(id, at, int(events)), headers=((VERSION, "2.0.0"),))

    return [
        Route(PATH, allowed, take, gzip=True, most_body=MOST_BODY),
        Route(f"{PATH}/{{id}}", allowed, look, method="GET"),
    ]


def _job(id: str, at: str, events: int) -> dict[str, object]:
    """A capture job in the standard's words, and how many events it took."""
    return {
        "captureID": id,
        "createdAt": at,
        "finishedAt": at,
        "running": False,
        "success": True,
        "captureErrorBehaviour": "rollback",
        "errors": [],
        "events": events,
    }


def _sealed(text: str, named: Callable[[bytes], str]) -> str:
    shown = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return f"{shown}.{named(text.encode())}"


def _opened(id: str, named: Callable[[bytes], str]) -> str | None:
    """The text that was sealed; None for an id that we did not make."""
    shown, _, seal = id.partition(".")
    try:
        text = base64.b64decode(f"{shown}{'=' * (-len(shown) % 4)}", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return text.decode() if hmac.compare_digest(seal.encode(), named(text).encode()) else None


def _read(body: bytes) -> list[bytes] | Refused:
    """The events of a body, of which each one is good, or why it is refused whole."""
    found = epcis.split(body)
    if isinstance(found, Refused) or len(found) != 1:
        return found
    decoded = epcis.decode(found[0])
    return decoded if isinstance(decoded, Refused) else found


def _id(tenant: str, decoded: EpcisEvent | Refused) -> str | None:
    if isinstance(decoded, Refused):
        return None
    return visibility_id(tenant, decoded.eventID, declared=decoded.errorDeclaration is not None)
