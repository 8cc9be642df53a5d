"""The commit protocol, host by host and broker by broker the same. In eight steps:

 1. Take a run of records, if it starts where this partition's position stands.
 2. Decode and validate: refusals become values.
 3. Prepare what needs the outside, then `step(state, events)` gives changes and outputs; nothing is sent yet.
 4. Begin a Kafka transaction.
 5. Send the outputs, and the last value of each changed state key.
 6. Add the input offsets, fenced by the group's generation as it was when the partitions were assigned.
 7. Commit.
 8. The changes are now the state.

After any failure all state in memory is suspect, because it holds what was aborted: it is dropped and read again from what
was committed. Assignment, revocation and the zombie are told in docs/runtime.md with the same words.

The engine lives in one event loop: `apply`, `assign` and `revoke` cannot race. It knows no Faust and no Kafka client.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from contracts.wire import Record, decoder
from pipelines.batch.distinct import Marks, Seen
from pipelines.batch.job import Effects, Headers, Job, Output, Run, State
from pipelines.batch.ticks import Part, parts

log = logging.getLogger(__name__)
_read_marks = decoder(Marks)

TP = tuple[str, int]
T = TypeVar("T")


class Produced(msgspec.Struct, frozen=True, gc=False):
    """A record to send: to `partition` when that is given (state, which belongs to a partition), else to that of `by`."""

    topic: str
    key: bytes
    record: Record | None
    headers: Headers = ()
    by: bytes = b""
    partition: int = -1


class Fence(NamedTuple):
    """Who we are in the group: read once when partitions are assigned, never again (the client resets it on failures)."""

    generation: int
    member: str
    instance: str | None


class Fenced(Exception):
    """The broker refused a transaction because the partitions have another owner. Nothing of it was committed."""


class Aborted(Exception):
    """A transaction failed and was aborted; the same owner may try again from what was committed."""


class Log(Protocol):
    """Kafka, as the engine needs it. The simulation has another one."""

    async def open(self) -> None:
        """Settle whatever an earlier process of this slot left open. Called once, before the group is joined."""

    async def committed(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Offsets to go on from. Waits while a transaction that may move them is open."""

    async def restore(self, topic: str, partitions: Iterable[int]) -> dict[int, dict[bytes, bytes]]:
        """The last committed value of each key, to the very end: waits while older transactions are open."""

    async def transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        """Steps 4 to 7. Raises `Fenced`, `Aborted`, or anything else, which ends the process."""


class Stats:
    """What one engine has done since it started. Plain numbers, written here and read by whoever shows them."""

    __slots__ = ("aborted", "batch", "commit_s", "fenced", "outputs", "records", "refused", "restore_s", "transactions")

    def __init__(self) -> None:
        self.records = self.outputs = self.refused = self.batch = 0
        self.transactions = self.aborted = self.fenced = 0
        self.commit_s = self.restore_s = 0.0


class Owned:
    """An input partition that is ours: `pos` is the next offset to apply, `done` the last one committed."""

    __slots__ = ("done", "live", "pos", "seen", "state", "time")

    def __init__(self) -> None:
        self.time = ""  # the last tick; RFC 3339 in UTC, spelt one way, so text compares as time
        self.seen: Seen | None = None
        self.pos = self.done = -1
        self.live = False
        self.state: State[Any] | None = None


class Engine:
    """Runs one job. The host feeds it runs, and tells it of assignments and revocations, from one event loop."""

    SLICE = 500  # records that go through all steps together: few enough to stay in the processor's cache
    MOST_PENDING = 50_000  # outputs held before `apply` waits for a commit: this bounds memory and pushes back
    CATCHING_UP = 10  # commit intervals to one commit while behind: a key that moved often meanwhile is written once

    def __init__(
        self,
        job: Job,
        log_: Log,
        *,
        interval_s: float,
        seek: Callable[[TP, int], None],
        ticked: Collection[str] = (),
    ) -> None:
        self.job = job
        self.log = log_
        self.interval_s = interval_s
        self.owned: dict[TP, Owned] = {}
        self.stats = Stats()
        self.failure: BaseException | None = None
        self.disturbed = asyncio.Event()  # fenced, or failed: the host must look
        self.behind = False  # the host says so: what waits is late already, and transactions may be longer
        self._seek = seek
        self._ticked = ticked
        self._epoch = 0
        self._fence: Fence | None = None
        self._outputs: list[Output] = []
        self._full = asyncio.Event()
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._committer: asyncio.Task[None] | None = None
        self._last_commit = 0.0
        self._decode = decoder(job.state.record) if job.state else None

    # -- assignment and revocation -------------------------------------------------------------------------------------

    def assign(self, tps: Iterable[TP], fence: Fence) -> None:
        """Take over `tps`. Returns at once; the partitions come alive when their state has been restored."""
        if fence.generation < 0:
            raise RuntimeError("assigned without a generation: such a commit would not be fenced at all")
        self._epoch += 1
        self._fence = fence
        kept = self.owned
        self.owned = {tp: kept.get(tp) or Owned() for tp in tps}
        self._spawn(self._acquire(self._epoch))

    async def _acquire(self, epoch: int) -> None:
        started = asyncio.get_running_loop().time()
        committed = await self.log.committed(self.owned)
        if epoch != self._epoch:
            return  # other partitions are ours by now; another of us takes care of them
        stale = {tp for tp, owned in self.owned.items() if not owned.done == owned.pos == committed[tp]}
        partitions = [p for _, p in stale]
        table, by = self.job.state, self.job.distinct
        topics = [wanted.topic for wanted in (table, by) if wanted and stale]
        read = dict(zip(topics, await asyncio.gather(*(self.log.restore(t, partitions) for t in topics)), strict=True))
        restored, marks = (read.get(wanted.topic, {}) if wanted else {} for wanted in (table, by))
        states = {tp: State(self._decode, restored[tp[1]]) for tp in sorted(stale)} if self._decode else {}
        await self._ready(states, epoch)
        if epoch != self._epoch:
            return  # the group moved on while we were reading: what was read may be old
        for tp, owned in self.owned.items():
            if tp in stale:
                owned.pos = owned.done = committed[tp]
                owned.state = states.get(tp)
                if by:
                    owned.seen = Seen(by)
                    owned.seen.restore(map(_read_marks, marks[tp[1]].values()))
            self._seek(tp, owned.pos)
            owned.live = True
        self.stats.restore_s = asyncio.get_running_loop().time() - started
        fields = {
            "job": self.job.name,
            "partitions": len(self.owned),
            "restored": len(stale),
            "seconds": self.stats.restore_s,
        }
        log.info("%(job)s: %(partitions)d partitions live, %(restored)d of them restored", fields, extra=fields)

    async def _ready(self, states: Mapping[TP, State[Any]], epoch: int) -> None:
        """A job with `ready` makes what stands beside each restored state, on a thread: heartbeats go out, however long it takes.

        Nobody else knows these states yet, so no lock is needed.
        """
        for state in states.values():
            if self.job.ready is None or epoch != self._epoch:
                return
            await self._aside(self.job.ready, state)

    async def _aside(self, work: Callable[[Any], T], about: Any) -> T:
        """Work that takes long, on a thread: heartbeats and the other jobs go on. The simulation, which has no threads, waits."""
        return await asyncio.to_thread(work, about)

    async def revoke(self) -> None:
        """Give everything up: commit what was applied while the old generation still may, then stop applying."""
        self._epoch += 1  # a restore that ends while we wait must not bring anything to life again
        for owned in self.owned.values():
            owned.live = False
        if self._committer:
            self._full.set()  # the whole group waits for us
            await asyncio.wait([self._committer])
        await self._commit()
        self._fence = None
        self._epoch += 1

    def drop(self) -> None:
        """Forget all state: it may hold what was aborted."""
        self._epoch += 1
        self._outputs = []
        self.owned = {tp: Owned() for tp in self.owned}

    # -- steps 1 to 3 --------------------------------------------------------------------------------------------------

    async def apply(self, run: Run) -> None:
        """Steps 1 to 3 for a fetched run. A run that does not start at our position is put back by seeking."""
        tp = (run.topic, run.partition)
        for piece in run.slices(self.SLICE):
            for part in parts(piece) if run.topic in self._ticked else (Part(piece),):
                owned = self.owned.get(tp)
                if owned is None or not owned.live:
                    return
                if part.run.start != owned.pos:
                    self._seek(tp, owned.pos)
                    return
                if self.job.slow:
                    events = await self._aside(self.job.prepare, part.run)
                    if self.owned.get(tp) is not owned or not owned.live or part.run.start != owned.pos:
                        return  # it was taken from us meanwhile; if it is ours again, it will be fetched again
                else:
                    events = self.job.prepare(part.run)
                self._apply(owned, part, events)
            self.commit_soon()
            await asyncio.sleep(0)
            if len(self._outputs) > self.MOST_PENDING and self._committer:
                self._full.set()
                await asyncio.wait([self._committer])

    def _apply(self, owned: Owned, part: Part, events: Sequence[Any]) -> None:
        if part.tick:
            effects = self._tick(owned, part.tick)
        else:
            if owned.seen is not None and self.job.late is not None:
                events, late = owned.seen.judge(events)
                if late:
                    self._outputs.extend(self.job.late(late))
            effects = self.job.step(owned.state, events)
        if owned.state is not None:
            owned.state.change(effects.changes)
        self._outputs.extend(effects.outputs)
        self.stats.records += len(part.run.offsets)
        owned.pos = part.run.next

    def _tick(self, owned: Owned, at: str) -> Effects:
        # The ticker writes none twice and none back in time; whoever else does changes nothing.
        if self.job.tick is None or at <= owned.time:
            return Effects({})
        owned.time = at
        return self.job.tick(owned.state, at)

    # -- steps 4 to 8 --------------------------------------------------------------------------------------------------

    def commit_soon(self) -> None:
        """Commit what is pending, at once or when the commit interval since the last commit has passed, or `_full` is set."""
        if self._committer is None or self._committer.done():
            self._committer = self._spawn(self._commit_when_due())

    async def _commit_when_due(self) -> None:
        loop = asyncio.get_running_loop()
        # Again, while there is more: what was applied during a transaction asked for a commit that was already under way.
        while self._fence is not None and any(owned.pos != owned.done for owned in self.owned.values()):
            interval_s = self.interval_s * self.CATCHING_UP if self.behind else self.interval_s
            if (left_s := self._last_commit + interval_s - loop.time()) > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), left_s)
            self._last_commit = loop.time()
            await self._commit()

    async def _commit(self) -> None:
        async with self._lock:
            fence, offsets = self._fence, {tp: o.pos for tp, o in self.owned.items() if o.pos != o.done}
            if not offsets or fence is None:
                return
            records = self._take_records()
            started = asyncio.get_running_loop().time()
            try:
                await self.log.transact(records, offsets, fence)
            except Fenced as error:
                self.stats.fenced += 1
                log.warning("%s: fenced: %s", self.job.name, error, extra={"job": self.job.name})
                self.drop()
                self._fence = None
                self.disturbed.set()
            except Aborted as error:
                self.stats.aborted += 1
                log.warning("%s: transaction aborted: %s", self.job.name, error, extra={"job": self.job.name})
                self.drop()
                self._spawn(self._acquire(self._epoch))
            else:
                for tp, pos in offsets.items():
                    self.owned[tp].done = pos
                self._count(records, asyncio.get_running_loop().time() - started)

    def _count(self, records: list[Produced], seconds: float) -> None:
        stats = self.stats
        stats.transactions += 1
        stats.commit_s, stats.batch = seconds, len(records)
        stats.outputs += len(records)
        stats.refused += sum(1 for r in records if r.topic.startswith("dlq."))

    def _take_records(self) -> list[Produced]:
        outputs, self._outputs = self._outputs, []
        self._full.clear()
        records = [Produced(o.topic, o.key, o.record, o.headers, o.by) for o in outputs]
        for (_, p), owned in self.owned.items():
            if owned.seen is not None and self.job.distinct is not None:
                # The position names the record: it grows with every transaction, so no two share a key.
                records += [
                    Produced(self.job.distinct.topic, f"{owned.pos}|{m.generation}".encode(), m, partition=p)
                    for m in owned.seen.take()
                ]
            if owned.state is not None and self.job.state is not None:
                topic = self.job.state.topic
                records += [Produced(topic, key, value, (), b"", p) for key, value in owned.state.take().items()]
        return records

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        # A worker that owns partitions and does not work on them is worse than none: any surprise ends the process.
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failure = task.exception()
            self.disturbed.set()
