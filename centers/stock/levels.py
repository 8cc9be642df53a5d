"""What stands in a location: the sum of its movements. Pure."""

from contracts.errors import Corrupt
from contracts.instants import latest
from contracts.stock import StockLevel, StockMovement


def apply(level: StockLevel | None, movement: StockMovement) -> StockLevel:
    """The level after one more movement; `None` is a SKU that never moved there.

    Movements add up in any order to the same level. A movement given twice counts twice: the caller owns "once".
    Raises `Corrupt` when the movement counts in another unit than the level, since adding grams to pieces says nothing.
    """
    if level is None:
        on_hand, count, as_of = 0, 0, movement.at
    elif level.unit != movement.unit:
        raise Corrupt(
            f"SKU {movement.sku} is counted in {level.unit}, and a movement counts it in {movement.unit}.",
            "Operator action: give the product its former base unit in the reference file, or a new SKU.",
        )
    else:
        on_hand, count, as_of = level.on_hand, level.movements, level.as_of
    return StockLevel(
        tenant=movement.tenant,
        sku=movement.sku,
        location=movement.location,
        on_hand=on_hand + movement.quantity,
        unit=movement.unit,
        movements=count + 1,
        as_of=latest(as_of, movement.at),
    )
