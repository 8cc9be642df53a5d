"""A visibility event moves stock: which entries follow from it. Pure."""

from collections.abc import Iterator

from centers.stock.steps import BUCKETS, way
from contracts.keys import record_id
from contracts.receipts import Origin
from contracts.stock import Batch, CountEntry, Document, StockMovement
from contracts.visibility import Item, VisibilityEvent

_MOVED_ROLES = frozenset({"object", "child"})


def movements(event: VisibilityEvent, recorded: Origin) -> list[StockMovement]:
    """The entries of an event, in the order of its items; none unless it moves or counts stock, and stands or voids.

    Their ids follow from the event's own and the item's place in it, so the same event never moves stock twice. What an
    error declaration voids is entered again with the opposite sign.
    """
    if event.effect not in {"moves", "counts"} or event.standing in {"voided", "declared"}:
        return []
    if event.effect == "counts":
        return list(_counts(event, recorded))
    sign = -1 if event.standing == "voids" else 1
    return [
        _entry(event, recorded, n, item, leg, location, bucket, sign * quantity)
        for n, item in enumerate(event.items, 1)
        if item.sku and item.quantity is not None
        for leg, (location, bucket, quantity) in enumerate(_legs(event, item, item.quantity), 1)
    ]


def _legs(event: VisibilityEvent, item: Item, quantity: int) -> Iterator[tuple[str, str, int]]:
    """(location, bucket, signed quantity) of each entry that one item makes."""
    goes = way(event.type, event.action, event.step)
    if goes == "transform":
        if item.role in {"input", "output"}:
            yield event.location, "on_hand", quantity if item.role == "output" else -quantity
        return
    if item.role not in _MOVED_ROLES:
        return
    if goes in {"ship", "unship"}:
        leaves = -quantity if goes == "ship" else quantity
        if event.from_location:
            yield event.from_location, "on_hand", leaves
        if event.to_location and event.to_location != event.from_location:
            yield event.to_location, "incoming", -leaves
    elif goes == "receive":
        yield event.location, "on_hand", quantity
        if event.from_location and event.from_location != event.location:
            yield event.location, "incoming", -quantity
    elif goes == "inspect":
        for bucket, by in _inspected(event):
            yield event.location, bucket, by * quantity
    elif goes:
        yield event.location, "on_hand", quantity if goes == "in" else -quantity


def _inspected(event: VisibilityEvent) -> list[tuple[str, int]]:
    """Into which buckets an inspection puts goods (+1), and out of which (−1). A persistent disposition goes first."""
    if event.disposed or event.no_longer:
        into = [(BUCKETS[d], 1) for d in event.disposed if d in BUCKETS]
        return into + [(BUCKETS[d], -1) for d in event.no_longer if d in BUCKETS]
    return [(BUCKETS[event.disposition], 1)] if event.disposition in BUCKETS else []


def _counts(event: VisibilityEvent, recorded: Origin) -> Iterator[StockMovement]:
    """One entry a SKU: what its items add up to, since lots and packs of one SKU are counted apart."""
    assert event.count is not None  # a count has its moments
    held: dict[str, int] = {}
    first: dict[str, tuple[int, Item]] = {}
    for n, item in enumerate(event.items, 1):
        if item.sku and item.quantity is not None and item.role in _MOVED_ROLES:
            held[item.sku] = held.get(item.sku, 0) + item.quantity
            first.setdefault(item.sku, (n, item))
    for sku, (n, item) in first.items():
        original = _id(event, n, 1)
        voids = original if event.standing == "voids" else ""
        yield StockMovement(
            tenant=event.tenant,
            movement_id=record_id(event.tenant, "stock_movement", original, "void") if voids else original,
            sku=sku,
            location=event.location,
            bucket="on_hand",
            quantity=0,
            unit=item.unit,
            at=event.count.ended_at,
            known_at=event.received_at,
            source="wms",
            why=_document(event, n),
            recorded=recorded,
            count=CountEntry(held[sku], event.count.started_at, event.count.sheet, voids),
        )


def _entry(
    event: VisibilityEvent, recorded: Origin, n: int, item: Item, leg: int, location: str, bucket: str, quantity: int
) -> StockMovement:
    id = _id(event, n, leg)
    return StockMovement(
        tenant=event.tenant,
        movement_id=record_id(event.tenant, "stock_movement", id, "void") if event.standing == "voids" else id,
        sku=item.sku,
        location=location,
        bucket=bucket,
        quantity=quantity,
        unit=item.unit,
        at=event.at,
        known_at=event.received_at,
        source="wms",
        why=_document(event, n),
        recorded=recorded,
        batch=Batch(item.lot, item.expires_on) if item.lot or item.expires_on else None,
    )


def _id(event: VisibilityEvent, n: int, leg: int) -> str:
    # By the sender's id, so that an event and its declaration speak of the same entry.
    return record_id(event.tenant, "stock_movement", "wms", event.epcis_id, n, leg)


def _document(event: VisibilityEvent, n: int) -> Document:
    """The sender's first document, or else the event itself: no entry without one."""
    if event.documents:
        return Document(event.documents[0].type or "document", event.documents[0].id, n)
    return Document("visibility", event.visibility_id, n)
