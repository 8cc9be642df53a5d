"""Bugs planted into copies of the real classes, each with the script that shows it every time.

They prove that the simulation can fail. What is planted is what somebody could write in good faith; the files of the runtime
are not touched.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec

from pipelines.batch.engine import TP, Fence, Produced
from pipelines.batch.job import Job, State
from tests.chaos import scripts
from tests.chaos.sim.host import SimHost, SmallEngine
from tests.chaos.sim.jobs import Beside, Level
from tests.chaos.sim.log import SimLog
from tests.chaos.sim.world import Kit, World


class Plant(NamedTuple):
    """A bug: its name, the workers that have it, and the situation in which it shows."""

    name: str
    kit: Kit
    script: scripts.Script


class OffsetsFirst(SimLog):
    """Offsets are committed before the outputs, in a transaction of their own."""

    async def transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        await super().transact([], offsets, fence)
        await super().transact(records, {}, fence)


class FlushesLater(SmallEngine):
    """Revocation commits nothing: what is pending goes out with the next assignment, as in the first prototype."""

    async def revoke(self) -> None:
        for owned in self.owned.values():
            owned.live = False
        self._fence = None
        self._epoch += 1


class Unfenced(SimLog):
    """Offsets carry no generation and no member: the broker lets anybody commit."""

    async def transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        await super().transact(records, offsets, Fence(-1, "", None))


class ReadsPendingOffsets(SimLog):
    """Committed offsets are read without require_stable."""

    STABLE = False


class RestoresToTheStableOffset(SimLog):
    """A restore ends at the last stable offset rather than at the high watermark."""

    TO_THE_END = False


class ForgetsIds(SimLog):
    """De-duplication starts empty after a restart."""

    async def restore(self, topic: str, partitions: Iterable[int]) -> dict[int, dict[bytes, bytes]]:
        wanted = list(partitions)
        return {p: {} for p in wanted} if topic == "marks" else await super().restore(topic, wanted)


class OffByOne(SimLog):
    """The offset of the last record is taken for the position behind it, plus one too many."""

    async def transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        await super().transact(records, {tp: offset + 1 for tp, offset in offsets.items()}, fence)


class KeepsState(SmallEngine):
    """State that is in memory is kept when a partition comes back, wherever its offset stands by now."""

    async def _acquire(self, epoch: int) -> None:
        kept = {tp: (o.state, o.seen) for tp, o in self.owned.items() if o.state is not None}
        await super()._acquire(epoch)
        for tp, (state, seen) in kept.items():
            if tp in self.owned and self.owned[tp].live:
                self.owned[tp].state, self.owned[tp].seen = state, seen


class ReadsTheGenerationAgain(SmallEngine):
    """The generation is read at each commit: after a failed heartbeat it is the one that fences nothing."""

    async def _commit(self) -> None:
        if self._fence is not None:
            self._fence = self._seek.__self__.consumer.membership()  # type: ignore[attr-defined]
        await super()._commit()


class KeepsAbortedWork(SmallEngine):
    """After an abort only the position goes back; state and ids keep what was aborted."""

    def drop(self) -> None:
        self._epoch += 1
        self._outputs = []
        for owned in self.owned.values():
            owned.pos, owned.live = owned.done, False
            if owned.state is not None:
                owned.state.take()


class KeepsWhatWasMade(SimHost):
    """What was made beside a state outlives the state, and with it what was aborted."""

    def __init__(self, job: Job, *others: Any) -> None:
        kept = _Outliving()
        if job.ready is not None:
            job = msgspec.structs.replace(job, ready=kept.ready, step=kept.step)
        super().__init__(job, *others)


class _Outliving(Beside):
    def __init__(self) -> None:
        super().__init__()
        self._kept: list[dict[bytes, Level]] = []

    def ready(self, state: State[Level]) -> None:
        super().ready(state)
        for before in self._kept:
            self._made[state].update(before)
        self._kept.append(self._made[state])


class NotReady(SmallEngine):
    """Only the first assignment makes what stands beside the states."""

    _once = False

    async def _ready(self, states: Mapping[TP, State[Any]], epoch: int) -> None:
        if not self._once:
            self._once = True
            await super()._ready(states, epoch)


class MarksOutside(SimLog):
    """Ids are written at once, outside the transaction that commits their events."""

    async def transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        records = list(records)
        for tp, key, value in self._sent([r for r in records if r.topic == "marks"]):
            await self._call(partial(self.broker.append_plain, tp, key, value))
        await super().transact([r for r in records if r.topic != "marks"], offsets, fence)


class DropsPending(SmallEngine):
    """Revocation neither commits nor keeps what is pending. Harmless: the offset says that it was never done."""

    async def revoke(self) -> None:
        for owned in self.owned.values():
            owned.live = False
        if self._committer:
            self._committer.cancel()
        async with self._lock:
            self.drop()
        self._fence = None


PLANTS = (
    Plant("offsets committed before outputs", Kit(log=OffsetsFirst), scripts.killed_after_the_first_commit),
    Plant(
        "pending work flushed after the next assignment", Kit(engine=FlushesLater), scripts.joined_while_work_is_pending
    ),
    Plant("two owners not fenced", Kit(log=Unfenced), scripts.stopped_before_a_transaction),
    Plant("committed offsets read while pending", Kit(log=ReadsPendingOffsets), scripts.stopped_with_pending_offsets),
    Plant(
        "restore to the last stable offset",
        Kit(log=RestoresToTheStableOffset),
        scripts.replaced_before_the_state_is_marked,
    ),
    Plant("de-duplication forgotten at restart", Kit(log=ForgetsIds), scripts.killed_then_everything_again),
    Plant("offset + 1", Kit(log=OffByOne), scripts.killed_after_the_first_commit),
    Plant("state kept on revoke", Kit(engine=KeepsState), scripts.came_back_to_a_partition_that_moved_on),
    Plant("generation read again at commit", Kit(engine=ReadsTheGenerationAgain), scripts.expelled_with_pending_work),
    Plant("state kept after an abort", Kit(engine=KeepsAbortedWork), scripts.refused_once),
    Plant("what was made beside a state kept over a drop", Kit(host=KeepsWhatWasMade), scripts.refused_once),
    Plant("nothing made beside a state after the first assignment", Kit(engine=NotReady), scripts.refused_once),
    Plant("marks outside the transaction", Kit(log=MarksOutside), scripts.killed_with_an_open_transaction),
)


def violations(plant: Plant, seed: int) -> list[str]:
    """What the plant's script finds with the plant."""
    return World(seed, plant.script(), plant.kit).run().violations


def caught(seed: int) -> int:
    """How many of the plants are caught with this seed."""
    return sum(bool(violations(plant, seed)) for plant in PLANTS)
