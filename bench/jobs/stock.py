"""The benchmark's job on our runtime: keyed levels, 30 minutes of de-duplication by event id, exactly once.

Everything here is what a job's author would write: `pipelines.batch` and plain Python.
"""

from collections.abc import Sequence
from struct import Struct
from typing import ClassVar, Literal

import msgspec

from contracts.wire import Record
from pipelines.batch import Effects, Job, Output, Run, State, Table
from pipelines.batch.distinct import ById

HORIZON_S = 30 * 60


class Level(Record, frozen=True, gc=False):
    """What stands in a shop. Absolute: the newest record of a key replaces the others."""

    TYPE: ClassVar[str] = "state.bench_level"

    on_hand: int
    reserved: int
    available: int
    v: int = 1


class Movement(msgspec.Struct, gc=False):
    """The four of an event's twelve fields that the job needs. The parser steps over the rest."""

    event_id: str
    bucket: Literal["on_hand", "reserved"]
    quantity: int
    at: int


class Late(Record, frozen=True, kw_only=True):
    """An event that came when its id could no longer be judged."""

    TYPE: ClassVar[str] = "event.bench_late"

    v: int = 1
    event_id: str


_ids = Struct("16s")
_decode = msgspec.json.Decoder(Movement).decode


def prepare(run: Run) -> list[tuple[bytes, Movement]]:
    """Each event with the Kafka key under which its level is kept."""
    return list(zip(run.keys, map(_decode, run.values), strict=True))


def ids(events: Sequence[tuple[bytes, Movement]]) -> list[bytes]:
    """The ids as 16 bytes each. All digits are turned at once: one call for a slice, not one for an event."""
    digits = "".join([movement.event_id for _, movement in events])
    return [id_ for (id_,) in _ids.iter_unpack(bytes.fromhex(digits))]


def times(events: Sequence[tuple[bytes, Movement]]) -> list[int]:
    return [movement.at for _, movement in events]


def step(state: State[Level], events: Sequence[tuple[bytes, Movement]]) -> Effects:
    """Fold movements into levels. A key that moves twice in a slice builds on its own change."""
    changes: dict[bytes, Level] = {}
    changed, stored = changes.get, state.get
    for key, movement in events:
        level = changed(key) or stored(key)
        on_hand, reserved = (level.on_hand, level.reserved) if level else (0, 0)
        if movement.bucket == "on_hand":
            on_hand += movement.quantity
        else:
            reserved += movement.quantity
        changes[key] = Level(on_hand, reserved, on_hand - reserved)
    return Effects(changes)


def job(name: str, *, source: str, levels: str, marks: str, late: str) -> Job:
    """The job under a name of its own and on topics of its own, so that each trial starts from nothing."""

    def tell(events: Sequence[tuple[bytes, Movement]]) -> list[Output]:
        return [Output(late, key, key, Late(event_id=movement.event_id)) for key, movement in events]

    return Job(
        name=name,
        inputs=(source,),
        prepare=prepare,
        step=step,
        state=Table(levels, Level),
        distinct=ById(marks, ids, times, HORIZON_S),
        late=tell,
    )
