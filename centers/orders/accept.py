"""What a web shop said becomes a fact that counts: sets taken apart into SKUs, quantities in base units, no clear identifier.

Pure. It gives the same answer to the command that counts a file and to the job that takes its records.
"""

from collections.abc import Mapping
from typing import Literal

from centers.receipts.accept import MOST_BASE_UNITS, to_base_units
from contracts.money import shares
from contracts.orders import (
    Fulfilment,
    OrderFact,
    OrderLine,
    Receiver,
    Refund,
    RefundLine,
    Snapshot,
    fact_id,
    order_id,
)
from contracts.products import Product, Products
from contracts.receipts import Origin, Token
from contracts.refusals import Refused
from contracts.web import Shown, WebFact, WebFulfilment, WebLine, WebOrder, WebRefund

# Of two messages of one version, the one that says more of the order's end is the later.
RANK = {"created": 0, "updated": 1, "cancelled": 2}
EACH = "each"
NONE: Mapping[str, str] = {}


def accept(
    tenant: str,
    said: WebFact,
    products: Products,
    tokens: Mapping[Shown, Token],
    *,
    known_at: str,
    origin: Origin,
    names: Mapping[str, str] = NONE,
) -> OrderFact | Refused:
    """The fact that a shop's message stands for, or why it is none. The first fault in reading order is reported.

    `tokens` holds the token of every identifier that can be read; of one that is missing there only the type is kept.
    `names` holds the tokens of names, by the name in clear.
    The same arguments give the same fact, bit for bit.
    """
    snapshot = _snapshot(said, said.snapshot, products, tokens, names) if said.snapshot else None
    if isinstance(snapshot, Refused):
        return snapshot
    order = order_id(tenant, said.shop, said.order)
    return OrderFact(
        tenant=tenant,
        fact_id=fact_id(tenant, order, said.kind, said.version, said.digest),
        order_id=order,
        channel="web",
        source=said.source,
        shop=said.shop,
        kind=said.kind,
        version=said.version,
        at=said.at,
        known_at=known_at,
        snapshot=snapshot,
        cancelled_at=said.snapshot.cancelled_at if said.snapshot else "",
        refunds=tuple(_refund(one) for one in said.refunds),
        fulfilments=tuple(_fulfilment(one) for one in said.fulfilments),
        origin=origin,
    )


def _snapshot(
    said: WebFact, order: WebOrder, products: Products, tokens: Mapping[Shown, Token], names: Mapping[str, str]
) -> Snapshot | Refused:
    lines: list[OrderLine] = []
    for n, line in enumerate(order.lines, 1):
        parts = _parts(n, line, products)
        if isinstance(parts, Refused):
            return parts
        lines += parts
    owed = sum(line.amount for line in order.lines)
    return Snapshot(
        version=said.version,
        rank=RANK[said.kind],
        number=order.number,
        placed_at=order.placed_at,
        payment=order.payment,
        currency=order.currency,
        total_cents=order.total,
        shipping_cents=order.shipping,
        tax_cents=order.tax,
        other_cents=order.total - owed - order.shipping - order.tax,
        lines=tuple(lines),
        identifiers=tuple(dict.fromkeys(tokens[shown] for shown in order.shown if shown in tokens)),
        unreadable=tuple(dict.fromkeys(shown.type for shown in order.shown if shown not in tokens)),
        pickup_store=order.pickup_store,
        products_version=products.version,
        name_tokens=names.get(said.customer, ""),
        receiver=_receiver(said, tokens, names),
    )


def _receiver(said: WebFact, tokens: Mapping[Shown, Token], names: Mapping[str, str]) -> Receiver | None:
    """To whom the order goes, as far as it can be read."""
    if said.receiver is None:
        return None
    phone = tokens.get(said.receiver.phone) if said.receiver.phone else None
    receiver = Receiver((phone,) if phone else (), names.get(said.receiver.name, ""))
    return receiver if receiver != Receiver() else None


def _parts(n: int, line: WebLine, products: Products) -> list[OrderLine] | Refused:
    """The SKUs of a line: one, or those of a set, which share what was owed for it by their weights in its price."""
    found = _product(line, products)
    if found is None:
        return Refused("unknown_sku", f"line_items[{n}].sku")
    product, unit = found
    factor = product.units.get(unit)
    if factor is None:
        return Refused("unknown_unit", f"line_items[{n}].sku")
    sold = to_base_units(str(line.quantity), factor)
    if sold is None or sold > MOST_BASE_UNITS:
        return Refused("part_of_unit" if sold is None else "bad_value", f"line_items[{n}].quantity")
    if not product.bundle:
        return [_line(n, line, product, sold, line.amount, line.discount, "")]
    weights = tuple(part.share for part in product.bundle)
    amounts = zip(shares(line.amount, weights), shares(line.discount, weights), strict=True)
    return [
        _line(n, line, products.by_sku[part.sku], sold * part.quantity, amount, discount, product.sku)
        for part, (amount, discount) in zip(product.bundle, amounts, strict=True)
    ]


def _product(line: WebLine, products: Products) -> tuple[Product, str] | None:
    """The product and the unit in which it was sold: a variant's own, else one of each."""
    if line.variant in products.by_variant:
        return products.by_variant[line.variant]
    product = products.by_sku.get(line.sku)
    return (product, EACH) if product else None


def _line(n: int, line: WebLine, product: Product, quantity: int, amount: int, discount: int, bundle: str) -> OrderLine:
    return OrderLine(
        line=n,
        source_line=line.line,
        sold=line.quantity,
        sku=product.sku,
        quantity=quantity,
        unit=product.base_unit,
        amount_cents=amount,
        discount_cents=discount,
        bundle=bundle,
    )


def _refund(said: WebRefund) -> Refund:
    lines = tuple(RefundLine(one.line, one.quantity, one.amount, one.restock, one.location) for one in said.lines)
    return Refund(said.id, said.at, said.at, said.currency, said.amount, lines)


def _fulfilment(said: WebFulfilment) -> Fulfilment:
    method: Literal["ship", "pickup"] = "pickup" if said.pickup else "ship"
    return Fulfilment(said.id, said.version, said.at, said.status, method, said.location, said.lines)
