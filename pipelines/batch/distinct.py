"""De-duplication by record id, for sources without a sequence: within a horizon of event time, and across restarts.

Ids are kept in two generations of one horizon each, per input partition: what is younger than the horizon is surely
remembered, what is older than two horizons surely not. New ids are written to the job's log topic in the transaction that
commits their events, so that a restart remembers exactly what was committed. Records that come after their generation has
gone cannot be judged here: they are handed over as late.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, ClassVar, NamedTuple

import msgspec

from contracts.wire import Record

Event = Any


class ById(msgspec.Struct, frozen=True):
    """How a job's events are told apart: a columnwise reader of ids (16 bytes each) and of event times (seconds).

    `topic` is the job's log: as many partitions as the input, kept for at least two horizons of ingestion time.
    """

    topic: str
    ids: Callable[[Sequence[Event]], list[bytes]]
    times: Callable[[Sequence[Event]], list[int]]
    horizon_s: int


class Marks(Record, frozen=True, kw_only=True, gc=False):
    """A record of a job's log: the ids that one transaction added to one generation, 16 bytes each, in base64."""

    TYPE: ClassVar[str] = "log.marks"
    V: ClassVar[int] = 1

    v: int = 1
    generation: int
    ids: bytes


class Judged(NamedTuple):
    """`fresh` in input order, without repeats; `late` are those too old to judge."""

    fresh: Sequence[Event]
    late: Sequence[Event]


class Seen:
    """The ids of one input partition: a set for the current generation of event time, and one for the last."""

    __slots__ = ("added", "by", "current", "generation", "last")

    def __init__(self, by: ById) -> None:
        self.by = by
        self.generation = -1
        self.current: set[bytes] = set()
        self.last: set[bytes] = set()
        self.added: dict[int, list[bytes]] = {}

    def judge(self, events: Sequence[Event]) -> Judged:
        """Which events are new. Remembers them; a repeat within `events` is one too."""
        if not events:
            return Judged(events, ())
        ids, times = self.by.ids(events), self.by.times(events)
        generations = (min(times) // self.by.horizon_s, max(times) // self.by.horizon_s)
        if generations[0] == generations[1]:
            return self._judge_one(events, ids, generations[0])
        return self._judge_each(events, ids, times)

    def _judge_one(self, events: Sequence[Event], ids: list[bytes], generation: int) -> Judged:
        # Nearly every slice of a live stream lies within one generation; then sets do the work.
        seen = self._set_of(generation)
        if seen is None:
            return Judged((), events)
        other = self.last if seen is self.current else self.current
        # Dictionaries and sets do the work: a loop in Python costs three times as much.
        fresh = dict(zip(ids, events, strict=True))
        if len(fresh) != len(ids):
            fresh = {}
            for id_, event in zip(ids, events, strict=True):
                fresh.setdefault(id_, event)
        for known in (seen, other):
            for id_ in fresh.keys() & known:
                del fresh[id_]
        seen.update(fresh)
        self.added.setdefault(generation, []).extend(fresh)
        return Judged(list(fresh.values()), ())

    def _judge_each(self, events: Sequence[Event], ids: list[bytes], times: list[int]) -> Judged:
        fresh: list[Event] = []
        late: list[Event] = []
        begin = 0
        for generation, same in groupby([time // self.by.horizon_s for time in times]):
            end = begin + sum(1 for _ in same)
            judged = self._judge_one(events[begin:end], ids[begin:end], generation)
            fresh.extend(judged.fresh)
            late.extend(judged.late)
            begin = end
        return Judged(fresh, late)

    def _set_of(self, generation: int) -> set[bytes] | None:
        if generation > self.generation:
            self.last = self.current if generation == self.generation + 1 else set()
            self.current = set()
            self.generation = generation
        if generation == self.generation:
            return self.current
        return self.last if generation == self.generation - 1 else None

    def take(self) -> list[Marks]:
        """The ids added since the last call, to be written with the events that brought them."""
        added, self.added = self.added, {}
        return [Marks(generation=g, ids=b"".join(ids)) for g, ids in added.items() if ids]

    def restore(self, marks: Iterable[Marks]) -> None:
        """What earlier transactions wrote, in any order."""
        marks = list(marks)
        newest = max((m.generation for m in marks), default=-1)
        self.generation = newest
        for m in marks:
            seen = self._set_of(m.generation)
            if seen is not None:
                seen.update(m.ids[i : i + 16] for i in range(0, len(m.ids), 16))
