"""A narrow form of the commonest events, which GS1's schema surely takes: deciding by it costs a hundredth of the schema.

What it refuses is not wrong, only unusual: the schema decides then. That it takes nothing which the schema refuses is
tested with generated events.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from connectors.wms.schema import vocabulary

# Plain types here and the patterns in `_fits`: msgspec 0.22 can crash at the interpreter's exit when a module's structs
# hold constraints inside lists (msgspec issue 717), and a command's exit status is a promise.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`\x00-\x1f]{1,500}\Z")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
_OFFSET = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)\Z")
_UOM = re.compile(r"[A-Z0-9]{2,3}\Z")
_STEPS = vocabulary("bizStep") | {UNSET}
_DISPOSITIONS = vocabulary("disposition") | {UNSET}
_DOCUMENTS = vocabulary("bizTransaction-type") | {UNSET}
_PARTIES = vocabulary("source-dest-type")


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    pass


class _Place(_Strict):
    id: str


class _Quantity(_Strict):
    epcClass: str
    quantity: float = 0.0
    uom: str = "EA"


class _Document(_Strict):
    bizTransaction: str
    type: str | UnsetType = UNSET


class _Source(_Strict):
    type: str
    source: str


class _Destination(_Strict):
    type: str
    destination: str


class _Event(_Strict, kw_only=True):
    context: str | list[str | dict[str, str]] = msgspec.field(name="@context")
    type: Literal["ObjectEvent", "AggregationEvent"]
    eventTime: str
    eventTimeZoneOffset: str
    eventID: str
    action: Literal["ADD", "OBSERVE", "DELETE"]
    recordTime: str = "1970-01-01T00:00:00Z"
    bizStep: str | UnsetType = UNSET
    disposition: str | UnsetType = UNSET
    readPoint: _Place | None = None
    bizLocation: _Place | None = None
    bizTransactionList: list[_Document] = []
    sourceList: list[_Source] = []
    destinationList: list[_Destination] = []
    quantityList: list[_Quantity] | UnsetType = UNSET
    parentID: str | UnsetType = UNSET
    childQuantityList: list[_Quantity] | UnsetType = UNSET


_read = msgspec.json.Decoder(_Event).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def usual(text: bytes) -> bool:
    """Whether a text is one of the commonest events, written just so. It may still hold a field twice."""
    try:
        event = _read(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    # Written as null, a place would pass for absent here, and not in the schema.
    return b"null" not in text and b"\\" not in text and _fits(event)


def usual_but_for_extensions(value: Mapping[str, Any]) -> bool:
    """The same of an event that was read, extension fields left out: a field named by a URI may hold anything."""
    plain = {name: held for name, held in value.items() if not _URI.match(name)}
    if len(plain) == len(value):
        return False
    try:
        return usual(_encode(plain))
    except (OverflowError, TypeError):  # numbers that no field can hold
        return False


def _quantities(event: _Event) -> list[_Quantity]:
    """The objects of an event of its type; none where it has the lists of the other type, or both."""
    if event.type == "ObjectEvent":
        own, alone = event.quantityList, event.parentID is UNSET and event.childQuantityList is UNSET
    else:
        own, alone = event.childQuantityList, event.quantityList is UNSET
    return own if isinstance(own, list) and alone else []


def _fits(event: _Event) -> bool:
    moments = _TIME.match(event.eventTime) and _TIME.match(event.recordTime)
    quantities = _quantities(event)
    return bool(
        quantities
        and moments
        and _OFFSET.match(event.eventTimeZoneOffset)
        and event.bizStep in _STEPS
        and event.disposition in _DISPOSITIONS
        and all(d.type in _DOCUMENTS for d in event.bizTransactionList)
        and all(s.type in _PARTIES for s in event.sourceList)
        and all(d.type in _PARTIES for d in event.destinationList)
        and all(_UOM.match(q.uom) for q in quantities)
        and all(map(_URI.match, _uris(event, quantities)))
    )


def _uris(event: _Event, quantities: list[_Quantity]) -> list[str]:
    context = event.context if isinstance(event.context, list) else [event.context]
    if len(context) > 2 or (len(context) == 2 and context[0] == context[1]):
        return [""]  # the schema wants contexts to differ; more than two are left to it
    places = [place.id for place in (event.readPoint, event.bizLocation) if place]
    return [
        event.eventID,
        *(one for one in context if isinstance(one, str)),
        *places,
        *([event.parentID] if isinstance(event.parentID, str) else []),
        *(q.epcClass for q in quantities),
        *(d.bizTransaction for d in event.bizTransactionList),
        *(s.source for s in event.sourceList),
        *(d.destination for d in event.destinationList),
    ]
