"""A till's line read quickly, when there is nothing unusual about it. What this does not take is read slowly, and refused there.

msgspec asks Python's `re` for each text that has a pattern, which is most of the work of reading a receipt; but tills write the
same codes, units and quantities over and over. Here the same shape is read without patterns, and each text is looked up among
those that have matched before. Pure: what is remembered changes only how long an answer takes.
"""

import re
from typing import Annotated, get_args

import msgspec

from contracts.pos import (
    Currency,
    Date,
    Discount,
    Instant,
    Line,
    Name,
    NamedWebOrder,
    Original,
    PosReceipt,
    Quantity,
    ShownIdentifier,
    Tender,
)

MOST = 100_000  # texts remembered of each pattern; a hostile feed makes it slow again, not large

Short = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class _Discount(Discount, frozen=True, kw_only=True, forbid_unknown_fields=True):
    promotion: Short


class _Line(Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    quantity: str
    unit: Short
    sku: Short | None = None
    barcode: Short | None = None
    discounts: tuple[_Discount, ...] = ()


class _Original(Original, frozen=True, kw_only=True, forbid_unknown_fields=True):
    store: Short
    till: Short
    business_date: str


class _WebOrder(NamedWebOrder, frozen=True, kw_only=True, forbid_unknown_fields=True):
    shop: Short
    id: Short


class _Receipt(PosReceipt, frozen=True, kw_only=True, forbid_unknown_fields=True):
    store: Short
    till: Short
    clerk: Short
    at: str
    currency: str
    lines: Annotated[tuple[_Line, ...], msgspec.Meta(max_length=2000)]
    tenders: tuple[Tender, ...]
    identifiers: tuple[ShownIdentifier, ...] = ()
    original: _Original | None = None
    web_order: _WebOrder | None = None
    business_date: str | None = None


_read = msgspec.json.Decoder(_Receipt).decode
# Between a name and its colon, where only a full reading tells how many fields there are.
_SPACE, _TAB, _LF, _CR = b'" ', b'"\t', b'"\n', b'"\r'


def quickly(text: bytes) -> PosReceipt | None:
    """The receipt, if every text in it is as contracts/pos.py wants it; None for anything that needs a second look.

    Takes no line with an escape or with space before a colon, so that counting `":` counts the fields.
    """
    if b"\\" in text or _SPACE in text or _TAB in text or _LF in text or _CR in text:
        return None
    try:
        receipt = _read(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return receipt if text.count(b'":') == written(receipt) and _matches(receipt) else None


def written(receipt: PosReceipt) -> int:
    """How many fields the receipt's line must have had, at least."""
    lines = receipt.lines
    discounts = [d for line in lines if line.discounts for d in line.discounts]
    # Each line has quantity, unit, amount and one name of its product; the optional list of discounts adds a field.
    in_lines = 4 * len(lines) + sum(1 for line in lines if line.discounts) + 2 * len(discounts)
    pairs = 2 * (len(receipt.tenders) + len(receipt.identifiers))
    return (
        9
        + bool(receipt.identifiers)
        + (5 if receipt.original else 0)
        + (3 if receipt.web_order else 0)
        + (1 if receipt.business_date else 0)
        + in_lines
        + pairs
    )


class _Known:
    """The texts that matched a pattern before."""

    def __init__(self, kind: object) -> None:
        patterns = [m.pattern for m in get_args(kind) if isinstance(m, msgspec.Meta)]
        self._search = re.compile(patterns[0] or "").search
        self.texts: set[str] = set()

    def learn(self, text: str) -> bool:
        if self._search(text) is None:
            return False
        if len(self.texts) >= MOST:
            self.texts.clear()
        self.texts.add(text)
        return True


_names, _quantities, _currencies, _dates = _Known(Name), _Known(Quantity), _Known(Currency), _Known(Date)
_instant = _Known(Instant)


def _matches(receipt: _Receipt) -> bool:
    names, quantities = _names.texts, _quantities.texts
    for line in receipt.lines:
        if line.unit not in names and not _names.learn(line.unit):
            return False
        if line.quantity not in quantities and not _quantities.learn(line.quantity):
            return False
        for code in (line.sku, line.barcode):
            if code is not None and code not in names and not _names.learn(code):
                return False
        for discount in line.discounts:
            if discount.promotion not in names and not _names.learn(discount.promotion):
                return False
    return _whole_matches(receipt)


def _whole_matches(receipt: _Receipt) -> bool:
    named = [receipt.store, receipt.till, receipt.clerk]
    dates = [] if receipt.business_date is None else [receipt.business_date]
    if receipt.original is not None:
        named += (receipt.original.store, receipt.original.till)
        dates.append(receipt.original.business_date)
    if receipt.web_order is not None:
        named += (receipt.web_order.shop, receipt.web_order.id)
    return (
        all(name in _names.texts or _names.learn(name) for name in named)
        and (receipt.at in _instant.texts or _instant.learn(receipt.at))
        and (receipt.currency in _currencies.texts or _currencies.learn(receipt.currency))
        and all(date in _dates.texts or _dates.learn(date) for date in dates)
    )
