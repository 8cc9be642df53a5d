"""A worker whose step is slow, for test_back_pressure: python -m tests.chaos.real.slow BROKER HOME TOPIC SECONDS SLOT."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiokafka.consumer.subscription_state import SubscriptionState

from connectors.settings import Settings
from pipelines.batch import Effects, Job, Run, faust_host


def main() -> None:
    broker, home, topic, seconds, slot = sys.argv[1:]

    def prepare(run: Run) -> list[bytes]:
        time.sleep(float(seconds))  # for each slice of a thousand
        return run.values

    def step(_: Any, __: Sequence[bytes]) -> Effects:
        return Effects({})

    # One prepares on the event loop, the other on a thread: both must push back, and both must stay in their groups.
    jobs = [
        Job(name=f"{topic}.{name}", inputs=(topic,), prepare=prepare, step=step, slow=slow)
        for name, slow in (("here", False), ("thread", True))
    ]
    faust_host.SESSION_MS = 3_000
    # As after an hour in which there was always something to fetch: aiokafka calls that idle.
    SubscriptionState.fetcher_idle_time = property(lambda _: 3_600.0)
    faust_host.work(jobs, Settings(home=Path(home), kafka=broker), slot)


if __name__ == "__main__":
    main()
