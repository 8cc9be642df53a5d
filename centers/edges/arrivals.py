"""What the headers of raw records tell of the outbox that sent them. Pure.

`zt_edge` is `store|epoch|lane|seq`; in a declaration (topic `raw.edge`) `store|epoch|lane|low-high`, and `zt_edge_says` is
`shed`, `lost` or `top`. docs/feeds/pos-edge.md tells the same. A header that cannot be read counts as none: the record
itself may be good, and its number then stays missing, which is seen.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple, get_args

from centers.receipts import marks
from contracts.edges import EdgeArrival, Says

# Numbers far above any outbox, and far below what an interval or a lake could not hold.
_HEADER = re.compile(
    r"(?P<store>[^\s|\x00-\x1f][^|\x00-\x1f]{0,63})\|(?P<epoch>[0-9a-z-]{1,40})\|(?P<lane>[a-z]{1,20})"
    r"\|(?P<low>[1-9][0-9]{0,14})(-(?P<high>[1-9][0-9]{0,14}))?"
)
_SAYS = frozenset(get_args(Says))


class Told(NamedTuple):
    tenant: str
    store: str
    epoch: str
    lane: str
    says: str


class Heard(NamedTuple):
    """One record's header, read."""

    told: Told
    low: int
    high: int
    at: str


def read(tenant: str, headers: Iterable[tuple[str, bytes]], at: str) -> Heard | None:
    """What the headers say, or None when no outbox sent the record, or when they cannot be read."""
    fields = {name: value for name, value in headers if name in ("zt_edge", "zt_edge_says")}
    if "zt_edge" not in fields:
        return None
    found = _HEADER.fullmatch(fields["zt_edge"].decode(errors="replace"))
    says = fields.get("zt_edge_says", b"sent").decode(errors="replace")
    if found is None or says not in _SAYS or (says == "sent") != (found["high"] is None):
        return None
    low = int(found["low"])
    high = int(found["high"] or low)
    return (
        Heard(Told(tenant, found["store"], found["epoch"], found["lane"], says), low, high, at) if low <= high else None
    )


def arrivals(heard: Iterable[Heard]) -> list[EdgeArrival]:
    """One arrival for each (store, epoch, lane, kind), in the order in which they first came."""
    ranges: dict[Told, marks.Intervals] = {}
    counts: dict[Told, int] = {}
    at: dict[Told, str] = {}
    for one in heard:
        before = ranges.get(one.told, ())
        if one.low == one.high:
            ranges[one.told] = marks.add(before, one.low)[0]
        else:
            ranges[one.told] = marks.union(before, ((one.low, one.high),))
        counts[one.told] = counts.get(one.told, 0) + 1
        at[one.told] = one.at
    return [
        EdgeArrival(
            tenant=told.tenant,
            store=told.store,
            epoch=told.epoch,
            lane=told.lane,
            says=told.says,  # type: ignore[arg-type]
            ranges=ranges[told],
            records=counts[told],
            arrived_at=at[told],
        )
        for told in ranges
    ]
