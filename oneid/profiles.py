"""A member's profile as a sum. Pure.

Each event counts once, at its strongest identifier. What an identifier has gathered is a sub-aggregate (`Sums`), and a
member's profile is the sum of the sub-aggregates of the member's identifiers. `plus` is commutative and associative with
`ZERO` as its neutral element, so a merge, a split, an un-merge and an erasure only say which sub-aggregates are added:
nothing is ever subtracted, and the result is, bit for bit, what a rebuild from the log gives.

    field                            how two add up
    orders, visits                   sum
    spend, stores, categories        sum by key; a key that comes to nothing is left out
    channels                         first seen: min; last seen: max
    coupons, tags                    union
    skus                             the 64 smallest hashes: how many different ones, without holding them
    consents                         the latest word of each purpose; at the same moment a refusal wins
    claims                           by attribute, value and source: times: sum; first: min; last: max; verified: or

What a value of an attribute is decided from the claims by the attribute's rule (`survivor`): a greatest element of a total
order, so neither order nor repeats matter, and the answer names its source.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from hashlib import sha256
from typing import Literal, NamedTuple, TypeVar

import msgspec

from contracts.members import Claim, Seen, Sums

SMALLEST = 64
HASH_BITS = 53  # so that any reader of JSON has the same number
Survivorship = Literal["trusted", "latest", "frequent", "verified"]


ZERO = Sums()


class Survivor(NamedTuple):
    """The value of an attribute, and where it came from."""

    value: str
    source: str
    claim: Claim


def plus(x: Sums, y: Sums) -> Sums:
    return Sums(
        orders=x.orders + y.orders,
        visits=x.visits + y.visits,
        spend=_counts(x.spend, y.spend),
        channels=_by_key(x.channels, y.channels, _seen),
        stores=_counts(x.stores, y.stores),
        categories=_counts(x.categories, y.categories),
        coupons=x.coupons | y.coupons,
        tags=x.tags | y.tags,
        skus=frozenset(sorted(x.skus | y.skus)[:SMALLEST]),
        consents=_by_key(x.consents, y.consents, max),
        claims=_by_key(x.claims, y.claims, lambda a, b: _by_key(a, b, lambda c, d: _by_key(c, d, _claims))),
    )


def total(parts: Iterable[Sums]) -> Sums:
    return reduce(plus, parts, ZERO)


def written(sums: Sums) -> bytes:
    """One spelling of a profile: equal sums are equal bytes."""
    return msgspec.json.encode(sums, order="deterministic")


def sku_hash(sku: str) -> int:
    return int.from_bytes(sha256(sku.encode()).digest()[:8], "big") >> 64 - HASH_BITS


def distinct_skus(sums: Sums) -> int:
    """How many different SKUs: exact up to 64, then estimated from how small the smallest hashes are."""
    if len(sums.skus) < SMALLEST:
        return len(sums.skus)
    return round((SMALLEST - 1) * (1 << HASH_BITS) / max(sums.skus))


def survivor(sums: Sums, attribute: str, rule: Survivorship, trust: Mapping[str, int] | None = None) -> Survivor | None:
    """The value that an attribute's rule chooses: the most trusted source's (a smaller number is trusted more), the latest,
    the most frequent or a verified one; what is still equal is told apart by the later date, then by source and value.
    """
    ranks = trust or {}
    least = max(ranks.values(), default=0) + 1
    # A value is as frequent as all its sources say together.
    times: dict[str, int] = {}
    found = [
        Survivor(value, source, claim)
        for source, values in sums.claims.get(attribute, {}).items()
        for value, claim in values.items()
    ]
    for said in found:
        times[said.value] = times.get(said.value, 0) + said.claim.times
    order: dict[Survivorship, Callable[[Survivor], int]] = {
        "trusted": lambda s: -ranks.get(s.source, least),
        "latest": lambda s: s.claim.last,
        "frequent": lambda s: times[s.value],
        "verified": lambda s: s.claim.verified,
    }
    return max(found, key=lambda s: (order[rule](s), s.claim.last, s.source, s.value), default=None)


class Profiles:
    """The sub-aggregates of a shard, and the profile of any member on request."""

    def __init__(self) -> None:
        self._of: dict[str, Sums] = {}

    def add(self, nid: str, sums: Sums) -> None:
        """One event's contribution, at its strongest identifier. The caller owns "once"."""
        self._of[nid] = plus(self._of.get(nid, ZERO), sums)

    def erase(self, nid: str) -> None:
        self._of.pop(nid, None)

    def of(self, nids: Iterable[str]) -> Sums:
        """The profile of the member with these identifiers."""
        return total(self._of[nid] for nid in sorted(nids) if nid in self._of)


K = TypeVar("K")
V = TypeVar("V")


def _by_key(x: Mapping[K, V], y: Mapping[K, V], both: Callable[[V, V], V]) -> dict[K, V]:
    found = dict(x)
    for key, value in y.items():
        found[key] = both(found[key], value) if key in found else value
    return found


def _counts(x: Mapping[str, int], y: Mapping[str, int]) -> dict[str, int]:
    # Without what comes to nothing, so that an order that moved away leaves no trace of the way that it took.
    return {key: n for key, n in _by_key(x, y, int.__add__).items() if n}


def _seen(x: Seen, y: Seen) -> Seen:
    return Seen(min(x.first, y.first), max(x.last, y.last))


def _claims(x: Claim, y: Claim) -> Claim:
    return Claim(x.times + y.times, min(x.first, y.first), max(x.last, y.last), x.verified or y.verified)
