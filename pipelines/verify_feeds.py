"""What the platform holds beside receipts and stock, counted from topics by plain loops, to be compared with a truth."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TypeVar

from contracts.behaviour import Behaviour
from contracts.masters import MASTERS, Master, PurchaseOrder, PurchaseOrderLine
from contracts.orders import Order, OrderFact
from contracts.receipts import Receipt, Token
from contracts.stock import StockMovement
from contracts.visibility import VisibilityEvent
from pipelines.newest import Topics

Rows = dict[tuple[str, ...], tuple[int, ...]]
Sums = dict[str, int]


def orders(topics: Topics) -> tuple[Rows, Sums]:
    """Orders, cents owed and cents paid back by channel and state."""
    found: dict[tuple[str, ...], list[int]] = {}
    for order in topics.newest("state.order", Order):
        sums = found.setdefault((order.channel, order.state), [0, 0, 0])
        for n, value in enumerate((1, order.total_cents, order.refunded_cents)):
            sums[n] += value
    return _frozen(found), {"orders": sum(sums[0] for sums in found.values())}


def web_orders(topics: Topics) -> tuple[Rows, Sums]:
    """Each web order by its number; lines count single SKUs."""
    found: Rows = {}
    for order in topics.newest("state.order", Order):
        if order.channel == "web":
            lines = len(order.snapshot.lines) if order.snapshot else 0
            key = (order.number, order.state, order.payment, order.fulfilment)
            found[key] = (lines, order.total_cents, order.refunded_cents)
    return found, {"web_lines": sum(lines for lines, _, _ in found.values())}


def behaviours(topics: Topics) -> tuple[Rows, Sums]:
    """Calls by kind and name."""
    found = Counter((call.kind, call.name) for call in topics.newest("event.behaviour", Behaviour))
    return {key: (count,) for key, count in found.items()}, {"behaviours": found.total()}


def identifiers(topics: Topics) -> tuple[Rows, Sums]:
    """How often each type was shown over all feeds, and how many different ones."""
    nids: dict[str, list[str]] = {}
    for token in _tokens(topics):
        nids.setdefault(token.type, []).append(token.nid)
    found: Rows = {(kind,): (len(shown), len(set(shown))) for kind, shown in nids.items()}
    return found, {"identifiers": sum(different for _, different in found.values())}


def _tokens(topics: Topics) -> Iterable[Token]:
    for receipt in topics.newest("event.receipt", Receipt):
        yield from receipt.identifiers
    for fact in topics.newest("event.order", OrderFact):
        # What a till sold is an order too, with the identifiers of its receipt: they are counted above.
        if fact.snapshot and fact.channel == "web":
            yield from fact.snapshot.identifiers
    for call in topics.newest("event.behaviour", Behaviour):
        yield from call.identifiers


def warehouse_moves(topics: Topics) -> tuple[Rows, Sums]:
    """What warehouses entered on hand, by place and type of document. Counts are no moves."""
    found: dict[tuple[str, ...], list[int]] = {}
    for entry in topics.newest("event.stock_movement", StockMovement):
        if entry.source == "wms" and entry.bucket == "on_hand" and entry.count is None:
            sums = found.setdefault((entry.location, entry.why.type), [0, 0])
            sums[0] += 1
            sums[1] += entry.quantity
    return _frozen(found), {"warehouse_moves": sum(moves for moves, _ in found.values())}


def visibility(topics: Topics) -> tuple[Rows, Sums]:
    """Events by step, those among them that were declared to be mistakes; the declarations are not events."""
    told = topics.newest("event.visibility", VisibilityEvent)
    found = Counter(event.step for event in told if event.declaration is None)
    return {(step,): (count,) for step, count in found.items()}, {}


def purchase_orders(topics: Topics) -> tuple[Rows, Sums]:
    """Orders, lines and what they come to, by status."""
    orders = {o.po: o.status for o in _standing(topics, "state.purchase_order", PurchaseOrder)}
    found = {status: [count, 0, 0] for status, count in Counter(orders.values()).items()}
    for line in _standing(topics, "state.purchase_order_line", PurchaseOrderLine):
        sums = found[orders[line.po]]
        sums[1] += 1
        sums[2] += int(Decimal(line.quantity) * line.price_cents)
    return {(status,): tuple(sums) for status, sums in found.items()}, {"purchase_orders": len(orders)}


def masters(topics: Topics) -> tuple[Rows, Sums]:
    """Rows of each table that stand, and those that were deleted or discontinued."""
    found: Rows = {}
    for table, kind in MASTERS.items():
        rows = topics.newest(f"state.{table}", kind)
        gone = sum(row.change != "upsert" or getattr(row, "status", "") == "discontinued" for row in rows)
        if rows:
            found[table,] = (len(rows) - gone, gone)
    return found, {}


M = TypeVar("M", bound=Master)


def _standing(topics: Topics, topic: str, kind: type[M]) -> list[M]:
    return [row for row in topics.newest(topic, kind) if row.change == "upsert"]


def _frozen(sums: Mapping[tuple[str, ...], list[int]]) -> Rows:
    return {key: tuple(values) for key, values in sums.items()}


# Truth file → its rows and the totals that follow from them.
TABLES: Mapping[str, Callable[[Topics], tuple[Rows, Sums]]] = {
    "orders": orders,
    "web_orders": web_orders,
    "behaviours": behaviours,
    "identifiers": identifiers,
    "warehouse_moves": warehouse_moves,
    "visibility": visibility,
    "purchase_orders": purchase_orders,
    "masters": masters,
}
