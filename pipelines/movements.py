"""How a stock movement goes on its way, whatever job makes it."""

from contracts.keys import key
from contracts.stock import StockMovement
from contracts.wire import headers
from pipelines.batch import Output


def output(movement: StockMovement) -> Output:
    return Output(
        "event.stock_movement",
        key(movement.tenant, movement.movement_id),
        key(movement.tenant, movement.sku),
        movement,
        headers(StockMovement, movement.movement_id, "/centers/stock", movement.at),
    )
