"""The jobs under test, as any author would write them; each trial has topics of its own, so that trials share a broker.

moves -> stock -> levels (state), marks (log), changes (one for each event)
moves -> clerks -> levels (state)
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from contracts.wire import Record
from pipelines.batch import Effects, Job, Output, State, Table, decoded
from pipelines.batch.distinct import ById


class Topics(NamedTuple):
    """The topics of one trial. `levels` is compacted; all have the same number of partitions."""

    moves: str
    levels: str
    marks: str
    changes: str


def topics(trial: str) -> Topics:
    return Topics(*(f"chaos.{trial}.{name}" for name in Topics._fields))


class Move(Record, frozen=True, kw_only=True):
    """An event. `n` numbers the record, `id` the event: a duplicate has another `n` and the same `id`."""

    TYPE: ClassVar[str] = "chaos.move"
    v: int = 1
    n: int
    id: str
    store: str
    sku: str
    quantity: int
    time: int


class Level(Record, frozen=True, kw_only=True):
    """State: what stands in a store, and how many events made it."""

    TYPE: ClassVar[str] = "chaos.level"
    v: int = 1
    total: int
    count: int


class Change(Record, frozen=True, kw_only=True):
    """An output: exactly one for each event. `total` and `count` are those after it; -1 for a late event."""

    TYPE: ClassVar[str] = "chaos.change"
    v: int = 1
    n: int
    total: int
    count: int


def stock(name: str, on: Topics, horizon_s: int) -> Job:
    """Levels by store and SKU, each event once; a change for each event."""

    def step(state: State[Level], moves: Sequence[Move]) -> Effects:
        changes: dict[bytes, Level] = {}
        outputs = []
        for move in moves:
            key = f"{move.store}|{move.sku}".encode()
            old = changes.get(key) or state.get(key)
            total, count = (old.total, old.count) if old else (0, 0)
            new = changes[key] = Level(total=total + move.quantity, count=count + 1)
            change = Change(n=move.n, total=new.total, count=new.count)
            outputs.append(Output(on.changes, key, move.store.encode(), change))
        return Effects(changes, outputs)

    return Job(
        name=name,
        inputs=(on.moves,),
        prepare=decoded(Move),
        step=step,
        state=Table(on.levels, Level),
        distinct=ById(on.marks, ids, lambda moves: [move.time for move in moves], horizon_s),
        late=lambda moves: [Output(on.changes, b"late", move.store.encode(), too_late(move)) for move in moves],
    )


def ids(moves: Sequence[Move]) -> list[bytes]:
    return [bytes.fromhex(move.id) for move in moves]


def too_late(move: Move) -> Change:
    return Change(n=move.n, total=-1, count=-1)


class Receipt(Record, frozen=True, kw_only=True):
    """As much of an event as the clerks' job needs."""

    TYPE: ClassVar[str] = "chaos.receipt"
    v: int = 1
    store: str
    clerk: str


class ClerkCount(Record, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "chaos.clerk_count"
    v: int = 1
    receipts: int


def count(state: State[ClerkCount], receipts: Sequence[Receipt]) -> Effects:
    changes: dict[bytes, ClerkCount] = {}
    for receipt in receipts:
        key = f"{receipt.store}|{receipt.clerk}".encode()
        old = changes.get(key) or state.get(key)
        changes[key] = ClerkCount(receipts=(old.receipts if old else 0) + 1)
    return Effects(changes)


def clerks(name: str, on: Topics, _horizon_s: int) -> Job:
    """The job of docs/runtime.md: receipts by clerk. It knows no ids, so that repeated work shows at once."""
    return Job(name=name, inputs=(on.moves,), prepare=decoded(Receipt), step=count, state=Table(on.levels, ClerkCount))


JOBS = {"stock": stock, "clerks": clerks}
