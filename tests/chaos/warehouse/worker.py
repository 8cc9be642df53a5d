"""One warehouse run in a process of its own, with a fault: `python -m tests.chaos.warehouse.worker HOME JSON`, or a fork.

`step` and `times`: dies, as by kill -9, when it comes to the step for the times-th time. `bytes`: no file may grow beyond, as on
a full disk. `plant`: a bug of `plants.py`. `judge`: with the real checkpoint, whose import takes seconds.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path

from connectors.settings import Settings
from pipelines.warehouse import quality
from pipelines.warehouse.run import run
from tests.chaos.warehouse import events, plants
from tests.warehouse.synthetic import quiet, unjudged


def main(home: str, given: str) -> None:
    what = json.loads(given)
    fault: dict[str, object] = what.get("fault", {})
    reached: list[str] = []

    def at(now: str) -> None:
        reached.append(now)
        if fault.get("step") == now and reached.count(now) == fault.get("times", 1):
            os.kill(os.getpid(), signal.SIGKILL)

    if "plant" in fault:
        plants.PLANTS[str(fault["plant"])].plant()
    if "bytes" in fault:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(str(fault["bytes"])), resource.RLIM_INFINITY))
    check = quality.check if fault.get("judge") else unjudged
    run(Settings(home=Path(home)), quiet, at, source=events.tape(what["seed"], what["phase"]), check=check)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
