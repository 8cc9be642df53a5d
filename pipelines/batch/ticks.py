"""Recorded time in a run: where it stands between the events."""

from collections.abc import Iterator
from typing import NamedTuple

from contracts import ticks
from contracts.wire import decoder
from pipelines.batch.job import Run

_read = decoder(ticks.Tick)


class Part(NamedTuple):
    """Events in a row, or one tick, and then `run` holds nothing to decode. `tick` is "" for events."""

    run: Run
    tick: str = ""


def parts(run: Run) -> Iterator[Part]:
    """A run cut at its ticks. Each part starts where the one before it ended, over offsets that hold nothing too."""
    begin, start = 0, run.start
    for i in [i for i, key in enumerate(run.keys) if key == ticks.KEY]:
        if i > begin:
            yield Part(_cut(run, begin, i, start, run.offsets[i]))
        after = run.offsets[i] + 1 if i + 1 < len(run.offsets) else run.next
        yield Part(_cut(run, i, i, run.offsets[i] if i > begin else start, after), _read(run.values[i]).at)
        begin, start = i + 1, after
    if begin < len(run.offsets) or start < run.next:
        yield Part(_cut(run, begin, len(run.offsets), start, run.next))


def _cut(run: Run, i: int, j: int, start: int, after: int) -> Run:
    return Run(run.topic, run.partition, start, after, *(column[i:j] for column in run[4:]))  # type: ignore[arg-type]
