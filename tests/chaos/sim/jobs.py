"""The jobs under test: a small stock (`distinct`, state, an output for each event), and a chain of two hops.

moves -> stock -> levels (state), marks (log), changes     with its levels in memory beside the state, made by `ready`
moves -> split -> parts -> sum -> sums (state), changes
"""

from collections.abc import Sequence
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from contracts.wire import Record
from pipelines.batch.distinct import ById
from pipelines.batch.job import Effects, Job, Output, State, Table, decoded

TOPICS = ("moves", "parts", "levels", "marks", "sums", "changes")
COMPACTED = ("levels", "sums")


class Move(Record, frozen=True, kw_only=True):
    """An input event. `n` numbers the record, `id` the event: a duplicate has another `n` and the same `id`."""

    TYPE: ClassVar[str] = "sim.move"
    v: int = 1
    n: int
    id: str
    key: str
    quantity: int
    at: int


class Part(Record, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "sim.part"
    v: int = 1
    n: int
    part: int
    key: str
    quantity: int


class Level(Record, frozen=True, kw_only=True):
    """State: the sum of a key, and how many events made it."""

    TYPE: ClassVar[str] = "sim.level"
    v: int = 1
    total: int
    count: int


class Change(Record, frozen=True, kw_only=True):
    """An output: exactly one for each event. `total` and `count` are those after it; -1 for a late event."""

    TYPE: ClassVar[str] = "sim.change"
    v: int = 1
    n: int
    part: int
    total: int
    count: int


def add(state: State[Level] | dict[bytes, Level], events: Sequence[Any]) -> Effects:
    """Absolute sums by key; a second entry, `odd|key`, exists while the count is odd, so that keys are deleted too."""
    changes: dict[bytes, Record | None] = {}
    outputs = []
    for event in events:
        key = event.key.encode()
        level = changes.get(key) or state.get(key)
        total, count = (level.total, level.count) if isinstance(level, Level) else (0, 0)
        after = changes[key] = Level(total=total + event.quantity, count=count + 1)
        changes[b"odd|" + key] = after if after.count % 2 else None
        change = Change(n=event.n, part=getattr(event, "part", 0), total=after.total, count=after.count)
        outputs.append(Output("changes", key, key, change))
    return Effects(changes, outputs)


class Beside:
    """Levels in memory, made from a state before its first step, and all that a step reads: a wrong one shows in what is told.

    As the owner of evidence keeps its graphs: beside each state, and gone with it.
    """

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[State[Level], dict[bytes, Level]] = WeakKeyDictionary()

    def ready(self, state: State[Level]) -> None:
        self._made[state] = {
            key: level for key in sorted(state.keys()) for level in [state.get(key)] if level is not None
        }

    def step(self, state: State[Level], events: Sequence[Any]) -> Effects:
        levels = self._made[state]  # a state that was never made ready ends the worker, which is a violation
        effects = add(levels, events)
        levels.update({key: level for key, level in effects.changes.items() if isinstance(level, Level)})
        return effects


def tick(state: State[Level], at: str) -> Effects:
    """A level that counts ticks. A tick that was told before is told again after a restart; the level knows it."""
    time = 60 * int(at[14:16]) + int(at[17:19])
    level = state.get(b"ticks") or Level(total=0, count=0)
    if time <= level.total:
        return Effects({})
    after = Level(total=time, count=level.count + 1)
    return Effects({b"ticks": after, b"odd|ticks": after if after.count % 2 else None})


def split(_state: None, events: Sequence[Move]) -> Effects:
    """Two parts of each move, under two keys, which need not lie in one partition."""
    outputs = []
    for move in events:
        for part, key in enumerate((move.key, "to-" + move.key)):
            record = Part(n=move.n, part=part, key=key, quantity=move.quantity + part)
            outputs.append(Output("parts", key.encode(), key.encode(), record))
    return Effects({}, outputs)


def late(events: Sequence[Move]) -> list[Output]:
    return [Output("changes", b"late", b"late", Change(n=e.n, part=0, total=-1, count=-1)) for e in events]


def stock(horizon_s: int) -> Job:
    by = ById("marks", lambda es: [bytes.fromhex(e.id) for e in es], lambda es: [e.at for e in es], horizon_s)
    beside = Beside()
    return Job(
        name="stock",
        inputs=("moves",),
        step=beside.step,
        prepare=decoded(Move),
        state=Table("levels", Level),
        distinct=by,
        late=late,
        tick=tick,
        ready=beside.ready,
    )


def chain() -> tuple[Job, Job]:
    return (
        Job(name="split", inputs=("moves",), step=split, prepare=decoded(Move)),
        Job(name="sum", inputs=("parts",), step=add, prepare=decoded(Part), state=Table("sums", Level)),
    )
