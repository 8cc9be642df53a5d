"""Where an event happened, and between which places goods went: GLNs become our locations. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from centers.stock.steps import Way
from contracts.epcis import EpcisEvent
from contracts.gs1 import Identifier, identify
from contracts.locations import Locations
from contracts.refusals import Refused


class Places(msgspec.Struct, frozen=True):
    """Codes of our locations, "" where the place is not ours or not said; and the GLNs by the field that named them."""

    here: str
    source: str
    destination: str
    glns: dict[str, str]


class _Named(msgspec.Struct, frozen=True):
    field: str
    gln: Identifier


def places(event: EpcisEvent, locations: Locations, goes: Way) -> Places | Refused:
    """The places of an event.

    Goods that arrive stand at the business location, or else at the destination or the read point; goods that leave come
    from the source, or else from the read point or the business location. A GLN with one of our company prefixes that
    nobody listed is refused where it would decide about stock, since silence would lose the move.
    """
    read_point = _gln("readPoint.id", event.readPoint.id if event.readPoint else "")
    business = _gln("bizLocation.id", event.bizLocation.id if event.bizLocation else "")
    source = _first(_gln(f"sourceList[{n}].source", s.source, s.type) for n, s in enumerate(event.sourceList, 1))
    destination = _first(
        _gln(f"destinationList[{n}].destination", d.destination, d.type) for n, d in enumerate(event.destinationList, 1)
    )
    leaves = goes in {"ship", "unship"}
    here = _ours([business, destination, read_point] if goes == "receive" else [business, read_point], locations)
    start = _ours([source, read_point, business] if leaves else [source], locations)
    end = _ours([destination], locations)
    for decides in (start, end) if leaves else (here,) if goes else ():
        if isinstance(decides, Refused):
            return decides
    named = {"read_point": read_point, "business": business, "source": source, "destination": destination}
    glns = {name: _spelt(one.gln) for name, one in named.items() if one is not None}
    return Places(_said(here), _said(start), _said(end), glns)


def _said(code: str | Refused) -> str:
    return "" if isinstance(code, Refused) else code


def _gln(field: str, uri: str, kind: str = "location") -> _Named | None:
    """The GLN of a field, if it names a place at all: sources and destinations may be parties as well."""
    if kind.rsplit("-", 1)[-1].rsplit(":", 1)[-1] != "location" or not uri:
        return None
    found = identify(uri)
    return _Named(field, found) if isinstance(found, Identifier) and found.kind == "gln" else None


def _first(found: Iterable[_Named | None]) -> _Named | None:
    return next((one for one in found if one is not None), None)


def _ours(named: Sequence[_Named | None], locations: Locations) -> str | Refused:
    """The first of the named places that is ours; refused when one before it should be, and is not listed."""
    for one in named:
        if one is None:
            continue
        known = locations.find(one.gln)
        if known is not None:
            return known.location
        if locations.claims(one.gln):
            return Refused("unknown_location", one.field)
    return ""


def _spelt(gln: Identifier) -> str:
    return f"{gln.key}.{gln.extension}" if gln.extension else gln.key
