"""`event.stock_movement` → `state.stock_level`: fold movements into the level of each SKU and location."""

from collections.abc import Sequence

from centers.stock import levels
from contracts.keys import key
from contracts.stock import StockLevel, StockMovement
from pipelines.batch import Effects, Job, State, Table, decoded


def step(state: State[StockLevel], movements: Sequence[StockMovement]) -> Effects:
    changes: dict[bytes, StockLevel] = {}
    for movement in movements:
        k = key(movement.tenant, movement.sku, movement.location)
        changes[k] = levels.apply(changes.get(k) or state.get(k), movement)
    return Effects(changes)


JOB = Job(
    name="keep_stock_levels",
    inputs=("event.stock_movement",),
    prepare=decoded(StockMovement),
    step=step,
    state=Table("state.stock_level", StockLevel),
)
