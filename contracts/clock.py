"""Time comes in as an argument. Only `connectors.clock` asks the machine."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment: aware, UTC."""
