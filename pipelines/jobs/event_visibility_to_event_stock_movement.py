"""`event.visibility` → `event.stock_movement`: what events do to stock, as the table of steps says. No state."""

from centers.stock.visibility_movements import movements
from contracts.visibility import VisibilityEvent
from pipelines.deriving import deriving
from pipelines.movements import output

JOB = deriving("derive_warehouse_movements", "event.visibility", VisibilityEvent, movements, output)
