"""A worker process: `python -m pipelines.worker [--slot N] [JOB…]` runs jobs until it is told to stop.

Several workers share the partitions of a job. Each needs a slot of its own: that is what lets a worker that was killed
come back to its partitions at once.
"""

import argparse
import sys

from connectors import settings as settings_
from contracts.errors import BadInput, ZhongtaiError
from pipelines.jobs import jobs


def main() -> None:
    parser = argparse.ArgumentParser(description="Run stream jobs until SIGTERM.")
    parser.add_argument("--slot", default="0", help="this worker's place in the group; unique among live workers")
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="default: all")
    chosen = parser.parse_args()
    try:
        work(chosen.jobs, chosen.slot)
    except ZhongtaiError as error:
        sys.stderr.write(f"worker: {error.wrong}\n  → {error.do}\n")
        sys.exit(error.exit_status)


def work(names: list[str], slot: str) -> None:
    """Run the named jobs (none: all). Raises `BadInput` for a name that is no job's."""
    settings = settings_.load()
    known = jobs(settings)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadInput(f"There is no job {', '.join(unknown)}.", f"Jobs: {', '.join(known)}.")
    from pipelines.batch.faust_host import work as host

    host([known[name] for name in names or known], settings, slot)


if __name__ == "__main__":
    main()
