"""The broker itself is killed with transactions open, and is away for longer than their timeout: `python -m …broker_kills [N]`.

Kept apart from the storms because it is a fault of the broker's: when it comes back it rolls open transactions back before it
knows the leaders of their partitions, skips those markers ("likely deleted already"), and the transactions stay open for ever.
"""

import os
import random
import signal
import sys
import time

from connectors import broker
from tests.chaos.real import run, trial
from tests.chaos.real.feed import Source
from tests.chaos.real.scene import Scene, scene
from tests.chaos.real.worker import Trial

FED_S = 4.0
AWAY_S = 4.0  # the transactions' timeout is 3 s
SLOTS = ("a", "b")


def feed(stage: Scene, source: Source, seconds: float) -> None:
    """Events for a while; whoever ended is started again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        stage.feed.send(source.draw(50))
        for slot in set(SLOTS) - {process.slot for process in stage.living}:
            stage.start(slot)
        time.sleep(0.05)


def main(kills: int) -> int:
    source = Source(random.Random(kills))
    folder, name = trial._folder("broker-kills")
    with run.running() as settings:
        shared = Trial(name=name, job="stock", bootstrap=settings.bootstrap, slow_s=0.05)
        with scene(settings, folder, shared, partitions=4) as stage:
            for _ in range(kills):
                feed(stage, source, FED_S)
                found = broker.alive(settings.home)
                assert found is not None, "the broker that we started"
                os.kill(found.pid, signal.SIGKILL)
                time.sleep(AWAY_S)
                broker.start(settings.home)
            violations = stage.settle(set(SLOTS))
    print("\n".join(violations[:20]), f"{len(violations)} violations; logs in {folder}", sep="\n")
    return int(bool(violations))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
