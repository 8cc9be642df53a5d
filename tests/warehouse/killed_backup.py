"""A backup or a restore that kills itself, as `kill -9` would, when it comes to a step.

`main("backup" or "restore", HOME, FOLDER, KEYS, STEP)`, in a process of its own.
"""

import os
import signal
from pathlib import Path

from connectors.clock import SystemClock
from connectors.settings import Settings
from pipelines import backup as work
from tests.warehouse.synthetic import quiet


def main(what: str, home: str, folder: str, keys: str, step: str) -> None:
    def at(now: str) -> None:
        if now == step:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = Settings(home=Path(home))
    if what == "backup":
        work.backup(settings, Path(folder), Path(keys), SystemClock(), quiet, at)
    else:
        work.restore(settings, Path(folder), Path(keys), [], SystemClock(), quiet, at)
