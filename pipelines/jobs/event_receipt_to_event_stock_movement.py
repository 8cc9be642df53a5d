"""`event.receipt` → `event.stock_movement`: one movement for each line of a receipt. No state: receipts come once."""

from collections.abc import Sequence

from centers.stock.movements import movements
from contracts.keys import key
from contracts.receipts import Origin, Receipt
from contracts.stock import StockMovement
from contracts.wire import decoder, headers
from pipelines.batch import Effects, Job, Output, Run, State

_decode = decoder(Receipt)


def prepare(run: Run) -> list[tuple[Receipt, Origin]]:
    """Each receipt with the place where it is recorded."""
    return [
        (_decode(value), Origin(run.topic, run.partition, offset))
        for offset, value in zip(run.offsets, run.values, strict=True)
    ]


def step(_: State[StockMovement] | None, events: Sequence[tuple[Receipt, Origin]]) -> Effects:
    return Effects({}, [_output(movement) for receipt, recorded in events for movement in movements(receipt, recorded)])


def _output(movement: StockMovement) -> Output:
    return Output(
        "event.stock_movement",
        key(movement.tenant, movement.movement_id),
        key(movement.tenant, movement.sku),
        movement,
        headers(StockMovement, movement.movement_id, "/centers/stock", movement.at),
    )


JOB = Job(name="derive_stock_movements", inputs=("event.receipt",), prepare=prepare, step=step)
