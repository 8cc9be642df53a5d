"""What a web shop says of an order, read from its own format and not yet judged: amounts in minor units, moments in UTC.

Connectors make these of a shop's webhooks, `centers.orders.accept` makes events of them. Lines are named by the shop's
own line ids; what they are in SKUs and base units is not known here.
"""

from typing import Literal, NamedTuple

Payment = Literal[
    "pending", "authorized", "partially_paid", "paid", "partially_refunded", "refunded", "voided", "expired"
]
Restock = Literal["none", "cancel", "return"]
HandOver = Literal["pending", "open", "success", "cancelled", "error", "failure"]
Kind = Literal["created", "updated", "cancelled", "refunded", "fulfilled"]


class Shown(NamedTuple):
    """An identifier in clear, of a type that `oneid.identifiers` knows. It leaves the first job only as a token."""

    type: str
    value: str


class WebLine(NamedTuple):
    """A line as sold: `quantity` of what the shop sells under `variant` or `sku`, owed `amount` after `discount`."""

    line: str
    sku: str
    variant: str
    quantity: int
    amount: int
    discount: int


class WebRefundLine(NamedTuple):
    line: str
    quantity: int
    amount: int
    restock: Restock
    location: str


class WebRefund(NamedTuple):
    """`amount` was paid back in `currency` ("" when no money moved)."""

    id: str
    at: str
    currency: str
    amount: int
    lines: tuple[WebRefundLine, ...]


class WebFulfilment(NamedTuple):
    """Goods handed over, or to be: to a carrier, or (`pickup`, where it says so itself) in a shop. Lines: (line id, quantity)."""

    id: str
    version: str
    at: str
    status: HandOver
    pickup: bool
    location: str
    lines: tuple[tuple[str, int], ...]


class WebOrder(NamedTuple):
    """The whole order as it stood at a version. `total` is what the customer owes, `pickup_store` "" when it is sent."""

    number: str
    placed_at: str
    cancelled_at: str
    payment: Payment
    currency: str
    total: int
    shipping: int
    tax: int
    lines: tuple[WebLine, ...]
    pickup_store: str
    shown: tuple[Shown, ...]


class Receiver(NamedTuple):
    """To whom an order goes, in clear."""

    name: str
    phone: Shown | None


class WebFact(NamedTuple):
    """One message of the shop. `version` orders messages about the same thing; `digest` tells two of one version apart.

    `customer` is the customer's name in clear, "" for none. Names leave the first job only as `oneid.names.name_tokens`.
    """

    source: str
    shop: str
    order: str
    kind: Kind
    version: str
    at: str
    digest: str
    snapshot: WebOrder | None
    refunds: tuple[WebRefund, ...]
    fulfilments: tuple[WebFulfilment, ...]
    customer: str = ""
    receiver: Receiver | None = None
