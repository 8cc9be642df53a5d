"""A rebuild's transaction that dies at a step: it writes `a` and deletes `b`.

`python -m tests.rebuild.killed_write STEP TENANT KAFKA HOME`
"""

import os
import signal
import sys
from pathlib import Path

from connectors.settings import Settings
from contracts.keys import key
from contracts.stock import StockLevel
from pipelines.rebuild import write
from pipelines.rebuild.states import Changes, Place

TOPIC = "state.stock_level"


def level(tenant: str, sku: str, on_hand: int) -> StockLevel:
    return StockLevel(
        tenant=tenant, sku=sku, location="S1", on_hand=on_hand, unit="each", movements=1, as_of="2026-11-01T08:00:00Z"
    )


def changes(tenant: str) -> Changes:
    return {Place(1, key(tenant, "a", "S1")): level(tenant, "a", 7), Place(2, key(tenant, "b", "S1")): None}


def main(step: str, tenant: str, kafka: str, home: str) -> None:
    def at(reached: str) -> None:
        if reached == step:
            os.kill(os.getpid(), signal.SIGKILL)

    write.write(Settings(home=Path(home), tenant=tenant, kafka=kafka), TOPIC, changes(tenant), at)


if __name__ == "__main__":
    main(*sys.argv[1:])
