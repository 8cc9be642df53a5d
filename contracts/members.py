"""What identifiers gather (`event.profile_fact`, `state.profile`): the sub-aggregates of which members' profiles are sums.

`oneid.profiles` adds them up, and says how each field does. A profile holds tokens and hashes, never clear text, and no
identifier but its own: what one person's profile holds must not outlive another's erasure.
"""

from typing import ClassVar

import msgspec

from contracts.keys import key, record_id
from contracts.wire import Record


class Seen(msgspec.Struct, frozen=True):
    """The first and the last moment, in seconds."""

    first: int
    last: int


class Consent(msgspec.Struct, frozen=True, order=True):
    """`refused` stands before the source, so that of two words at one moment the refusal is the greater."""

    at: int
    refused: bool
    source: str


class Claim(msgspec.Struct, frozen=True):
    """How often a source said a value, when, and whether it was ever verified (by a code, an identity card)."""

    times: int
    first: int
    last: int
    verified: bool


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What one identifier, or one member, has gathered. `spend` is in minor units by currency.

    `stores` and `categories` count receipts and web orders, `visits` receipts at tills and pages viewed. `skus` are hashes.
    `claims` is by attribute, then by `source`, then by value; values of a person are nids, never clear text.
    """

    orders: int = 0
    visits: int = 0
    spend: dict[str, int] = {}
    channels: dict[str, Seen] = {}
    stores: dict[str, int] = {}
    categories: dict[str, int] = {}
    coupons: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    skus: frozenset[int] = frozenset()
    consents: dict[str, Consent] = {}
    claims: dict[str, dict[str, dict[str, Claim]]] = {}


class ProfileFact(Record, frozen=True, kw_only=True, gc=False):
    """`event.profile_fact`: what one event adds to one identifier, once. Keyed (tenant, nid, fact id); partitioned by nid.

    `about` is the event of topic `source` that it follows from. `sums` may hold negative numbers: an order that was paid back
    takes away what it had added. `cipher` is the identifier's own, "" where it is not known. `erased` says that the
    identifier is erased, and adds nothing.
    """

    TYPE: ClassVar[str] = "event.profile_fact"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    fact_id: str
    nid: str
    at: str
    source: str
    about: str
    sums: Sums = Sums()
    cipher: str = ""
    erased: bool = False


class Profile(Record, frozen=True, kw_only=True, gc=False):
    """`state.profile`: what one identifier has gathered. Keyed and partitioned by (tenant, nid). Erased: a tombstone.

    A member's profile is the sum over the identifiers that `state.member_map` gives to the member.
    """

    TYPE: ClassVar[str] = "state.profile"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    nid: str
    sums: Sums
    cipher: str = ""


def profile_key(tenant: str, nid: str) -> bytes:
    return key(tenant, nid)


def profile_fact_id(tenant: str, source: str, about: str, nid: str) -> str:
    """The id of what an event adds to an identifier."""
    return record_id(tenant, "profile", source, about, nid)
