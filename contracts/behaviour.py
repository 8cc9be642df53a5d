"""`event.behaviour`: what people did in the web shop and the app; who they are, as tokens only."""

from typing import ClassVar, Literal

import msgspec

from contracts.keys import record_id
from contracts.receipts import Origin, Token
from contracts.wire import Record

Call = Literal["identify", "track", "page", "screen", "group", "alias"]


class Item(msgspec.Struct, frozen=True, gc=False):
    """A product that an event is about. `amount_cents` is the price of one, None when the event tells none."""

    sku: str
    quantity: int = 1
    amount_cents: int | None = None


class Consented(msgspec.Struct, frozen=True, gc=False):
    """What somebody said to a purpose, such as `marketing`."""

    purpose: str
    given: bool


class Behaviour(Record, frozen=True, kw_only=True, gc=False):
    """One call, once. Keyed (tenant, event id); partitioned by event id.

    `at` is when it happened by our clock: a device's wrong clock was corrected where it told when it sent the call.
    `identifiers` are those that the call shows together; `previous` is the one that an `alias` gives up. `unreadable` are
    the types of those that could not be read, `name_tokens` those of the person's name (`oneid.names.name_tokens`). Of the
    call's properties only those below are kept, since others may be personal.
    """

    TYPE: ClassVar[str] = "event.behaviour"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    event_id: str
    kind: Call
    name: str
    at: str
    received_at: str
    identifiers: tuple[Token, ...] = ()
    previous: Token | None = None
    unreadable: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    currency: str = ""
    amount_cents: int | None = None
    order: str = ""
    cart: str = ""
    category: str = ""
    name_tokens: str = ""
    consents: tuple[Consented, ...] = ()
    origin: Origin


def event_id(tenant: str, message: str) -> str:
    """The id of a call, from the id that its sender gave it (Segment's `messageId`)."""
    return record_id(tenant, "behaviour", message)
