"""A worker whose job takes three sessions to make ready what stands beside its state, for test_ready: BROKER HOME TOPIC."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from connectors.settings import Settings
from contracts.wire import decoder
from pipelines.batch import Effects, Job, Run, State, Table, faust_host
from tests.chaos.sim.jobs import Level

SESSION_S = 3.0
PARTITIONS = 2


def main() -> None:
    broker, home, topic = sys.argv[1:]
    decode = decoder(Level)
    made: dict[int, int] = {}

    def ready(state: State[Level]) -> None:
        # Busy, as one who makes a graph is: sleeping would leave the interpreter to the others.
        until = time.monotonic() + 3 * SESSION_S / PARTITIONS
        while time.monotonic() < until:
            sum(range(1_000))
        made[id(state)] = len(state)
        print(f"made ready with {len(state)} keys", flush=True)

    def prepare(run: Run) -> list[Level]:
        return [decode(value) for value in run.values]

    def step(state: State[Level], levels: Sequence[Level]) -> Effects:
        assert id(state) in made, "a step before what it needs was made"
        return Effects({str(level.total).encode(): level for level in levels})

    table = Table(f"{topic}.state", Level)
    job = Job(name=topic, inputs=(topic,), prepare=prepare, step=step, state=table, ready=ready)
    faust_host.SESSION_MS = int(SESSION_S * 1_000)
    faust_host.work([job], Settings(home=Path(home), kafka=broker), "a")


if __name__ == "__main__":
    main()
