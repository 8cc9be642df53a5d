"""An order is what its facts add up to, in whatever order, and however often, they come. Pure.

    part          key      how two copies join
    snapshot      none     the greater (version, rank, content)
    cancelled at  none     the earliest
    refund        its id   the greater (version, content)
    fulfilment    its id   the greater (version, content)
    receipt       its id   the greater (version, content)
    shop          none     that of the snapshots, else the greatest

Each is the maximum of a set, so joining is commutative, associative and idempotent (a join-semilattice): there is no
order of arrival in which an order ends otherwise. States and sums follow from the parts and are worked out last.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol, TypeVar

import msgspec

from contracts.orders import (
    FulfilmentState,
    Order,
    OrderFact,
    OrderLine,
    OrderState,
    PaymentState,
    Snapshot,
)


class _Part(Protocol):
    """What is told apart by its id, and of which the later version counts."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> str: ...


P = TypeVar("P", bound=_Part)
HANDED_OVER = "success"


def add(order: Order | None, fact: OrderFact) -> Order:
    """The order with one more fact in it."""
    new = Order(
        tenant=fact.tenant,
        order_id=fact.order_id,
        channel=fact.channel,
        source=fact.source,
        shop=fact.shop,
        snapshot=fact.snapshot,
        cancelled_at=fact.cancelled_at,
        refunds=_by_id((), fact.refunds),
        fulfilments=_by_id((), fact.fulfilments),
        rung_up=_by_id((), fact.rung_up),
    )
    return _worked_out(new if order is None else _joined(order, new))


def _joined(a: Order, b: Order) -> Order:
    named = max(_named(a), _named(b))
    return msgspec.structs.replace(
        a,
        channel=named[1],
        source=named[2],
        shop=named[3],
        snapshot=_later(a.snapshot, b.snapshot),
        cancelled_at=min(filter(None, (a.cancelled_at, b.cancelled_at)), key=_moment, default=""),
        refunds=_by_id(a.refunds, b.refunds),
        fulfilments=_by_id(a.fulfilments, b.fulfilments),
        rung_up=_by_id(a.rung_up, b.rung_up),
    )


def _named(order: Order) -> tuple[bool, str, str, str]:
    return (order.snapshot is not None, order.channel, order.source, order.shop)


def _later(a: Snapshot | None, b: Snapshot | None) -> Snapshot | None:
    return max(filter(None, (a, b)), key=lambda s: (_moment(s.version), s.rank, msgspec.json.encode(s)), default=None)


def _by_id(a: Iterable[P], b: Iterable[P]) -> tuple[P, ...]:
    greatest: dict[str, P] = {}
    for part in (*a, *b):
        known = greatest.get(part.id)
        if known is None or _version(part) > _version(known):
            greatest[part.id] = part
    return tuple(greatest[id] for id in sorted(greatest))


def _version(part: _Part) -> tuple[str, bytes]:
    return _moment(part.version), msgspec.json.encode(part)


def _moment(spelt: str) -> str:
    # Without the Z, since "…:00.5Z" sorts before "…:00Z".
    return spelt[:-1]


def _worked_out(order: Order) -> Order:
    """The order with what follows from its parts."""
    snapshot = order.snapshot
    currency = snapshot.currency if snapshot else _only(refund.currency for refund in order.refunds)
    refunded = sum(refund.amount_cents for refund in order.refunds if currency and refund.currency == currency)
    total = snapshot.total_cents if snapshot else 0
    payment = _payment(snapshot, total, refunded)
    fulfilment = _fulfilment(order)
    return msgspec.structs.replace(
        order,
        state=_state(order, payment, fulfilment),
        payment=payment,
        fulfilment=fulfilment,
        number=snapshot.number if snapshot else "",
        placed_at=snapshot.placed_at if snapshot else "",
        currency=currency,
        total_cents=total,
        refunded_cents=refunded,
    )


def _only(currencies: Iterable[str]) -> str:
    found = set(filter(None, currencies))
    return found.pop() if len(found) == 1 else ""


def _payment(snapshot: Snapshot | None, total: int, refunded: int) -> PaymentState:
    """What the source says, unless more was paid back than it knew of when it said so."""
    if snapshot is None:
        return "unknown"
    if refunded > 0 and snapshot.payment in ("paid", "partially_paid", "partially_refunded"):
        return "refunded" if refunded >= total else "partially_refunded"
    return snapshot.payment


def _fulfilment(order: Order) -> FulfilmentState:
    """Whether everything that is still wanted was handed over. What a till sold was handed over there and then."""
    if order.snapshot is None:
        return "none"
    if order.channel == "pos":
        return "fulfilled"
    wanted, sent = _wanted(order), _sent(order)
    if not any(sent.values()):
        return "none"
    return "fulfilled" if all(sent[sku] >= quantity for sku, quantity in wanted.items()) else "partial"


def _wanted(order: Order) -> Counter[str]:
    """Base units by SKU, without what was cancelled before it was sent."""
    cancelled = Counter[str]()
    for refund in order.refunds:
        for line in refund.lines:
            if line.restock == "cancel":
                cancelled[line.source_line] += line.quantity
    return _base_units(order, {line.source_line: line.sold - cancelled[line.source_line] for line in _lines(order)})


def _sent(order: Order) -> Counter[str]:
    """Base units by SKU. A hand-over in a shop may be told twice, by the web shop and by the till: the greater counts."""
    by_line = Counter[str]()
    for fulfilment in order.fulfilments:
        if fulfilment.status == HANDED_OVER:
            for source_line, quantity in fulfilment.lines:
                by_line[source_line] += quantity
    at_tills = Counter[str]()
    for receipt in order.rung_up:
        for sku, quantity in receipt.lines:
            at_tills[sku] += quantity
    return _base_units(order, by_line) | at_tills


def _base_units(order: Order, by_line: dict[str, int]) -> Counter[str]:
    """Quantities by the source's line as base units by SKU."""
    found = Counter[str]()
    for line in _lines(order):
        if line.sold:
            found[line.sku] += line.quantity * by_line.get(line.source_line, 0) // line.sold
    return found


def _lines(order: Order) -> tuple[OrderLine, ...]:
    return order.snapshot.lines if order.snapshot else ()


def _state(order: Order, payment: PaymentState, fulfilment: FulfilmentState) -> OrderState:
    if order.cancelled_at:
        return "cancelled"
    if order.snapshot is None:
        return "unknown"
    if payment in ("refunded", "voided"):
        return "refunded" if payment == "refunded" else "cancelled"
    return "completed" if fulfilment == "fulfilled" and payment in ("paid", "partially_refunded") else "open"
