"""The parts of Shopify's webhook bodies that are read (REST Admin API, orders, refunds and fulfillments resources).

Fields that are not named here are passed over: Shopify adds some every quarter. Addresses and notes are among them on
purpose; of the receiver only name and phone are read. Money stays the text that was sent until the currency is known.
"""

from typing import Annotated

import msgspec

from contracts.pos import Instant
from contracts.web import HandOver, Payment

# Shopify's ids are whole numbers; some senders write them in quotes.
Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Text = Annotated[str, msgspec.Meta(max_length=255)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
Amount = msgspec.Raw  # "12.00", and in some places 12.0
NOTHING = msgspec.Raw(b"null")
MOST_LINES = 2000


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delivery as a line of a file. Over HTTP the body comes bare, and the rest in headers."""

    topic: Annotated[str, msgspec.Meta(max_length=64)]
    shop: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[A-Za-z0-9.-]{1,64}$(?!\n)")]
    body: msgspec.Raw
    webhook_id: Annotated[str, msgspec.Meta(max_length=64)] = ""
    triggered_at: str = ""
    headers: dict[str, str] = {}


class Allocation(_Part, frozen=True):
    amount: Amount


class LineItem(_Part, frozen=True):
    id: Id
    quantity: Count
    price: Amount
    sku: Text | None = None
    variant_id: Id | None = None
    total_discount: Amount = NOTHING
    discount_allocations: Annotated[list[Allocation], msgspec.Meta(max_length=MOST_LINES)] = []


class Money(_Part, frozen=True):
    amount: Amount
    currency_code: Text | None = None


class PriceSet(_Part, frozen=True):
    shop_money: Money


class ShippingLine(_Part, frozen=True):
    code: Text | None = None
    price: Amount = NOTHING
    discounted_price: Amount = NOTHING


class NoteAttribute(_Part, frozen=True):
    name: str = ""
    value: str | int | float | bool | None = None


class Customer(_Part, frozen=True):
    id: Id | None = None
    email: Text | None = None
    phone: Text | None = None
    first_name: msgspec.Raw = NOTHING  # names cost nobody an order, whatever is written there
    last_name: msgspec.Raw = NOTHING


class Address(_Part, frozen=True):
    name: msgspec.Raw = NOTHING
    phone: msgspec.Raw = NOTHING


class RefundedItem(_Part, frozen=True):
    line_item_id: Id
    quantity: Count
    subtotal: Amount = NOTHING
    total_tax: Amount = NOTHING
    restock_type: Text = "no_restock"
    location_id: Id | None = None


class Transaction(_Part, frozen=True):
    amount: Amount
    kind: Text = "refund"
    status: Text = "success"
    currency: Text | None = None


class Refund(_Part, frozen=True):
    id: Id
    created_at: Instant
    order_id: Id | None = None
    refund_line_items: Annotated[list[RefundedItem], msgspec.Meta(max_length=MOST_LINES)] = []
    transactions: Annotated[list[Transaction], msgspec.Meta(max_length=MOST_LINES)] = []


class FulfilledItem(_Part, frozen=True):
    id: Id
    quantity: Count


class Fulfillment(_Part, frozen=True):
    id: Id
    created_at: Instant
    status: HandOver
    updated_at: Instant | None = None
    order_id: Id | None = None
    location_id: Id | None = None
    service: Text | None = None
    tracking_company: Text | None = None
    shipment_status: Text | None = None
    line_items: Annotated[list[FulfilledItem], msgspec.Meta(max_length=MOST_LINES)] = []


class Order(_Part, frozen=True):
    id: Id
    name: Annotated[str, msgspec.Meta(max_length=64)]
    created_at: Instant
    updated_at: Instant
    currency: Text
    total_price: Amount
    line_items: Annotated[list[LineItem], msgspec.Meta(max_length=MOST_LINES)]
    financial_status: Payment | None = None
    processed_at: Instant | None = None
    cancelled_at: Instant | None = None
    total_tax: Amount = NOTHING
    taxes_included: bool = False
    total_shipping_price_set: PriceSet | None = None
    shipping_lines: Annotated[list[ShippingLine], msgspec.Meta(max_length=MOST_LINES)] = []
    email: Text | None = None
    phone: Text | None = None
    customer: Customer | None = None
    shipping_address: msgspec.Raw = NOTHING
    note_attributes: Annotated[list[NoteAttribute], msgspec.Meta(max_length=MOST_LINES)] = []
    refunds: Annotated[list[Refund], msgspec.Meta(max_length=MOST_LINES)] = []
    fulfillments: Annotated[list[Fulfillment], msgspec.Meta(max_length=MOST_LINES)] = []


_read_address = msgspec.json.Decoder(Address).decode


def address(raw: msgspec.Raw) -> Address:
    """An address, as far as it is read; an empty one for what is none. Never raises."""
    try:
        return _read_address(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Address()
