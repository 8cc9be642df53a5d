"""A receipt of a till as facts about orders: a sale is an order, a return or a void is about the order that it undoes. Pure.

A receipt that hands over a web order is no order of its own: it says of that order that it was rung up.
"""

from contracts.keys import record_id
from contracts.orders import FactKind, OrderFact, OrderLine, Refund, RefundLine, RungUp, Snapshot
from contracts.receipts import Origin, Receipt


def fact(receipt: Receipt, recorded: Origin) -> OrderFact:
    """The fact that a receipt is. Its id follows from the receipt's alone, so a receipt is one fact for ever."""
    kind = _kind(receipt)
    sale = kind == "sold"
    back = kind in ("returned", "voided")
    web = receipt.web_order_id is not None
    return OrderFact(
        tenant=receipt.tenant,
        fact_id=record_id(receipt.tenant, "order_fact", receipt.receipt_id),
        order_id=_order(receipt),
        channel="web" if web else "pos",
        source="" if web else "pos",
        shop="" if web else receipt.store,
        kind=kind,
        version=receipt.at,
        at=receipt.at,
        known_at=receipt.received_at,
        snapshot=_snapshot(receipt) if sale else None,
        cancelled_at=receipt.at if kind == "voided" else "",
        refunds=(_refund(receipt),) if back else (),
        rung_up=(_rung_up(receipt),) if kind == "rung_up" else (),
        origin=recorded,
    )


def _kind(receipt: Receipt) -> FactKind:
    if receipt.kind == "return":
        return "returned"
    if receipt.web_order_id is not None:
        # A void takes the hand-over back, in negative quantities; the money is the web shop's business.
        return "rung_up"
    return "sold" if receipt.kind == "sale" else "voided"


def _order(receipt: Receipt) -> str:
    """A void or a return that names nothing is about itself: an order of which nothing but its money back is known."""
    undone = receipt.original_id if receipt.kind != "sale" else None
    return receipt.web_order_id or undone or receipt.receipt_id


def _snapshot(receipt: Receipt) -> Snapshot:
    return Snapshot(
        version=receipt.at,
        rank=0,
        number=str(receipt.number),
        placed_at=receipt.at,
        payment="paid",
        currency=receipt.currency,
        total_cents=receipt.total_cents,
        shipping_cents=0,
        tax_cents=0,
        other_cents=0,
        lines=tuple(
            OrderLine(
                line=line.line,
                source_line=str(line.line),
                sold=line.quantity,
                sku=line.sku,
                quantity=line.quantity,
                unit=line.unit,
                amount_cents=line.amount_cents,
                discount_cents=sum(one.amount_cents for one in line.discounts),
            )
            for line in receipt.lines
        ),
        identifiers=receipt.identifiers,
        products_version=receipt.products_version,
    )


def _refund(receipt: Receipt) -> Refund:
    # A receipt's signs are turned already: what it gives back is negative there, and positive here.
    lines = tuple(
        RefundLine("", -line.quantity, -line.amount_cents, "return", receipt.store, line.sku) for line in receipt.lines
    )
    return Refund(receipt.receipt_id, receipt.at, receipt.at, receipt.currency, -receipt.total_cents, lines)


def _rung_up(receipt: Receipt) -> RungUp:
    lines = tuple((line.sku, line.quantity) for line in receipt.lines)
    return RungUp(receipt.receipt_id, receipt.at, receipt.at, receipt.store, receipt.total_cents, lines)
