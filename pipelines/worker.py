"""A worker process: `python -m pipelines.worker [--slot N] [JOB…]` runs jobs until it is told to stop.

Jobs are named here, not discovered. Several workers share the partitions of a job; each needs a slot of its own, which is
what lets a worker that was killed come back to its partitions at once.
"""

import argparse
from collections.abc import Callable

from connectors import settings as settings_
from connectors.settings import Settings
from pipelines.batch import Job
from pipelines.jobs import (
    event_receipt_to_event_stock_movement,
    event_stock_movement_to_state_stock_level,
    raw_pos_to_event_receipt,
)

JOBS: dict[str, Callable[[Settings], Job]] = {
    "accept_receipts": raw_pos_to_event_receipt.job,
    "derive_stock_movements": lambda _: event_receipt_to_event_stock_movement.JOB,
    "keep_stock_levels": lambda _: event_stock_movement_to_state_stock_level.JOB,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Run stream jobs until SIGTERM.")
    parser.add_argument("--slot", default="0", help="this worker's place in the group; unique among live workers")
    parser.add_argument(
        "jobs", nargs="*", metavar="JOB", choices=[[], *JOBS], help=f"default: all of {', '.join(JOBS)}"
    )
    chosen = parser.parse_args()
    settings = settings_.load()
    from pipelines.batch.faust_host import work

    work([JOBS[name](settings) for name in chosen.jobs or JOBS], settings, chosen.slot)


if __name__ == "__main__":
    main()
