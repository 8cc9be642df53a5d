"""A warehouse run that kills itself, as `kill -9` would, when it comes to a step.

`main(HOME, STEP, TIMES)`, in a process of its own, dies when it comes to the step for the TIMES-th time.
"""

import os
import signal
from pathlib import Path

from connectors.settings import Settings
from pipelines.warehouse.run import run
from tests.warehouse.synthetic import Record, Tape, dead_letters, quiet, receipts, records, unjudged

BEFORE = receipts(200)
AFTER = receipts(400)  # the same 200, and as many again


def written(upto: int) -> list[Record]:
    """What Kafka holds at first (`upto` 200) and later (400): it only grows, so offsets stay."""
    first = records(BEFORE, dead_letters(9))
    known = {(record.topic, record.key, record.value) for record in first}
    later = [r for r in records(AFTER, dead_letters(30)) if (r.topic, r.key, r.value) not in known]
    return first if upto == len(BEFORE) else first + later


def tape(upto: int) -> Tape:
    return Tape(written(upto), size=150)


def main(home: str, step: str, times: str = "1") -> None:
    reached: list[str] = []

    def at(now: str) -> None:
        reached.append(now)
        if reached.count(step) == int(times):
            os.kill(os.getpid(), signal.SIGKILL)

    run(Settings(home=Path(home)), quiet, at, source=tape(len(AFTER)), check=unjudged)
