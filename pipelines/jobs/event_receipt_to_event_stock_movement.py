"""`event.receipt` → `event.stock_movement`: one movement for each line of a receipt. No state: receipts come once."""

from centers.stock.movements import movements
from contracts.receipts import Receipt
from pipelines.deriving import deriving
from pipelines.movements import output

JOB = deriving("derive_stock_movements", "event.receipt", Receipt, movements, output)
