"""The tag `life_cycle`: new, active, at risk, lost; by when a member first and last bought. Pure.

    lost        no purchase for `lost_days`
    at_risk     otherwise: no purchase for `at_risk_days`
    new         otherwise: the first purchase is less than `new_days` ago
    active      otherwise
    ""          nothing to say: no purchase is known, or all were undone

Recency is a monoid: a member's is the sum over the member's identifiers, so merges, splits and erasures are exact. When purchases
are undone (a voided receipt, a cancelled order) they no longer count; the days on which somebody was seen to buy stay.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, NamedTuple

import msgspec

from contracts.errors import BadInput

DAY_S = 86_400
VALUES = ("new", "active", "at_risk", "lost")
Days = Annotated[int, msgspec.Meta(ge=1, le=3650)]


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    zh: str
    en: str


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """centers/tags/life_cycle.yml, read."""

    tag: str
    version: Annotated[int, msgspec.Meta(ge=1)]
    title: Words
    new_days: Days
    at_risk_days: Days
    lost_days: Days
    values: dict[str, Words]

    def __post_init__(self) -> None:
        if not self.new_days <= self.at_risk_days < self.lost_days:
            raise ValueError("new_days may not be above at_risk_days, nor at_risk_days reach lost_days")
        if set(self.values) != set(VALUES) or self.tag != "life_cycle":
            raise ValueError(f"the tag is life_cycle, and its values are {', '.join(VALUES)}")


class Recency(NamedTuple):
    """Purchases, and the seconds of the first and the last; (0, 0, 0) is none."""

    purchases: int = 0
    first: int = 0
    last: int = 0


class Stands(NamedTuple):
    """Where a member stands: since when, and when it changes by itself (0: never)."""

    value: str = ""
    since: int = 0
    due: int = 0


def definition(described: Mapping[str, object], place: str) -> Definition:
    """Raises `BadInput` for what is no definition; `place` says where it stands."""
    try:
        return msgspec.convert(described, Definition)
    except msgspec.ValidationError as error:
        raise BadInput(f"{place} is no definition of the life cycle: {error}.", "docs/segments.md shows one.") from None


def plus(a: Recency, b: Recency) -> Recency:
    if not a.last or not b.last:
        return Recency(a.purchases + b.purchases, a.first or b.first, a.last or b.last)
    return Recency(a.purchases + b.purchases, min(a.first, b.first), max(a.last, b.last))


def total(parts: Iterable[Recency]) -> Recency:
    whole = Recency()
    for part in parts:
        whole = plus(whole, part)
    return whole


def stands(by: Definition, of: Recency, now: int) -> Stands:
    """Where a member with these purchases stands at `now`. A purchase of the future, by a wrong clock, was made now."""
    if of.purchases <= 0 or not of.last:
        return Stands()
    first, last = min(of.first, now), min(of.last, now)
    settled, at_risk, lost = (first + by.new_days * DAY_S, last + by.at_risk_days * DAY_S, last + by.lost_days * DAY_S)
    if now >= lost:
        return Stands("lost", lost)
    if now >= at_risk:
        return Stands("at_risk", at_risk, lost)
    if now < settled:
        return Stands("new", first, min(settled, at_risk))
    return Stands("active", settled, at_risk)
