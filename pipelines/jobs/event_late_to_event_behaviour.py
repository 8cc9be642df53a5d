"""`event.late` → `event.behaviour`: what came too late to be told from a repeat is looked up in all that was kept.

The ids that this job itself lets pass stand in its log for ever: there are few of them, and they are seen there before the
transaction that sends them is over.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from connectors.settings import Settings
from contracts.behaviour import Behaviour
from contracts.keys import key
from contracts.late import Late, LatePassed
from contracts.wire import Record, decoder, headers
from pipelines.batch import Effects, Job, Output, Run, State, Table
from pipelines.kept import keys_kept

_late = decoder(Late)
# Where late records go on to, and what they are.
KINDS: dict[str, type[Record]] = {"event.behaviour": Behaviour}


class Looked(NamedTuple):
    """A late record, and whether its topic had it already."""

    late: Late
    kept: bool


def step(state: State[LatePassed], events: Sequence[Looked]) -> Effects:
    """Each id once: those that were never taken go on, in their order."""
    changes: dict[bytes, LatePassed] = {}
    outputs: list[Output] = []
    for late, kept in events:
        own = key(late.tenant, late.id)
        if kept or own in changes or state.get(own):
            continue
        changes[own] = LatePassed(tenant=late.tenant, id=late.id, topic=late.topic)
        record: Any = decoder(KINDS[late.topic])(bytes(late.record))
        about = headers(KINDS[late.topic], late.id, "/runtime/late", late.at)
        outputs.append(Output(late.topic, late.key.encode(), late.by.encode(), record, about))
    return Effects(changes, outputs)


def look_up(kept: Callable[[str, set[str]], set[str]]) -> Callable[[Run], list[Looked]]:
    """Steps 2 and 3 of the protocol. `kept(topic, keys)` tells which keys a topic has had."""

    def prepare(run: Run) -> list[Looked]:
        records = [_late(value) for value in run.values]
        topics = {record.topic for record in records}
        known = {topic: kept(topic, {r.key for r in records if r.topic == topic}) for topic in topics}
        return [Looked(record, record.key in known[record.topic]) for record in records]

    return prepare


def job(settings: Settings) -> Job:
    return Job(
        name="resolve_late",
        inputs=("event.late",),
        prepare=look_up(lambda topic, keys: keys_kept(settings, topic, keys)),
        step=step,
        state=Table("log.resolve_late", LatePassed),
        slow=True,
    )
