"""A segment's definition, and what it says of a member: yes, no, or that it cannot say. Pure.

    clause                                                   cannot say
    tag: T, in: [V …]        the member's tag has a value    the member has no such tag
    orders: {at_least, at_most}                              never: nothing known is none
    spend: {currency, at_least_cents, at_most_cents}         never
    channel: [till, web, app]   was seen there               never
    store: [S …]                bought or visited there      never
    category: [C …]             bought of it                 never

A member is in when every clause says yes; out when one says no; and otherwise what the definition says of `unknown`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec

from contracts.errors import BadInput
from contracts.members import Sums

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
Whole = Annotated[int, msgspec.Meta(ge=0)]
Texts = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
_MEND = "docs/segments.md shows a definition, word by word."


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Words(_Part, frozen=True):
    zh: str
    en: str


class Count(_Part, frozen=True):
    at_least: Whole = 0
    at_most: Whole | None = None


class Spend(_Part, frozen=True):
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
    at_least_cents: int | None = None
    at_most_cents: int | None = None


class Clause(_Part, frozen=True):
    """One condition. Exactly one of its kinds is written."""

    tag: str | None = None
    values: Texts | None = msgspec.field(name="in", default=None)
    orders: Count | None = None
    spend: Spend | None = None
    channel: Texts | None = None
    store: Texts | None = None
    category: Texts | None = None

    def __post_init__(self) -> None:
        if sum(kind is not None for kind in self._kinds) != 1 or (self.tag is None) != (self.values is None):
            raise ValueError("a clause is one of: tag with in, orders, spend, channel, store, category")

    @property
    def _kinds(self) -> tuple[object, ...]:
        return (self.tag, self.orders, self.spend, self.channel, self.store, self.category)


class HoldOut(_Part, frozen=True):
    """So many in a hundred are left alone, to be compared with. Another `seed` draws everybody anew; another `percent` only
    whoever was not drawn before.
    """

    percent: Annotated[int, msgspec.Meta(ge=0, le=50)]
    seed: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Definition(_Part, frozen=True):
    segment: str
    version: Annotated[int, msgspec.Meta(ge=1)]
    title: Words
    purpose: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9._-]{0,31}$")]
    all: Annotated[tuple[Clause, ...], msgspec.Meta(min_length=1, max_length=20)]
    unknown: Literal["in", "out"] = "out"
    hold_out: HoldOut | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.segment):
            raise ValueError("the name of a segment is small letters, digits and underscores")


class Facts(NamedTuple):
    """What is known of a member: tags by name, and the sum over the member's identifiers."""

    tags: Mapping[str, str]
    sums: Sums


def definition(described: object, place: str) -> Definition:
    """Raises `BadInput` for what is no definition; `place` says where it stands."""
    try:
        return msgspec.convert(described, Definition)
    except msgspec.ValidationError as error:
        raise BadInput(f"{place} is no definition of a segment: {error}.", _MEND) from None


def says(clause: Clause, of: Facts) -> bool | None:
    """Whether the clause holds of a member; None when it cannot say."""
    sums = of.sums
    if clause.tag is not None:
        value = of.tags.get(clause.tag)
        return None if value is None else value in (clause.values or ())
    if clause.orders is not None:
        return _within(sums.orders, clause.orders.at_least, clause.orders.at_most)
    if clause.spend is not None:
        spent = sums.spend.get(clause.spend.currency, 0)
        return _within(spent, clause.spend.at_least_cents, clause.spend.at_most_cents)
    seen = (
        (clause.channel, set(sums.channels)),
        (clause.store, _positive(sums.stores)),
        (clause.category, _positive(sums.categories)),
    )
    return any(wanted is not None and not known.isdisjoint(wanted) for wanted, known in seen)


def means(by: Definition, of: Facts) -> bool | None:
    """Whether a member is in the segment; None when that hangs on what nobody knows."""
    said = [says(clause, of) for clause in by.all]
    return False if False in said else None if None in said else True


def spelt(clause: Clause) -> str:
    """A clause in one line, as people write it."""
    if clause.tag is not None:
        return f"{clause.tag} in {', '.join(clause.values or ())}"
    if clause.orders is not None:
        return f"orders {_bounds(clause.orders.at_least, clause.orders.at_most)}"
    if clause.spend is not None:
        spend = clause.spend
        return f"spend {spend.currency} {_bounds(spend.at_least_cents, spend.at_most_cents)} cents"
    ((kind, wanted),) = [
        (kind, wanted)
        for kind, wanted in (("channel", clause.channel), ("store", clause.store), ("category", clause.category))
        if wanted
    ]
    return f"{kind} in {', '.join(wanted)}"


def _within(n: int, least: int | None, most: int | None) -> bool:
    return (least is None or n >= least) and (most is None or n <= most)


def _positive(counts: Mapping[str, int]) -> set[str]:
    # What was taken back may leave a count of nothing.
    return {name for name, n in counts.items() if n > 0}


def _bounds(least: int | None, most: int | None) -> str:
    parts: Iterable[str] = (
        f"at least {least}" if least is not None else "",
        f"at most {most}" if most is not None else "",
    )
    return " and ".join(part for part in parts if part) or "any"
