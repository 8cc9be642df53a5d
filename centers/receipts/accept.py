"""What a till wrote becomes a receipt that counts: products named, quantities in base units, signs applied.

Pure. It cannot tell what time it is, has never seen a key, and gives the same answer to the connector that counts a
file and to the job that takes its records.
"""

from collections.abc import Container, Mapping
from fractions import Fraction

from contracts.instants import utc
from contracts.orders import order_id
from contracts.pos import Line, PosReceipt, ShownIdentifier
from contracts.products import Factor, Product, Products
from contracts.receipts import Discount, Origin, Receipt, ReceiptLine, Tender, Token, receipt_id
from contracts.refusals import Refused

# Far above any stock, and far below 2^63, where lakes and marts stop counting.
MOST_BASE_UNITS = 10**15


def accept(
    tenant: str,
    receipt: PosReceipt,
    products: Products,
    tokens: Mapping[ShownIdentifier, Token],
    *,
    received_at: str,
    origin: Origin,
) -> Receipt | Refused:
    """The event that a decoded receipt stands for, or why it is none. The first fault in reading order is reported.

    `tokens` holds the token of every shown identifier that can be read; one that is missing there is refused.
    The same arguments give the same event, bit for bit, so that a replay writes what was written.
    """
    for n, shown in enumerate(receipt.identifiers, 1):
        if shown not in tokens:
            return Refused("bad_identifier", f"identifiers[{n}]")
    sign = 1 if receipt.kind == "sale" else -1
    lines: list[ReceiptLine] = []
    for n, written in enumerate(receipt.lines, 1):
        line = _line(n, written, products, sign)
        if isinstance(line, Refused):
            return line
        lines.append(line)
    business_date = day(receipt)
    return Receipt(
        tenant=tenant,
        receipt_id=receipt_id(tenant, receipt.store, receipt.till, business_date, receipt.number),
        kind=receipt.kind,
        store=receipt.store,
        till=receipt.till,
        clerk=receipt.clerk,
        number=receipt.number,
        business_date=business_date,
        at=utc(receipt.at),
        currency=receipt.currency,
        total_cents=sum(line.amount_cents for line in lines),
        lines=tuple(lines),
        tenders=tuple(Tender(t.type, sign * t.amount_cents) for t in receipt.tenders),
        identifiers=tuple(dict.fromkeys(tokens[shown] for shown in receipt.identifiers)),
        original_id=_original_id(tenant, receipt),
        products_version=products.version,
        received_at=received_at,
        origin=origin,
        web_order_id=order_id(tenant, receipt.web_order.shop, receipt.web_order.id) if receipt.web_order else None,
    )


def refusal(receipt: PosReceipt, products: Products, readable: Container[ShownIdentifier]) -> Refused | None:
    """Why `accept` would not take the receipt, without making the event: for who only counts. None: it would."""
    for n, shown in enumerate(receipt.identifiers, 1):
        if shown not in readable:
            return Refused("bad_identifier", f"identifiers[{n}]")
    by_sku = products.by_sku
    for n, line in enumerate(receipt.lines, 1):
        product = by_sku.get(line.sku) if line.sku is not None else None
        # The usual line; any other is judged as `accept` judges it.
        if product is None or product.units.get(line.unit).__class__ is not int or not line.quantity.isdecimal():
            judged = _line(n, line, products, 1)
            if isinstance(judged, Refused):
                return judged
        elif int(line.quantity) * product.units[line.unit] > MOST_BASE_UNITS:
            return Refused("bad_value", f"lines[{n}].quantity")
    return None


def day(receipt: PosReceipt) -> str:
    """The shop's own day: the one that the till says, else the date that it printed, in the till's own offset."""
    return receipt.business_date or receipt.at[:10]


def _line(n: int, written: Line, products: Products, sign: int) -> ReceiptLine | Refused:
    if written.sku is not None:
        product = products.by_sku.get(written.sku)
        if product is None:
            return Refused("unknown_sku", f"lines[{n}].sku")
    else:
        product = products.by_barcode.get(written.barcode or "")
        if product is None:
            return Refused("unknown_barcode", f"lines[{n}].barcode")
    quantity = _base_units(n, written, product)
    if isinstance(quantity, Refused):
        return quantity
    return ReceiptLine(
        line=n,
        sku=product.sku,
        quantity=sign * quantity,
        unit=product.base_unit,
        amount_cents=sign * written.amount_cents,
        discounts=tuple(Discount(d.promotion, sign * d.amount_cents) for d in written.discounts),
    )


def _base_units(n: int, written: Line, product: Product) -> int | Refused:
    factor = product.units.get(written.unit)
    if factor is None:
        return Refused("unknown_unit", f"lines[{n}].unit")
    quantity = to_base_units(written.quantity, factor)
    if quantity is None:
        return Refused("part_of_unit", f"lines[{n}].quantity")
    if abs(quantity) > MOST_BASE_UNITS:
        return Refused("bad_value", f"lines[{n}].quantity")
    return quantity


def to_base_units(quantity: str, factor: Factor) -> int | None:
    """`quantity` times `factor`, exactly; None when that is not a whole number."""
    if "." not in quantity and isinstance(factor, int):
        return int(quantity) * factor
    exact = Fraction(quantity) * factor
    return exact.numerator if exact.denominator == 1 else None


def _original_id(tenant: str, receipt: PosReceipt) -> str | None:
    o = receipt.original
    return None if o is None else receipt_id(tenant, o.store, o.till, o.business_date, o.number)
