"""The line items of a POSLog transaction: goods, discounts and tenders, as the lines and payments of a receipt. Pure."""

import re
from typing import Any

import msgspec

from connectors.pos.poslog_xml import Wrong, every, find, flag, money, optional, single, words
from contracts.money import shares
from contracts.pos import Discount, Line, Tender

MOST_ITEMS = 4_000
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

_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?\Z")


def line_items(retail: Any, currency: str) -> tuple[list[Line], list[Tender]]:
    lines: list[Line] = []
    tenders: list[Tender] = []
    off = 0
    items = every(retail, "LineItem")
    if len(items) > MOST_ITEMS:
        raise Wrong("bad_value", "RetailTransaction/LineItem")
    for n, item in enumerate(items, 1):
        if flag(item, "VoidFlag"):
            continue
        place = f"RetailTransaction/LineItem[{n}]"
        for name in ("Sale", "Return"):
            goods = single(item, name, f"{place}/")
            if goods is not None:
                lines.append(_line(goods, currency, f"{place}/{name}", name == "Return"))
        tender = single(item, "Tender", f"{place}/")
        if tender is not None:
            tenders += _tenders(tender, currency, f"{place}/Tender")
        discount = single(item, "Discount", f"{place}/")
        if discount is not None:
            off += abs(money(discount, "Amount", currency, f"{place}/Discount"))
    return _spread(lines, off), tenders


def _line(goods: Any, currency: str, place: str, returned: bool) -> Line:
    amount = money(goods, "ExtendedAmount", currency, place)
    quantity, unit = _quantity(goods, place)
    if returned:  # vendors write either sign; the element says which way the goods went
        amount, quantity = -abs(amount), _negative(quantity)
    sku, barcode = _product(goods, place)
    discounts = tuple(
        found
        for n, modifier in enumerate(every(goods, "RetailPriceModifier"), 1)
        if (found := _discount(modifier, currency, f"{place}/RetailPriceModifier[{n}]")) is not None
    )
    return Line(quantity=quantity, unit=unit, amount_cents=amount, sku=sku, barcode=barcode, discounts=discounts)


def _product(goods: Any, place: str) -> tuple[str | None, str | None]:
    """The SKU (ItemID, that named SKU before others), else the barcode (POSIdentity/POSItemID)."""
    ids = every(goods, "ItemID")
    if ids:
        return words(next((i for i in ids if i.get("Name", "").upper() == "SKU"), ids[0])), None
    identity = find(goods, "POSIdentity")
    barcode = None if identity is None else optional(identity, "POSItemID")
    if barcode is None:
        raise Wrong("sku_or_barcode", place)
    return None, barcode


def _quantity(goods: Any, place: str) -> tuple[str, str]:
    """Quantity times Units: a till writes 1 of 1.250 KGM, or 3 of 1 EA."""
    element = single(goods, "Quantity", f"{place}/")
    if element is None:
        raise Wrong("missing", f"{place}/Quantity")
    written, units = words(element), element.get("Units", "1")
    if not _DECIMAL.match(written) or not _DECIMAL.match(units) or len(element):
        raise Wrong("bad_value", f"{place}/Quantity")
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


def positive(line: Line) -> Line:
    return msgspec.structs.replace(line, quantity=line.quantity.lstrip("-"), amount_cents=abs(line.amount_cents))


def _discount(modifier: Any, currency: str, place: str) -> Discount | None:
    """Money that ExtendedAmount does not hold any more. What raises or replaces a price is in the amount, and told no further."""
    amount = find(modifier, "Amount")
    if amount is None or amount.get("Action", "Subtract") != "Subtract":
        return None
    rule = find(modifier, "PriceDerivationRule")
    name = (
        optional(modifier, "PromotionID")
        or (optional(rule, "PriceDerivationRuleID") if rule is not None else None)
        or optional(modifier, "ReasonCode")
        or modifier.get("MethodCode")
        or "unnamed"
    )
    return Discount(promotion=name, amount_cents=abs(money(modifier, "Amount", currency, place)))


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
    amount = money(tender, "Amount", currency, place)
    if tender.get("TypeCode") == "Refund":
        amount = -abs(amount)
    found = [Tender(type=type_, amount_cents=amount)]  # type: ignore[arg-type]
    for n, change in enumerate(every(tender, "TenderChange"), 1):
        back = abs(money(change, "Amount", currency, f"{place}/TenderChange[{n}]"))
        found.append(Tender(type="cash", amount_cents=-back))
    return found
