"""The feed format `epcis`: EPCIS 2.0 events in GS1's JSON-LD binding, one by one or in documents.

Pure: the connector that reads a file, the receiver of `POST /capture` and the job that takes the records ask the same
functions. No context is ever loaded from the network: GS1's own terms are known by their names, and extension fields are
passed over, but for those of a count.
"""

import re
from typing import Any

import msgspec

from connectors.feeds import spread
from connectors.json_text import parsed
from connectors.strict_json import BOM, unreadable
from connectors.wms import schema
from connectors.wms.sense import LONGEST_ID, listed, sensible
from connectors.wms.strict import usual, usual_but_for_extensions
from contracts.epcis import EpcisEvent
from contracts.keys import key
from contracts.refusals import Refused

FORMAT = "epcis"
LONGEST_DOCUMENT = 8 << 20
MOST_CONTEXTS = 32

_event = msgspec.json.Decoder(EpcisEvent).decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
_TYPES = frozenset({"ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"})
_DOCUMENTS = ("EPCISDocument", "EPCISQueryDocument")  # a tuple: what is asked for may be no text
_VERSION = re.compile(r"2(?:\.[0-9]+){0,2}\Z")


def decode(text: bytes) -> EpcisEvent | Refused:
    """The event of a bare EPCIS event, or why it is none. Never raises, for any bytes; holds no value of theirs."""
    text = text.removeprefix(BOM)
    if usual(text):
        value = _parsed(text)
        return value if isinstance(value, Refused) else sensible(_event(text), value)
    refused = unreadable(text)
    if refused:
        return refused
    value = _parsed(text)
    if isinstance(value, Refused):
        return value
    return _event_of(value) if isinstance(value, dict) else Refused("not_json")


def _parsed(text: bytes) -> Any | Refused:
    value = parsed(text)
    twice = isinstance(value, Refused) and value.code == "written_twice"
    return Refused("epcis_twice", value.place) if twice else value


def split(text: bytes) -> list[bytes] | Refused:
    """The bare events that a document holds, each with the document's `@context`, or why it is no document.

    All or nothing, as the standard's capture interface rolls back by default: one wrong event refuses the document, with
    its place, such as `epcisBody.eventList[2].action` for the second event. A bare event is its own list of one.
    """
    text = text.removeprefix(BOM)
    if usual(text):
        return [text]
    value = Refused("too_large") if len(text) > LONGEST_DOCUMENT else unreadable(text) or _parsed(text)
    if isinstance(value, Refused):
        return value
    if not isinstance(value, dict):
        return Refused("not_json")
    return _events(text, value) if value.get("type") in _DOCUMENTS else [text]


def refused_whole(text: bytes) -> Refused | None:
    """Why a raw record that is a whole document is none; a good document is no raw record: its events are."""
    if b"EPCISDocument" not in text and b"EPCISQueryDocument" not in text:
        return None
    found = split(text)
    return found if isinstance(found, Refused) else None


def partitioning_key(tenant: str, text: bytes, decoded: EpcisEvent | Refused) -> bytes:
    """What decides the partition of a raw record: the event's id, so that an event and its declaration meet."""
    if isinstance(decoded, EpcisEvent) and len(decoded.eventID) <= LONGEST_ID:
        return key(tenant, decoded.eventID)
    return spread(tenant, text)


def _events(text: bytes, document: dict[str, Any]) -> list[bytes] | Refused:
    if document["type"] == "EPCISQueryDocument":
        return Refused("epcis_query_document", "type")
    body = document.get("epcisBody")
    events = body.get("eventList") if isinstance(body, dict) else None
    shell = document
    if isinstance(body, dict) and isinstance(events, list):
        shell = document | {"epcisBody": body | {"eventList": []}}
    refused = schema.broken(shell)
    if refused:
        return refused
    if not _VERSION.match(document["schemaVersion"]):
        return Refused("epcis_version", "schemaVersion")
    raws = _list(_fields(_fields(text)["epcisBody"])["eventList"])
    outer = listed(document["@context"])
    if len(outer) > MOST_CONTEXTS or len(raws) * len(_encode(outer)) > 2 * LONGEST_DOCUMENT:
        return Refused("too_large", "@context")  # from here on each event carries it
    bare = [_with_context(bytes(raw), document["@context"]) for raw in raws]
    for n, one in enumerate(bare):
        decoded = decode(one)
        if isinstance(decoded, Refused):
            inside = f"epcisBody.eventList[{n + 1}]"
            return Refused(decoded.code, f"{inside}.{decoded.place}" if decoded.place else inside)
    return bare


def _with_context(event: bytes, outer: Any) -> bytes:
    """An event of a document as a bare one. Its own context comes after the document's, as JSON-LD reads them."""
    if event[:1] != b"{":
        return event
    if b'"@context"' not in event:
        return b'{"@context":' + _encode(outer) + (b"," if event[1:].lstrip()[:1] != b"}" else b"") + event[1:]
    fields: dict[str, Any] = dict(_fields(event))
    if "@context" in fields:
        own = msgspec.json.decode(fields["@context"])
        both = listed(outer) + [one for one in listed(own) if one not in listed(outer)]
        fields["@context"] = both
    return _encode(fields)


def _event_of(value: dict[str, Any]) -> EpcisEvent | Refused:
    """The slow way: GS1's schema, then the standard fields out of whatever else is there."""
    kind = value.get("type")
    if kind in _DOCUMENTS:
        return Refused("epcis_not_one_event", "type")
    refused = None if usual_but_for_extensions(value) else schema.broken(value)
    if refused:
        return refused
    if kind not in _TYPES:
        return Refused("epcis_event_type", "type")
    try:
        event = msgspec.convert(_known(value), EpcisEvent)
    except msgspec.ValidationError as error:
        return Refused("epcis_schema", _path(str(error)))
    return sensible(event, value)


def _known(value: dict[str, Any]) -> dict[str, Any]:
    """The fields of the standard; sensors as one text, without their extension fields, whose values could be anything."""
    sensors = value.get("sensorElementList")
    plain = {k: v for k, v in value.items() if k in EpcisEvent.__struct_fields__ and k not in {"lot", "count"}}
    plain.pop("sensors", None)
    plain.pop("expires_on", None)
    return plain | ({"sensors": _encode(_standard(sensors)).decode()} if sensors else {})


def _standard(node: Any) -> Any:
    if isinstance(node, dict):
        return {k: _standard(v) for k, v in node.items() if ":" not in k}
    return [_standard(item) for item in node] if isinstance(node, list) else node


def _path(message: str) -> str:
    found = re.search(r" - at `\$\.?(\S*)`$", message)
    return re.sub(r"\[(\d+)\]", lambda n: f"[{int(n.group(1)) + 1}]", found.group(1)) if found else ""
