"""`event.visibility` → `event.stock_movement`: what events do to stock, as the table of steps says. No state."""

from collections.abc import Sequence

from centers.stock.visibility_movements import movements
from contracts.keys import key
from contracts.receipts import Origin
from contracts.stock import StockMovement
from contracts.visibility import VisibilityEvent
from contracts.wire import decoder, headers
from pipelines.batch import Effects, Job, Output, Run, State

_decode = decoder(VisibilityEvent)


def prepare(run: Run) -> list[tuple[VisibilityEvent, Origin]]:
    """Each event with the place where it is recorded."""
    return [
        (_decode(value), Origin(run.topic, run.partition, offset))
        for offset, value in zip(run.offsets, run.values, strict=True)
    ]


def step(_: State[StockMovement] | None, events: Sequence[tuple[VisibilityEvent, Origin]]) -> Effects:
    return Effects({}, [_output(movement) for event, recorded in events for movement in movements(event, recorded)])


def _output(movement: StockMovement) -> Output:
    return Output(
        "event.stock_movement",
        key(movement.tenant, movement.movement_id),
        key(movement.tenant, movement.sku),
        movement,
        headers(StockMovement, movement.movement_id, "/centers/stock", movement.at),
    )


JOB = Job(name="derive_warehouse_movements", inputs=("event.visibility",), prepare=prepare, step=step)
