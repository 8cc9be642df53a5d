"""`event.tag_input` → `state.tag`, `event.tag_change`: where each member stands, by purchases, changes of hands, and time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

from centers.tags.keeping import Keeper, Told, in_time
from centers.tags.life_cycle import Definition
from connectors.settings import Settings
from contracts import ticks
from contracts.evidence import shard
from contracts.instants import spelt
from contracts.keys import key
from contracts.tags import TagChange, TagInput, TagMemory
from contracts.wire import decoder, headers
from pipelines.batch import Effects, Job, Output, Run, State, Table
from pipelines.tags import life_cycle

_decode = decoder(TagInput)


class Recorded(NamedTuple):
    """An input, and when the broker took it: recorded time, which a replay finds again."""

    one: TagInput
    at: datetime


def prepare(run: Run) -> list[Recorded]:
    """Step 2 of the protocol. A tick that stands in a topic that is not marked as ticked (any more) is passed over."""
    times = (datetime.fromtimestamp(ms / 1000, UTC) for ms in run.times)
    return [
        Recorded(in_time(_decode(value), at), at)
        for k, value, at in zip(run.keys, run.values, times, strict=True)
        if k != ticks.KEY
    ]


class Owner:
    """The definition is read when the first input or tick comes, and again only by another worker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _by(self) -> Definition:
        return life_cycle(self._settings)

    def step(self, state: State[TagMemory], inputs: Sequence[Recorded]) -> Effects:
        keeper = Keeper(self._by, state.get)
        for one, at in inputs:
            # An input may come before the tick of its hour: it tells what time it is as well.
            if keeper.is_due(spelt(at)):
                keeper.pass_hour(spelt(at), state.keys())
            keeper.take(one)
        return _effects(keeper.told)

    def tick(self, state: State[TagMemory], at: str) -> Effects:
        keeper = Keeper(self._by, state.get)
        if keeper.is_due(at):
            keeper.pass_hour(at, state.keys())
        return _effects(keeper.told)


def _effects(told: Told) -> Effects:
    outputs = []
    for k, tag in told.tags.items():
        tenant = k.split(b"|", 1)[0].decode()
        # No record is a tombstone, as the runtime's own of state: who has no tag any more must go from the topic.
        outputs.append(Output("state.tag", k, shard(tenant), tag))  # type: ignore[arg-type]
    outputs += [_change(change) for change in told.changes]
    return Effects(told.memory, outputs)


def _change(change: TagChange) -> Output:
    about = headers(TagChange, change.id, "/tags/life_cycle", change.at)
    return Output("event.tag_change", key(change.tenant, change.id), shard(change.tenant), change, about)


def job(settings: Settings) -> Job:
    owner = Owner(settings)
    return Job(
        name="keep_tags",
        inputs=("event.tag_input",),
        prepare=prepare,
        step=owner.step,
        tick=owner.tick,
        state=Table("log.keep_tags", TagMemory),
    )
