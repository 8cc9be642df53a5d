"""Our own runtime as a peer: `python -m bench.peers.zhongtai.worker SETUP`, the platform's worker with the bench's job.

With the option `job=product` it runs the product's own stock job, under another name and on another state topic.
"""

import sys
import time
from pathlib import Path

import msgspec

from bench.setup import Setup
from connectors.settings import Settings
from pipelines.batch import Job, Run, Table, faust_host


def announced(job: Job) -> Job:
    """The same job, saying `first <epoch seconds>` when it is given its first events."""
    prepare, said = job.prepare, False

    def look(run: Run) -> object:
        nonlocal said
        if not said:
            said = True
            sys.stdout.write(f"first {time.time()}\n")
            sys.stdout.flush()
        return prepare(run)

    return msgspec.structs.replace(job, prepare=look)


def chosen(setup: Setup) -> Job:
    if setup.options.get("job") == "product":
        from contracts.stock import StockLevel
        from pipelines.jobs.event_stock_movement_to_state_stock_level import JOB

        state = Table(setup.output, StockLevel)
        return msgspec.structs.replace(JOB, name=setup.prefix, inputs=(setup.source,), state=state)
    from bench.jobs.stock import job

    marks, late = f"{setup.prefix}.marks", f"{setup.prefix}.late"
    return job(setup.prefix, source=setup.source, levels=setup.output, marks=marks, late=late)


def main() -> None:
    setup = msgspec.json.decode(sys.argv.pop(), type=Setup)
    faust_host.COMMIT_INTERVAL_S = setup.commit_ms / 1000
    faust_host.work([announced(chosen(setup))], Settings(home=Path(setup.folder), kafka=setup.bootstrap), setup.slot)


if __name__ == "__main__":
    main()
