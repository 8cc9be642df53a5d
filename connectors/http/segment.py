"""`POST /v1/…`: Segment's HTTP tracking API, as its client libraries speak it."""

from collections.abc import Callable, Mapping
from itertools import chain

import msgspec

from connectors.ecommerce import segment
from connectors.ecommerce.segment import CALLS, FORMAT, Heard
from connectors.http.credentials import Credentials, basic
from connectors.http.routes import Problem, RawRecord, Request, Route, Taken, refused, told
from connectors.http.shopify import cloud_headers
from contracts.behaviour import event_id
from contracts.refusals import Refused

FEED = "ecommerce"
MOST_CONTEXT = 32 * 1024


class _Keyed(msgspec.Struct):
    writeKey: str = ""  # Segment's name


def allowed(credentials: Credentials, headers: Mapping[str, str], body: bytes) -> str | Problem:
    """The write key comes as the user of Basic authentication; browsers may put it into the body instead."""
    said = basic(headers.get("authorization", ""))
    key = said.user if said else _in_body(body)
    sender = credentials.sender("segment", key.encode()) if key else None
    if sender is not None:
        return sender
    return Problem(
        401,
        "bad_write_key" if key else "missing",
        "The write key is not known here." if key else "There is no write key.",
        "Give the client library a key that is kept here: zhongtai credentials set segment NAME.",
        "authorization",
        (("www-authenticate", 'Basic realm="write key"'),),
    )


def _in_body(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Keyed).writeKey
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""


def routes(tenant: str, dead_id: Callable[[bytes], str]) -> list[Route]:
    """One route for each kind of call, and one for batches. `dead_id` names what cannot be read, telling nothing of it."""

    def record(call: bytes, about: Mapping[str, str]) -> tuple[RawRecord, Heard | Refused]:
        heard = segment.decode(call, about)
        id = dead_id(call) if isinstance(heard, Refused) else event_id(tenant, heard.message)
        by = segment.partitioning_key(tenant, call, heard)
        return RawRecord(f"raw.{FEED}", by, call, cloud_headers(FEED, FORMAT, id, about)), heard

    def take_one(request: Request) -> Taken:
        kind = request.path.rsplit("/", 1)[-1]
        raw, heard = record(request.body, _about(request) | {"zt_sent_at": _sent_at(request.body), "zt_type": kind})
        problem = refused(heard) if isinstance(heard, Refused) else None
        return Taken([raw], 400 if problem else 200, {"success": True}, problem)

    def take_batch(request: Request) -> Taken:
        found = segment.batch(request.body)
        if isinstance(found, Refused):
            raw, _ = record(request.body, _about(request))
            return Taken([raw], 400, {}, refused(found))
        about = _about(request) | {"zt_sent_at": found.sent_at}
        if found.context and len(found.context) <= MOST_CONTEXT:
            about |= {"zt_context": found.context.decode(errors="replace")}
        taken = [record(call, about | {"zt_message_id": request.fresh_id()}) for call in found.calls]
        bad = [told(heard, n) for n, (_, heard) in enumerate(taken) if isinstance(heard, Refused)]
        return Taken([raw for raw, _ in taken], 200, {"success": True} | ({"refused": bad} if bad else {}))

    singles = (Route(f"/v1/{call}", allowed, take_one, gzip=True) for call in CALLS)
    batches = (Route(path, allowed, take_batch, gzip=True) for path in ("/v1/batch", "/v1/import"))
    return list(chain(singles, batches))


def _about(request: Request) -> dict[str, str]:
    return {"zt_received_at": request.received_at, "zt_source": request.sender, "zt_message_id": request.fresh_id()}


class _Sent(msgspec.Struct, rename="camel"):
    sent_at: str | None = None


def _sent_at(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Sent).sent_at or ""
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""
