"""The feed format `poslog`: ARTS (NRF/OMG) POSLog 6 XML, as docs/feeds/pos.md tells integrators.

Pure, and safe against hostile XML: no document type, no entity, no network; a transaction has a size and a depth. The same
function decodes for the command that sends files and for the job that takes their records. A raw record is one Transaction
element, with its namespace declared. Elements that this page does not name are passed over, as POSLog's many vendors
extend it; a receipt whose money would then not add up is refused, because payments must equal lines.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from lxml import etree

from connectors.feeds import Piece
from connectors.pos.receipts_jsonl import nonsense
from contracts.errors import BadInput
from contracts.money import DECIMALS, minor, shares
from contracts.pos import Discount, Line, Original, PosReceipt, ShownIdentifier, Tender
from contracts.refusals import Refused

FORMAT = "poslog"
NAMESPACE = "http://www.nrf-arts.org/IXRetail/namespace/"
MAX_DEPTH = 32
LONGEST = 8 << 20  # of one transaction in a file: a large receipt is a thousandth of it
MOST_ITEMS = 4_000

# Transactions that are no receipt: begun and given up, put aside, or for practice.
UNFINISHED = frozenset(("Suspended", "Voided", "Canceled", "Cancelled", "InProcess", "Failed", "Training"))
UNDONE = frozenset(("PostVoid", "PostVoided", "Void", "Voided"))
TENDERS = {
    "cash": "cash",
    "creditdebit": "card",
    "credit": "card",
    "debit": "card",
    "creditcard": "card",
    "debitcard": "card",
    "mobilepayment": "mobile",
    "mobile": "mobile",
    "wallet": "mobile",
    "alipay": "mobile",
    "wechatpay": "mobile",
    "storedvalue": "stored_value",
    "giftcard": "gift_card",
    "giftcertificate": "gift_card",
    "coupon": "coupon",
    "storecoupon": "coupon",
    "manufacturercoupon": "coupon",
    "voucher": "coupon",
    "loyalty": "points",
    "loyaltypoints": "points",
    "points": "points",
}
# UN/ECE recommendation 20 and the words that tills use for it → the unit's name in the product file. Others stay as written.
UNITS = {"": "each", "EA": "each", "Each": "each", "C62": "each", "H87": "each", "PCE": "each"}
UNITS |= {"KGM": "kg", "KG": "kg", "GRM": "g", "LTR": "l", "MLT": "ml", "MTR": "m"}

_PARSER: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?\Z")
_TRANSACTION = f"{{{NAMESPACE}}}Transaction"


class _Wrong(Exception):
    """Carries a refusal out of nested reading; it never leaves this file."""

    def __init__(self, code: str, place: str = "") -> None:
        self.refused = Refused(code, place)


# -- a file into transactions ------------------------------------------------------------------------------------------


def pieces(file: BinaryIO, path: Path) -> Iterator[Piece]:
    """The retail transactions of a POSLog file, one at a time, however large the file is.

    Control, tender-control and other transactions are no receipts and are passed over, as are those that were cancelled,
    suspended or for practice. Raises `BadInput` for what is no POSLog, where it stops being one.
    """
    bounded = _Bounded(file, path)
    try:
        for event, element in etree.iterparse(bounded, events=("start", "end"), **_PARSER):
            if event == "start":
                if element.getparent() is None:
                    _is_poslog(element, path)
            elif element.tag == _TRANSACTION:
                bounded.since = 0
                if _is_receipt(element):
                    yield Piece(etree.tostring(element, encoding="UTF-8", with_tail=False), element.sourceline or 0)
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]  # else the file's skeleton would grow in memory
    except etree.XMLSyntaxError as error:
        line = error.lineno or 0
        raise BadInput(
            f"{path}:{line} is not well-formed XML; the transactions before it were sent.",
            "Is the file whole? Export it again; what was sent already counts once.",
        ) from None


class _Bounded:
    """A file of which no more than `LONGEST` bytes are read between two transactions."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path, self.since = file, path, 0

    def read(self, size: int = -1) -> bytes:
        self.since += size
        if self.since > LONGEST:
            raise BadInput(
                f"{self._path}: a transaction is longer than {LONGEST >> 20} MiB.", "Is this a file of POSLog 6?"
            )
        return self._file.read(size)


def _is_poslog(root: Any, path: Path) -> None:
    if root.getroottree().docinfo.doctype:
        raise BadInput(
            f"{path} has a document type (DOCTYPE).", "Export it without one: it can make readers open files."
        )
    if root.tag not in (f"{{{NAMESPACE}}}POSLog", _TRANSACTION):
        raise BadInput(
            f"{path} does not begin with a POSLog element of the namespace {NAMESPACE}.",
            "Is this a file of ARTS POSLog 6?",
        )


def _is_receipt(transaction: Any) -> bool:
    if _flag(transaction, "CancelFlag") or _flag(transaction, "TrainingModeFlag"):
        return False
    retail = _find(transaction, "RetailTransaction")
    return retail is not None and retail.get("TransactionStatus", "") not in UNFINISHED


# -- a transaction into a receipt --------------------------------------------------------------------------------------


def decode(value: bytes) -> PosReceipt | Refused:
    """The receipt of one Transaction element, or why it is none. Never raises; a refusal holds no value of the bytes.

    The place is the path of the element below Transaction: `RetailTransaction/LineItem[2]/Sale/ExtendedAmount`.
    """
    try:
        transaction = etree.fromstring(value, etree.XMLParser(**_PARSER))
    except (etree.XMLSyntaxError, ValueError):
        return Refused("not_xml")
    try:
        _safe(transaction)
        if not _is_receipt(transaction):
            return Refused("no_receipt")
        receipt = _receipt(transaction)
    except _Wrong as wrong:
        return wrong.refused
    return _shaped(receipt)


def _safe(transaction: Any) -> None:
    if transaction.getroottree().docinfo.doctype:
        raise _Wrong("not_xml")
    if transaction.tag != _TRANSACTION:
        raise _Wrong("not_xml")
    depth = 0
    for event, element in etree.iterwalk(transaction, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise _Wrong("too_deep")
        if not isinstance(element.tag, str):
            raise _Wrong("not_xml")  # an entity that nothing declares


def _shaped(receipt: PosReceipt) -> PosReceipt | Refused:
    """The receipt if its values are as a till's must be (contracts/pos.py) and it makes sense, in whatever format."""
    try:
        msgspec.convert(msgspec.to_builtins(receipt), PosReceipt)
    except msgspec.ValidationError as error:
        found = re.search(r" - at `\$\.?([^`]*)`$", str(error))
        place = re.sub(r"\[(\d+)\]", lambda n: f"[{int(n.group(1)) + 1}]", found.group(1)) if found else ""
        return Refused("bad_time" if place == "at" else "bad_value", place)
    return nonsense(receipt) or receipt


def _receipt(transaction: Any) -> PosReceipt:
    retail = _find(transaction, "RetailTransaction")
    currency = _currency(transaction)
    lines, tenders = _items(retail, currency)
    kind, original = _kind(retail, transaction, lines)
    if kind != "sale":
        lines = [_positive(line) for line in lines]
        paid = sum(t.amount_cents for t in tenders)
        tenders = [msgspec.structs.replace(t, amount_cents=-t.amount_cents) for t in tenders] if paid < 0 else tenders
    number = _text(transaction, "SequenceNumber")
    if not re.fullmatch(r"[0-9]{1,15}", number, re.ASCII):
        raise _Wrong("bad_value", "SequenceNumber")
    at = _optional(transaction, "EndDateTime") or _text(transaction, "BeginDateTime")
    return PosReceipt(
        store=_store(transaction),
        till=_text(transaction, "WorkstationID"),
        clerk=_text(transaction, "OperatorID"),
        number=int(number),
        at=at,
        kind=kind,  # type: ignore[arg-type]
        currency=currency,
        lines=tuple(lines),
        tenders=tuple(tenders),
        identifiers=tuple(dict.fromkeys(_identifiers(retail))),
        original=original,
        business_date=_optional(transaction, "BusinessDayDate"),
    )


def _store(element: Any, place: str = "") -> str:
    found = _optional(element, "RetailStoreID")
    if found is None:
        unit = _find(element, "BusinessUnit")
        found = None if unit is None else _optional(unit, "UnitID")
    if found is None:
        raise _Wrong("missing", f"{place}RetailStoreID")
    return found


def _currency(transaction: Any) -> str:
    """CurrencyCode, or the Currency of the first amount that says one."""
    code = _optional(transaction, "CurrencyCode")
    if code is None:
        code = next((c for e in transaction.iter() if (c := e.get("Currency"))), None)
    if code is None:
        raise _Wrong("missing", "CurrencyCode")
    if code not in DECIMALS:
        raise _Wrong("unknown_currency", "CurrencyCode")
    return code


def _items(retail: Any, currency: str) -> tuple[list[Line], list[Tender]]:
    lines: list[Line] = []
    tenders: list[Tender] = []
    off = 0
    items = _all(retail, "LineItem")
    if len(items) > MOST_ITEMS:
        raise _Wrong("bad_value", "RetailTransaction/LineItem")
    for n, item in enumerate(items, 1):
        if _flag(item, "VoidFlag"):
            continue
        place = f"RetailTransaction/LineItem[{n}]"
        for name in ("Sale", "Return"):
            goods = _find(item, name)
            if goods is not None:
                lines.append(_line(goods, currency, f"{place}/{name}", name == "Return"))
        tender = _find(item, "Tender")
        if tender is not None:
            tenders += _tenders(tender, currency, f"{place}/Tender")
        discount = _find(item, "Discount")
        if discount is not None:
            off += abs(_money(discount, "Amount", currency, f"{place}/Discount"))
    return _spread(lines, off), tenders


def _line(goods: Any, currency: str, place: str, returned: bool) -> Line:
    amount = _money(goods, "ExtendedAmount", currency, place)
    quantity, unit = _quantity(goods, place)
    if returned:  # vendors write either sign; the element says which way the goods went
        amount, quantity = -abs(amount), _negative(quantity)
    sku, barcode = _product(goods, place)
    discounts = tuple(
        found
        for n, modifier in enumerate(_all(goods, "RetailPriceModifier"), 1)
        if (found := _discount(modifier, currency, f"{place}/RetailPriceModifier[{n}]")) is not None
    )
    return Line(quantity=quantity, unit=unit, amount_cents=amount, sku=sku, barcode=barcode, discounts=discounts)


def _product(goods: Any, place: str) -> tuple[str | None, str | None]:
    """The SKU (ItemID, that named SKU before others), else the barcode (POSIdentity/POSItemID)."""
    ids = _all(goods, "ItemID")
    if ids:
        return _words(next((i for i in ids if i.get("Name", "").upper() == "SKU"), ids[0])), None
    identity = _find(goods, "POSIdentity")
    barcode = None if identity is None else _optional(identity, "POSItemID")
    if barcode is None:
        raise _Wrong("sku_or_barcode", place)
    return None, barcode


def _quantity(goods: Any, place: str) -> tuple[str, str]:
    """Quantity times Units: a till writes 1 of 1.250 KGM, or 3 of 1 EA."""
    element = _find(goods, "Quantity")
    if element is None:
        raise _Wrong("missing", f"{place}/Quantity")
    written, units = _words(element), element.get("Units", "1")
    if not _DECIMAL.match(written) or not _DECIMAL.match(units):
        raise _Wrong("bad_value", f"{place}/Quantity")
    code = element.get("UnitOfMeasureCode", "")
    return _times(written, units), UNITS.get(code, code)


def _times(a: str, b: str) -> str:
    """The exact product of two decimals, as short as it can be written."""
    (whole_a, _, part_a), (whole_b, _, part_b) = a.partition("."), b.partition(".")
    places = len(part_a) + len(part_b)
    number = int(whole_a + part_a) * int(whole_b + part_b)
    sign, digits = ("-" if number < 0 else ""), str(abs(number)).rjust(places + 1, "0")
    whole, part = (digits[:-places], digits[-places:].rstrip("0")) if places else (digits, "")
    return sign + whole + (f".{part}" if part else "")


def _negative(quantity: str) -> str:
    return quantity if quantity.startswith("-") or not quantity.strip("0.") else f"-{quantity}"


def _positive(line: Line) -> Line:
    return msgspec.structs.replace(line, quantity=line.quantity.lstrip("-"), amount_cents=abs(line.amount_cents))


def _discount(modifier: Any, currency: str, place: str) -> Discount | None:
    """Money that ExtendedAmount does not hold any more. What raises or replaces a price is in the amount, and told no further."""
    amount = _find(modifier, "Amount")
    if amount is None or amount.get("Action", "Subtract") != "Subtract":
        return None
    rule = _find(modifier, "PriceDerivationRule")
    name = (
        _optional(modifier, "PromotionID")
        or (_optional(rule, "PriceDerivationRuleID") if rule is not None else None)
        or _optional(modifier, "ReasonCode")
        or modifier.get("MethodCode")
        or "unnamed"
    )
    return Discount(promotion=name, amount_cents=abs(_money(modifier, "Amount", currency, place)))


def _spread(lines: list[Line], off: int) -> list[Line]:
    """A discount on the whole receipt, taken off its lines in proportion, to the last cent."""
    weights = tuple(max(0, line.amount_cents) for line in lines)
    if not off or not any(weights):
        return lines
    parts = shares(off, weights)
    return [
        msgspec.structs.replace(
            line,
            amount_cents=line.amount_cents - part,
            discounts=(*line.discounts, Discount(promotion="transaction", amount_cents=part))
            if part
            else line.discounts,
        )
        for line, part in zip(lines, parts, strict=True)
    ]


def _tenders(tender: Any, currency: str, place: str) -> list[Tender]:
    type_ = TENDERS.get(tender.get("TenderType", "").lower().replace("_", "").replace(" ", ""), "other")
    amount = _money(tender, "Amount", currency, place)
    if tender.get("TypeCode") == "Refund":
        amount = -abs(amount)
    found = [Tender(type=type_, amount_cents=amount)]  # type: ignore[arg-type]
    for n, change in enumerate(_all(tender, "TenderChange"), 1):
        back = abs(_money(change, "Amount", currency, f"{place}/TenderChange[{n}]"))
        found.append(Tender(type="cash", amount_cents=-back))
    return found


def _kind(retail: Any, transaction: Any, lines: list[Line]) -> tuple[str, Original | None]:
    """What the transaction does, and the one that it refers to: POSLog links the two, and says by which reason."""
    link = next(iter(_all(retail, "TransactionLink")), None)
    undone = retail.get("TransactionStatus", "") in UNDONE or (link is not None and link.get("ReasonCode") in UNDONE)
    kind = "void" if undone else "sale"
    if not undone and lines and all(line.quantity.startswith("-") for line in lines):
        kind = "return"
    if link is None or kind == "sale":
        return kind, None
    place = "RetailTransaction/TransactionLink/"
    number = _text(link, "SequenceNumber", place)
    if not re.fullmatch(r"[0-9]{1,15}", number, re.ASCII):
        raise _Wrong("bad_value", f"{place}SequenceNumber")
    store = _optional(link, "RetailStoreID") or (
        _store(link, place) if _find(link, "BusinessUnit") is not None else _store(transaction)
    )
    return kind, Original(
        store=store,
        till=_text(link, "WorkstationID", place),
        number=int(number),
        business_date=_text(link, "BusinessDayDate", place),
    )


def _identifiers(retail: Any) -> Iterator[ShownIdentifier]:
    """Loyalty cards and phone numbers. A CustomerID is the vendor's own and names nobody elsewhere."""
    for holder in (*_all(retail, "LoyaltyAccount"), *_all(retail, "Customer")):
        for name in ("LoyaltyID", "CardNumber"):
            if card := _optional(holder, name):
                yield ShownIdentifier(type="card", value=card)
    for customer in _all(retail, "Customer"):
        for phone in _all(customer, "TelephoneNumber"):
            if full := _optional(phone, "FullTelephoneNumber") or _words(phone):
                yield ShownIdentifier(type="phone", value=full)


# -- reading elements --------------------------------------------------------------------------------------------------


def _find(element: Any, name: str) -> Any:
    return element.find(f"{{{NAMESPACE}}}{name}")


def _all(element: Any, name: str) -> list[Any]:
    found: list[Any] = element.findall(f"{{{NAMESPACE}}}{name}")
    return found


def _words(element: Any) -> str:
    return (element.text or "").strip()


def _optional(element: Any, name: str) -> str | None:
    found = _find(element, name)
    return None if found is None else _words(found) or None


def _text(element: Any, name: str, place: str = "") -> str:
    found = _optional(element, name)
    if found is None:
        raise _Wrong("missing", place + name)
    return found


def _money(element: Any, name: str, currency: str, place: str) -> int:
    found = _find(element, name)
    if found is None or not _words(found):
        raise _Wrong("missing", f"{place}/{name}")
    if found.get("Currency", currency) != currency:
        raise _Wrong("mixed_currencies", f"{place}/{name}")
    amount = minor(_words(found), currency)
    if amount is None:
        raise _Wrong("bad_amount", f"{place}/{name}")
    return amount


def _flag(element: Any, name: str) -> bool:
    return element.get(name, "").strip().lower() in ("true", "1")
