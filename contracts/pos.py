"""What a till says: one receipt of the feed format `receipts-jsonl`, as received.

This is the shape of one JSON line, documented for integrators in docs/feeds/pos.md. Unknown fields are refused, because
a misspelt field name would otherwise drop money silently. Signs: in a `return` and in a `void`, quantities and amounts
are written positive, as on the receipt that they undo; the kind carries the sign. In a `sale`, a line with a negative
quantity and amount is goods taken back within the sale.
"""

from typing import Annotated, Literal

import msgspec

Kind = Literal["sale", "return", "void"]
TenderType = Literal["cash", "card", "mobile", "stored_value", "gift_card", "coupon", "points", "other"]
IdentifierType = Literal["card", "phone"]

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\s|\x00-\x1f][^|\x00-\x1f]*$(?!\n)")]
Number = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Cents = Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)")]
Quantity = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$(?!\n)")]
Date = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)")]
Instant = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$(?!\n)"
    ),
]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Discount(_Part, frozen=True):
    """Money already taken off the line's amount, and the promotion that took it."""

    promotion: Name
    amount_cents: Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class Line(_Part, frozen=True):
    """`amount_cents` is what the customer owed for the line after discounts; it is authoritative, a unit price is derived."""

    quantity: Quantity
    unit: Name
    amount_cents: Cents
    sku: Name | None = None
    barcode: Name | None = None
    discounts: tuple[Discount, ...] = ()


class Tender(_Part, frozen=True):
    """A payment. Stored value and gift cards are payments, not sales."""

    type: TenderType
    amount_cents: Cents


class ShownIdentifier(_Part, frozen=True):
    """Who the customer said they were at the till, in clear. It leaves the first job only as a token."""

    type: IdentifierType
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Original(_Part, frozen=True):
    """The receipt that a return or a void refers to."""

    store: Name
    till: Name
    number: Number
    business_date: Date


class NamedWebOrder(_Part, frozen=True):
    """The web order that a receipt hands over, by its web shop and the shop's own id of it."""

    shop: Name
    id: Name


class PosReceipt(_Part, frozen=True):
    store: Name
    till: Name
    clerk: Name
    number: Number
    at: Instant
    kind: Kind
    currency: Currency
    lines: Annotated[tuple[Line, ...], msgspec.Meta(max_length=2000)]
    tenders: tuple[Tender, ...]
    identifiers: tuple[ShownIdentifier, ...] = ()
    original: Original | None = None
    web_order: NamedWebOrder | None = None
    business_date: Date | None = None
