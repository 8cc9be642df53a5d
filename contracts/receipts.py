"""`event.receipt`: a receipt that was checked, tokenised and de-duplicated."""

from typing import ClassVar

import msgspec

from contracts.keys import record_id
from contracts.pos import Kind, TenderType
from contracts.wire import Record


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a record was taken from: the topic and offset, and the file and line when the connector read a file."""

    topic: str
    partition: int
    offset: int
    file: str = ""
    line: int = 0


class Token(msgspec.Struct, frozen=True, gc=False):
    """An identifier without its value: `nid` is a keyed hash; `cipher` opens only while the key of the nid exists."""

    type: str
    nid: str
    cipher: str


class Discount(msgspec.Struct, frozen=True, gc=False):
    promotion: str
    amount_cents: int


class ReceiptLine(msgspec.Struct, frozen=True, gc=False):
    """Signed, in whole base units of the SKU: positive is sold, negative is taken back."""

    line: int
    sku: str
    quantity: int
    unit: str
    amount_cents: int
    discounts: tuple[Discount, ...] = ()


class Tender(msgspec.Struct, frozen=True, gc=False):
    type: TenderType
    amount_cents: int


class Receipt(Record, frozen=True, kw_only=True, gc=False):
    """One receipt. Keyed (tenant, store, till, business date, number); partitioned by store; never twice.

    Amounts are in minor units of `currency`, signed: what a return or a void undoes is negative.
    `at` and `received_at` are RFC 3339 in UTC; `business_date` is the shop's own day. `web_order_id` is the web order
    that the receipt hands over: the sale is that order's, and not a second one.
    """

    TYPE: ClassVar[str] = "event.receipt"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    receipt_id: str
    kind: Kind
    store: str
    till: str
    clerk: str
    number: int
    business_date: str
    at: str
    currency: str
    total_cents: int
    lines: tuple[ReceiptLine, ...]
    tenders: tuple[Tender, ...]
    identifiers: tuple[Token, ...] = ()
    original_id: str | None = None
    products_version: int
    received_at: str
    origin: Origin
    web_order_id: str | None = None


class ReceiptMarks(Record, frozen=True, kw_only=True, gc=False):
    """`log.accept_receipts`: which receipt numbers a till has used on a business date, as closed intervals.

    Keyed (tenant, store, till, business date). Tills count, so a day is nearly always one interval, and nothing has to be
    forgotten to keep this small.
    """

    TYPE: ClassVar[str] = "log.accept_receipts"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    store: str
    till: str
    business_date: str
    seen: tuple[tuple[int, int], ...]


def receipt_id(tenant: str, store: str, till: str, business_date: str, number: int) -> str:
    """The id of a receipt. The business date is part of it, because till numbers roll over."""
    return record_id(tenant, "pos", store, till, business_date, number)
