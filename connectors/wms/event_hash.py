"""The EPCIS event hash: an id that follows from an event's content, for events that have no `eventID`.

The algorithm is that of the Core Business Vocabulary 2.0 (event hash): the fields in canonical order as one text, of which
SHA-256 is taken. Terms of the standard count by their web URI, GS1 keys by their canonical Digital Link, moments in UTC
with milliseconds, and neither `recordTime` nor an error declaration counts.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from contracts.gs1 import Identifier, identify

_CBV = "https://ref.gs1.org/cbv/"
# Field → (prefix of its web URIs, the URN it had before); the bare word follows.
_TERMS: Mapping[str, tuple[str, str]] = {
    "bizStep": (_CBV + "BizStep-", "urn:epcglobal:cbv:bizstep:"),
    "disposition": (_CBV + "Disp-", "urn:epcglobal:cbv:disp:"),
    "set": (_CBV + "Disp-", "urn:epcglobal:cbv:disp:"),
    "unset": (_CBV + "Disp-", "urn:epcglobal:cbv:disp:"),
    "bizTransaction": (_CBV + "BTT-", "urn:epcglobal:cbv:btt:"),
    "source": (_CBV + "SDT-", "urn:epcglobal:cbv:sdt:"),
    "destination": (_CBV + "SDT-", "urn:epcglobal:cbv:sdt:"),
    "component": (_CBV + "Comp-", "urn:epcglobal:cbv:comp:"),
    "measurement": ("https://gs1.org/voc/", "gs1:"),
    "exception": ("https://gs1.org/voc/SensorAlertType-", "gs1:"),
}
_QUANTITY = ("epcClass", "quantity", "uom")
_METADATA = (
    "time",
    "startTime",
    "endTime",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
)
_REPORT = (
    "type",
    "exception",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
    "time",
    "microorganism",
    "chemicalSubstance",
    "value",
    "component",
    "stringValue",
    "booleanValue",
    "hexBinaryValue",
    "uriValue",
    "minValue",
    "maxValue",
    "meanValue",
    "sDev",
    "percRank",
    "percValue",
    "uom",
    "coordinateReferenceSystem",
)
_EVENT = (
    "eventTime",
    "eventTimeZoneOffset",
    "certificationInfo",
    "epcList",
    "parentID",
    "inputEPCList",
    "childEPCs",
    "quantityList",
    "childQuantityList",
    "inputQuantityList",
    "outputEPCList",
    "outputQuantityList",
    "action",
    "transformationID",
    "bizStep",
    "disposition",
    "persistentDisposition",
    "readPoint",
    "bizLocation",
    "bizTransactionList",
    "sourceList",
    "destinationList",
    "sensorElementList",
)
_IGNORED = frozenset({"type", "eventID", "recordTime", "errorDeclaration", "@context", "rdfs:comment", "comment"})
_KEYS = {"gtin": "01", "sscc": "00", "gln": "414", "party": "417", "grai": "8003", "gdti": "253", "gcn": "255"}
_MORE_KEYS = {"gsrn": "8018", "gsrnp": "8017", "gsin": "402"}


def event_hash(event: Mapping[str, Any]) -> str:
    """`ni:///sha-256;…?ver=CBV2.0` of an event's fields. Equal for every spelling and order of the same event."""
    return f"ni:///sha-256;{hashlib.sha256(pre_hash(event).encode()).hexdigest()}?ver=CBV2.0"


def pre_hash(event: Mapping[str, Any]) -> str:
    """The text of which the hash is taken."""
    prefixes = _prefixes(event.get("@context"))
    known = "".join(_standard(name, event[name], prefixes) for name in _EVENT if name in event)
    others = [k for k in event if k not in _EVENT and k not in _IGNORED]
    return f"eventType={event.get('type', '')}{known}{_extensions({k: event[k] for k in others}, prefixes)}"


def _standard(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    if isinstance(value, list):
        many = name.endswith("List") or name == "childEPCs"
        return _sorted(name if many else "", (_listed(name, item, prefixes) for item in value))
    if name == "persistentDisposition":
        parts = (_sorted("", (_field(k, _term(k, v)) for v in value.get(k, ()))) for k in ("set", "unset"))
        return name + "".join(parts)
    if name in {"readPoint", "bizLocation"}:
        return name + _fields(("id",), value, prefixes)
    return _field(name, _term(name, value))


def _listed(name: str, item: Any, prefixes: Mapping[str, str]) -> str:
    """An item of one of the standard lists."""
    if name.endswith("uantityList"):
        return "quantityElement" + _fields(_QUANTITY, item, prefixes)
    if name in {"bizTransactionList", "sourceList", "destinationList"}:
        return _typed(name[:-4], item)
    if name == "sensorElementList":
        return _sensor(item, prefixes)
    return _field("epc" if name.endswith(("EPCList", "epcList", "EPCs")) else name, item)


def _typed(name: str, item: Mapping[str, Any]) -> str:
    kind = _field("type", _term(name, item["type"])) if "type" in item else ""
    return kind + _field(name, item.get(name, ""))


def _sensor(element: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    metadata = element.get("sensorMetadata")
    text = "sensorElement"
    if isinstance(metadata, dict):
        text += "sensorMetadata" + _fields(_METADATA, metadata, prefixes)
    reports = ("sensorReport" + _fields(_REPORT, r, prefixes) for r in element.get("sensorReport", ()))
    own = {k: v for k, v in element.items() if k not in {"sensorMetadata", "sensorReport"}}
    return text + _sorted("", reports) + _extensions(own, prefixes)


def _fields(order: tuple[str, ...], item: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    text = "".join(
        _field(name, _term("measurement" if order is _REPORT and name == "type" else name, item[name]))
        for name in order
        if name in item
    )
    return text + _extensions({k: v for k, v in item.items() if k not in order}, prefixes)


def _sorted(name: str, parts: Iterable[str]) -> str:
    return name + "".join(sorted(parts))


def _field(name: str, value: Any) -> str:
    return f"{name}={_canonical(name, value)}"


def _term(name: str, value: Any) -> Any:
    """A word of a standard vocabulary as its web URI."""
    if name not in _TERMS or not isinstance(value, str):
        return value
    web, urn = _TERMS[name]
    if value.startswith(urn):
        return web + value[len(urn) :]
    return value if ":" in value else web + value


def _canonical(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return _number(Decimal(str(value)))
    text = str(value).strip()
    if "time" in name.lower() and "offset" not in name.lower():
        return _moment(text)
    return _canonical_link(text)


def _number(value: Decimal) -> str:
    text = f"{value:f}" if value.is_finite() and -64 < value.adjusted() < 64 else str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def _canonical_link(uri: str) -> str:
    """A GS1 key as its canonical Digital Link, down to its finest level; any other text as it stands."""
    found = identify(uri) if ":" in uri else None
    if isinstance(found, Identifier) and found.kind == "giai" and uri.startswith("urn:"):
        return f"https://id.gs1.org/8004/{uri.rsplit(':', 1)[1].replace('.', '', 1)}"
    if not isinstance(found, Identifier) or found.kind not in _KEYS | _MORE_KEYS:
        return uri
    link = f"https://id.gs1.org/{(_KEYS | _MORE_KEYS)[found.kind]}/{quote(found.key, safe='')}"
    if found.kind in {"grai", "gdti", "gcn"}:
        return (
            "https://id.gs1.org/8003/0" if found.kind == "grai" and len(found.key) == 13 else link[: -len(found.key)]
        ) + (found.key + quote(found.serial, safe=""))
    if found.serial:
        return f"{link}/21/{quote(found.serial, safe='')}"
    if found.lot:
        return f"{link}/10/{quote(found.lot, safe='')}"
    return f"{link}/254/{quote(found.extension, safe='')}" if found.extension else link


def _prefixes(context: Any) -> dict[str, str]:
    known: dict[str, str] = {}
    for one in context if isinstance(context, list) else [context]:
        if isinstance(one, dict):
            known |= {k: v for k, v in one.items() if isinstance(v, str)}
    return known


def _extensions(fields: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    return _sorted("", (_extension(k, v, prefixes) for k, v in fields.items() if k not in _IGNORED))


def _extension(name: str, value: Any, prefixes: Mapping[str, str]) -> str:
    if isinstance(value, list):
        return _sorted("", (_extension(name, item, prefixes) for item in value))
    prefix, colon, local = name.partition(":")
    full = f"{{{prefixes[prefix]}}}{local}" if colon and prefix in prefixes else name
    if isinstance(value, dict):
        return full + _extensions(value, prefixes)
    return _field(full, value)
