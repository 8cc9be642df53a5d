"""What stands in a location: the last count, plus the changes after it. Pure.

Entries are ordered by event time, whatever order they come in: a change from before the last count changes the correction
that the count implied, never what stands there now; a count that comes late is placed among the changes that are
remembered since the count before. Only `REMEMBERED` changes are; the lake has them all.
"""

from bisect import insort

from msgspec.structs import replace

from contracts.errors import Corrupt
from contracts.instants import latest
from contracts.stock import CountEntry, Ledger, StockLevel, StockMovement

# Each is written with every change of its level, so few: a count is seldom later than that many sales of one SKU in one place.
REMEMBERED = 32
_NEW = Ledger()


def apply(level: StockLevel | None, movement: StockMovement) -> StockLevel:
    """The level after one more entry; `None` is a SKU that never moved there.

    Entries add up in any order to the same level, as long as no count is later than the last `REMEMBERED` changes. An entry
    given twice counts twice: the caller owns "once". Raises `Corrupt` when the movement counts in another unit than the
    level, since adding grams to pieces says nothing.
    """
    if level is None:
        on_hand, count, as_of, ledger = 0, 0, movement.at, _NEW
    elif level.unit != movement.unit:
        raise Corrupt(
            f"SKU {movement.sku} is counted in {level.unit}, and a movement counts it in {movement.unit}.",
            "Operator action: give the product its former base unit in the reference file, or a new SKU.",
        )
    else:
        # A level that an earlier release wrote remembers nothing: no count before it can be placed.
        ledger = level.ledger or Ledger(forgotten=level.as_of)
        on_hand, count, as_of = level.on_hand, level.movements, level.as_of
    if movement.count is not None:
        on_hand, ledger = _counted(on_hand, ledger, movement, movement.count)
    elif movement.bucket == "on_hand":
        on_hand, ledger = _changed(on_hand, ledger, movement)
    else:
        ledger = _beside(ledger, movement)
    return StockLevel(
        tenant=movement.tenant,
        sku=movement.sku,
        location=movement.location,
        on_hand=on_hand,
        unit=movement.unit,
        movements=count + (movement.bucket == "on_hand"),
        as_of=latest(as_of, movement.at),
        ledger=ledger,
    )


def _moment(at: str) -> str:
    # Without the Z: "…:00.5Z" sorts before "…:00Z" because "." sorts before "Z".
    return at[:-1]


def remembered(recent: str) -> list[tuple[str, int]]:
    """The changes that a ledger remembers: (moment, quantity), oldest first."""
    return [(at, int(quantity)) for at, _, quantity in (entry.partition("=") for entry in recent.split())]


def _text(entries: list[tuple[str, int]]) -> str:
    return " ".join(f"{at}={quantity}" for at, quantity in entries)


def _changed(on_hand: int, old: Ledger, movement: StockMovement) -> tuple[int, Ledger]:
    at, quantity = _moment(movement.at), movement.quantity
    if old.counted_at and at <= _moment(old.counted_at):
        inside = old.inside + (at > _moment(old.counted_from))
        return on_hand, _with(old, correction=old.correction - quantity, inside=inside)
    recent, forgotten = old.recent, old.forgotten
    if not recent or at >= recent[recent.rfind(" ") + 1 : recent.rfind("=")]:
        recent = f"{recent} {at}={quantity}".lstrip()
    else:
        entries = remembered(recent)
        insort(entries, (at, quantity))
        recent = _text(entries)
    if recent.count("=") > REMEMBERED:
        oldest, _, recent = recent.partition(" ")
        forgotten = max(_moment(forgotten) if forgotten else "", oldest.partition("=")[0]) + "Z"
    return on_hand + quantity, _with(old, recent=recent, forgotten=forgotten)


def _counted(on_hand: int, old: Ledger, movement: StockMovement, count: CountEntry) -> tuple[int, Ledger]:
    if count.voids:
        return _uncounted(on_hand, old, count)
    end = _moment(movement.at)
    if old.counted_at and (end, movement.movement_id) < (_moment(old.counted_at), old.counted_id):
        return on_hand, old
    if old.forgotten and end < _moment(old.forgotten):
        return on_hand, _with(old, unplaced=old.unplaced + 1)
    entries = remembered(old.recent)
    after = [entry for entry in entries if entry[0] > end]
    moved_after = sum(quantity for _, quantity in after)
    expected = on_hand - moved_after
    start = _moment(count.started_at)
    return count.held + moved_after, _with(
        old,
        recent=_text(after),
        forgotten="",
        counted_at=movement.at,
        counted_from=count.started_at,
        counted_id=movement.movement_id,
        correction=count.held - expected,
        inside=sum(1 for at, _ in entries if start < at <= end),
    )


def _uncounted(on_hand: int, old: Ledger, count: CountEntry) -> tuple[int, Ledger]:
    """Takes the last count back: what was expected stands there again. An older count is settled by a later one."""
    if old.counted_id != count.voids:
        return on_hand, old
    # What happened before the count is not remembered any more, so a count from before it cannot be placed.
    forgotten = old.forgotten or old.counted_at
    return on_hand - old.correction, _with(
        old, forgotten=forgotten, counted_at="", counted_from="", counted_id="", correction=0, inside=0
    )


def _beside(old: Ledger, movement: StockMovement) -> Ledger:
    q = movement.quantity
    return _with(
        old,
        damaged=old.damaged + q * (movement.bucket == "damaged"),
        quality_control=old.quality_control + q * (movement.bucket == "quality_control"),
        incoming=old.incoming + q * (movement.bucket == "incoming"),
    )


def _with(old: Ledger, **changes: object) -> Ledger:
    return replace(old, **changes)
