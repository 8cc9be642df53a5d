"""Jobs that derive: each record of one topic makes records of another, and nothing is remembered.

Made again after a crash, the same records come out: whoever derives gives them ids that follow from what they are made of.
They come in the order of what they are made of, and in the order in which `derive` gives them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from contracts.receipts import Origin
from contracts.wire import Record, decoder
from pipelines.batch import Effects, Job, Output, Run, State

In = TypeVar("In", bound=Record)
Out = TypeVar("Out", bound=Record)


def deriving(
    name: str,
    topic: str,
    record: type[In],
    derive: Callable[[In, Origin], Iterable[Out]],
    output: Callable[[Out], Output],
) -> Job:
    """The job that reads `record`s from `topic` and sends, as `output` says, what `derive(record, its place)` makes of each."""
    decode = decoder(record)

    def prepare(run: Run) -> list[tuple[In, Origin]]:
        """Each record with the place where it is recorded."""
        return [
            (decode(value), Origin(run.topic, run.partition, offset))
            for offset, value in zip(run.offsets, run.values, strict=True)
        ]

    def step(_: State[Record] | None, events: Sequence[tuple[In, Origin]]) -> Effects:
        return Effects({}, [output(made) for one, recorded in events for made in derive(one, recorded)])

    return Job(name=name, inputs=(topic,), prepare=prepare, step=step)
