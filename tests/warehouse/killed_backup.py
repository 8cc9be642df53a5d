"""A backup or a restore that kills itself, as `kill -9` would, when it comes to a step.

`python -m tests.warehouse.killed_backup backup|restore HOME FOLDER KEYS STEP`
"""

import os
import signal
import sys
from pathlib import Path

from connectors.clock import SystemClock
from connectors.settings import Settings
from pipelines import backup as work
from tests.warehouse.synthetic import quiet


def main(what: str, home: Path, folder: Path, keys: Path, step: str) -> None:
    def at(now: str) -> None:
        if now == step:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = Settings(home=home)
    if what == "backup":
        work.backup(settings, folder, keys, SystemClock(), quiet, at)
    else:
        work.restore(settings, folder, keys, [], SystemClock(), quiet, at)


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:5]), sys.argv[5])
