"""What GS1's schema cannot say of an EPCIS event: real moments, whole identifiers, words of GS1's vocabularies, counts. Pure.

What could be read as something else than it says is refused. Fields and words of other vocabularies are their owners' business.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from connectors.json_text import place, shown
from connectors.wms import schema
from connectors.wms.event_hash import event_hash
from contracts.epcis import COUNT_VOCABULARY, Count, EpcisEvent
from contracts.gs1 import Wrong, identify
from contracts.instants import utc
from contracts.refusals import Refused

LONGEST_ID = 512

_IDENTIFIERS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
_CLASSES = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
# The spellings of one term of the Core Business Vocabulary: the standard wants the bare word, older senders its URI.
_CBV = re.compile(
    r"(?:urn:epcglobal:cbv:(?:bizstep|disp|btt|sdt|er):|https?://(?:ref|ns)\.gs1\.org/cbv/(?:[A-Za-z]+-)?|cbv:(?:[A-Za-z]+-)?)"
)
# GS1's own vocabularies: what is written in their names and is not theirs is misspelt, and never somebody's extension.
_GS1_NAME = re.compile(r"(?:cbvmda:|gs1:|urn:epcglobal:cbv:|https?://(?:www\.|ref\.|ns\.)?gs1\.org/)")
_GS1_WORD = re.compile(r"(?:https?://(?:ref|ns)\.gs1\.org/cbv/|cbv:)(?:BizStep|Disp|BTT|SDT|ER)-")
_GS1_CONTEXT = re.compile(r"https?://(?:ref\.gs1\.org/standards/epcis/|[^\s?#]*/epcis-context[^/\s?#]*\.jsonld\Z)")
_LOT = re.compile(r"(?:lotNumber|hasBatchLotNumber)\Z")
_EXPIRES = re.compile(r"(?:itemExpirationDate|expirationDate|expirationDateTime)\Z")
_DAY = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:T[0-9:.]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?\Z")
_MOST_QUANTITY = 10**15
_COUNT_FIELDS = ("countStart", "countEnd", "countSheet")


def sensible(event: EpcisEvent, value: Mapping[str, Any]) -> EpcisEvent | Refused:
    """The event with its id, bare words, count, lot and expiry day, or the first thing that makes no sense.

    `value` is the whole JSON object of which `event` holds the standard's fields.
    """
    refused = (
        _wrong_context(value)
        or _wrong_field(event)
        or _wrong_word(event)
        or _wrong_identifier(event)
        or _wrong_quantity(event)
    )
    if refused:
        return refused
    count = _count(value)
    if isinstance(count, Refused):
        return count
    made = _ilmd(value.get("ilmd"))
    if isinstance(made, Refused):
        return made
    lot, expires = made
    return msgspec.structs.replace(
        event,
        eventID=event.eventID or event_hash(value),
        bizStep=_word(event.bizStep),
        disposition=_word(event.disposition),
        count=count,
        lot=lot,
        expires_on=expires,
    )


def _wrong_field(event: EpcisEvent) -> Refused | None:
    if not _is_moment(event.eventTime):
        return Refused("bad_time", "eventTime")
    if event.errorDeclaration and not _is_moment(event.errorDeclaration.declarationTime):
        return Refused("bad_time", "errorDeclaration.declarationTime")
    return Refused("epcis_uri", "eventID") if len(event.eventID) > LONGEST_ID or "|" in event.eventID else None


def _wrong_context(value: Mapping[str, Any]) -> Refused | None:
    """Without GS1's context the words of an event could mean anything. No context is loaded: it is known by its address."""
    named = (one for one in listed(value.get("@context")) if isinstance(one, str))
    return None if any(map(_GS1_CONTEXT.match, named)) else Refused("epcis_context", "@context")


def _wrong_word(event: EpcisEvent) -> Refused | None:
    """A word that is written in the name of GS1's vocabulary and is not in it would pass for somebody's own."""
    persistent, error = event.persistentDisposition, event.errorDeclaration
    for at, words in (
        ("bizStep", (event.bizStep,)),
        ("disposition", (event.disposition,)),
        ("persistentDisposition.set", persistent.set if persistent else ()),
        ("persistentDisposition.unset", persistent.unset if persistent else ()),
        ("bizTransactionList.type", tuple(one.type for one in event.bizTransactionList)),
        ("sourceList.type", tuple(one.type for one in event.sourceList)),
        ("destinationList.type", tuple(one.type for one in event.destinationList)),
        ("errorDeclaration.reason", (error.reason,) if error else ()),
    ):
        for n, term in enumerate(words, 1):
            if ":" in term and (own := _GS1_WORD.match(term)) and term[own.end() :] not in _WORDS[at]:
                return Refused("epcis_vocabulary", _place_of(at, n))
    return None


def _place_of(at: str, n: int) -> str:
    if at.startswith("persistent"):
        return f"{at}[{n}]"
    return at.replace("List.", f"List[{n}].")


_WORDS: Mapping[str, frozenset[str]] = {
    "bizStep": schema.vocabulary("bizStep"),
    "disposition": schema.vocabulary("disposition"),
    "persistentDisposition.set": schema.vocabulary("disposition"),
    "persistentDisposition.unset": schema.vocabulary("disposition"),
    "bizTransactionList.type": schema.vocabulary("bizTransaction-type"),
    "sourceList.type": schema.vocabulary("source-dest-type"),
    "destinationList.type": schema.vocabulary("source-dest-type"),
    "errorDeclaration.reason": schema.vocabulary("error-reason"),
}


def _word(term: str) -> str:
    return _CBV.sub("", term, count=1) if ":" in term else term


def _is_moment(text: str) -> bool:
    try:
        return "1970" <= utc(text) < "2100"
    except ValueError:
        return False


def _wrong_identifier(event: EpcisEvent) -> Refused | None:
    for name in _IDENTIFIERS:
        for n, uri in enumerate(getattr(event, name)):
            if isinstance(wrong := identify(uri), Wrong):
                return Refused(wrong.code, place([name, n]))
    for name in _CLASSES:
        for n, element in enumerate(getattr(event, name)):
            if isinstance(wrong := identify(element.epcClass), Wrong):
                return Refused(wrong.code, place([name, n, "epcClass"]))
    for name, uri in (
        ("parentID", event.parentID),
        ("readPoint.id", event.readPoint.id if event.readPoint else ""),
        ("bizLocation.id", event.bizLocation.id if event.bizLocation else ""),
        *((f"sourceList[{n}].source", s.source) for n, s in enumerate(event.sourceList, 1)),
        *((f"destinationList[{n}].destination", d.destination) for n, d in enumerate(event.destinationList, 1)),
    ):
        if uri and isinstance(wrong := identify(uri), Wrong):
            return Refused(wrong.code, name)
    return None


def _wrong_quantity(event: EpcisEvent) -> Refused | None:
    for name in _CLASSES:
        for n, element in enumerate(getattr(event, name)):
            q = element.quantity
            if q is not None and not (
                q.is_finite() and -18 <= q.as_tuple().exponent <= 18 and 0 <= q <= _MOST_QUANTITY
            ):
                return Refused("epcis_quantity", place([name, n, "quantity"]))
    return None


def _ilmd(written: Any) -> tuple[str, str] | Refused:
    """Lot and expiry day of instance/lot master data, by the names of the CBV and of GS1's web vocabulary.

    An expiry of GS1's vocabularies that is no day is refused; in somebody's own it may be written as they like.
    """
    lot = expires = ""
    for name, text in written.items() if isinstance(written, dict) else ():
        if isinstance(text, str) and len(text) <= 64:
            lot = text if _LOT.search(name) else lot
            expires = _day(text) or expires if _EXPIRES.search(name) else expires
        if _EXPIRES.search(name) and _GS1_NAME.match(name) and text and not (isinstance(text, str) and _day(text)):
            return Refused("epcis_value", "ilmd." + _EXPIRES.findall(name)[0])
    return lot, expires


def _day(text: str) -> str:
    """The day of a date or a moment as it is written there, YYYY-MM-DD; "" for what is none."""
    found = _DAY.match(text)
    try:
        return date(*map(int, found.groups())).isoformat() if found else ""
    except ValueError:
        return ""


def _count(value: Mapping[str, Any]) -> Count | Refused | None:
    """The count's own fields, whatever prefix the event's context gives their vocabulary."""
    prefixes = dict.fromkeys([COUNT_VOCABULARY])
    for context in listed(value.get("@context", ())):
        if isinstance(context, dict):
            prefixes |= dict.fromkeys(f"{name}:" for name, iri in context.items() if iri == COUNT_VOCABULARY)
    # A name of our own vocabulary that is none of the three is misspelt; passed over, the count would lose what it says.
    for name in value:
        if ":" in name and (own := _in(prefixes, name)) is not None and own not in _COUNT_FIELDS:
            return Refused("epcis_field", shown(own) or "_")
    said: dict[str, str] = {}
    for prefix in prefixes:
        for field in _COUNT_FIELDS:
            text = value.get(prefix + field)
            if text is None:
                continue
            if not isinstance(text, str) or len(text) > 64 or (field != "countSheet" and not _is_moment(text)):
                return Refused("bad_time" if field != "countSheet" else "bad_value", field)
            said[field] = text
    if said.get("countStart") and said.get("countEnd") and _after(said["countStart"], said["countEnd"]):
        return Refused("epcis_count", "countEnd")
    return (
        Count(start=said.get("countStart", ""), end=said.get("countEnd", ""), sheet=said.get("countSheet", ""))
        if said
        else None
    )


def _in(prefixes: Mapping[str, None], name: str) -> str | None:
    """What a name says after a prefix; None when it begins with none. A prefix ends with a name's first colon (JSON-LD)."""
    if name.startswith(COUNT_VOCABULARY):
        return name.removeprefix(COUNT_VOCABULARY)
    prefix, _, own = name.partition(":")
    return own if f"{prefix}:" in prefixes else None


def _after(a: str, b: str) -> bool:
    return utc(a)[:-1] > utc(b)[:-1]


def listed(context: Any) -> list[Any]:
    return context if isinstance(context, list) else [context]
