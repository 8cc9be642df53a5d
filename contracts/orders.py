"""Orders over all channels: facts as they come in (`event.order`), and the order that they add up to (`state.order`)."""

from typing import ClassVar, Literal

import msgspec

from contracts.keys import record_id
from contracts.receipts import Origin, Token
from contracts.web import HandOver, Restock
from contracts.wire import Record

Channel = Literal["web", "pos"]
FactKind = Literal["created", "updated", "cancelled", "refunded", "fulfilled", "sold", "returned", "voided", "rung_up"]
OrderState = Literal["unknown", "open", "completed", "refunded", "cancelled"]
PaymentState = Literal[
    "unknown", "pending", "authorized", "partially_paid", "paid", "partially_refunded", "refunded", "voided", "expired"
]
FulfilmentState = Literal["none", "partial", "fulfilled"]


class OrderLine(msgspec.Struct, frozen=True, gc=False):
    """One SKU of a line, in whole base units. A set sold as one (`bundle`: its SKU) has a line for each of its parts.

    `line` counts the source's lines from 1 and `source_line` is its own name there; `sold` is the quantity in which the
    source counts. Parts add up to what was owed for the line.
    """

    line: int
    source_line: str
    sold: int
    sku: str
    quantity: int
    unit: str
    amount_cents: int
    discount_cents: int = 0
    bundle: str = ""


class Receiver(msgspec.Struct, frozen=True, gc=False):
    """To whom an order goes: the phone as a token, the name as `oneid.names.name_tokens`, "" for none."""

    identifiers: tuple[Token, ...] = ()
    name_tokens: str = ""


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """The order as it stood at `version`. `other_cents` is what of the total no line, shipping or tax explains (tips, fees).

    `name_tokens` are those of the customer's name (`oneid.names.name_tokens`), "" for none.
    """

    version: str
    rank: int
    number: str
    placed_at: str
    payment: PaymentState
    currency: str
    total_cents: int
    shipping_cents: int
    tax_cents: int
    other_cents: int
    lines: tuple[OrderLine, ...]
    identifiers: tuple[Token, ...] = ()
    unreadable: tuple[str, ...] = ()
    pickup_store: str = ""
    products_version: int = 0
    name_tokens: str = ""
    receiver: Receiver | None = None


class RefundLine(msgspec.Struct, frozen=True, gc=False):
    """`quantity` as the source counts the line, or base units of `sku` where a till took the goods back.

    `restock`: `cancel` was never sent, `return` came back, `none` neither.
    """

    source_line: str
    quantity: int
    amount_cents: int
    restock: Restock
    location: str = ""
    sku: str = ""


class Refund(msgspec.Struct, frozen=True, gc=False):
    """Money paid back (positive) and the lines it is for. `currency` is "" when no money moved."""

    id: str
    version: str
    at: str
    currency: str
    amount_cents: int
    lines: tuple[RefundLine, ...] = ()


class Fulfilment(msgspec.Struct, frozen=True, gc=False):
    """A hand-over: to a carrier, or in a shop. `lines`: (source line, quantity as the source counts)."""

    id: str
    version: str
    at: str
    status: HandOver
    method: Literal["ship", "pickup"]
    location: str
    lines: tuple[tuple[str, int], ...]


class RungUp(msgspec.Struct, frozen=True, gc=False):
    """A receipt (`id`) that handed the order over, wholly or in part: (SKU, base units). It is no second sale."""

    id: str
    version: str
    at: str
    store: str
    total_cents: int
    lines: tuple[tuple[str, int], ...]


class Order(Record, frozen=True, kw_only=True, gc=False):
    """`state.order`: one order, whatever order its facts came in. Keyed and partitioned by (tenant, order id).

    The second half follows from the first. `state` is `unknown` while only a refund or a hand-over is known of it;
    `total_cents`, `refunded_cents` are in minor units of `currency`; refunds in another currency are listed and not summed.
    """

    TYPE: ClassVar[str] = "state.order"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    order_id: str
    channel: Channel
    source: str
    shop: str
    snapshot: Snapshot | None = None
    cancelled_at: str = ""
    refunds: tuple[Refund, ...] = ()
    fulfilments: tuple[Fulfilment, ...] = ()
    rung_up: tuple[RungUp, ...] = ()
    state: OrderState = "unknown"
    payment: PaymentState = "unknown"
    fulfilment: FulfilmentState = "none"
    number: str = ""
    placed_at: str = ""
    currency: str = ""
    total_cents: int = 0
    refunded_cents: int = 0


class OrderFact(Record, frozen=True, kw_only=True, gc=False):
    """`event.order`: one message about one order, never twice. Keyed (tenant, order id, fact id); partitioned by order.

    It holds what the message says and nothing of what came before, so facts add up in any order (`centers.orders`).
    `version` is the source's own; `at` is when it happened; `known_at` when the platform first held it. `forgets` are
    identifiers that were erased, and which what is known of the order must no longer hold.
    """

    TYPE: ClassVar[str] = "event.order"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    fact_id: str
    order_id: str
    channel: Channel
    source: str
    shop: str
    kind: FactKind
    version: str
    at: str
    known_at: str
    snapshot: Snapshot | None = None
    cancelled_at: str = ""
    refunds: tuple[Refund, ...] = ()
    fulfilments: tuple[Fulfilment, ...] = ()
    rung_up: tuple[RungUp, ...] = ()
    origin: Origin
    forgets: tuple[str, ...] = ()


class OrderMarks(Record, frozen=True, kw_only=True, gc=False):
    """`log.accept_orders`: the facts of one order that were taken, as 16 bytes each, ascending, in base64."""

    TYPE: ClassVar[str] = "log.accept_orders"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    order_id: str
    seen: bytes


def order_id(tenant: str, shop: str, order: str) -> str:
    """The id of a web order over all channels. The order of a receipt has the receipt's id."""
    return record_id(tenant, "order", shop, order)


def fact_id(tenant: str, order: str, kind: FactKind, version: str, digest: str) -> str:
    """The id of a web shop's message about `order` (an order id). `digest` tells two of one version apart."""
    return record_id(tenant, "order_fact", order, kind, version, digest)
