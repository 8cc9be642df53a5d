"""`POST /capture`: EPCIS 2.0 documents and events, as the standard's capture interface takes them (8.2.7, all or nothing)."""

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


def route(tenant: str, dead_id: Callable[[bytes], str]) -> Route:
    """`dead_id` names what cannot be read, telling nothing of it."""

    def record(text: bytes, request: Request) -> RawRecord:
        decoded = epcis.refused_whole(text) or epcis.decode(text)
        id = _id(tenant, decoded) or dead_id(text)
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
        return Taken([record(event, request) for event in found], 202, {"success": True, "events": len(found)})

    return Route("/capture", allowed, take, gzip=True, most_body=MOST_BODY)


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
