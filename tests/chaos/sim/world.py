"""The world of one run: a broker, workers under a supervisor, a feed, a storm, and the judgement at the end."""

import asyncio
import hashlib
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from contracts.ticks import KEY
from pipelines.batch.engine import Engine
from pipelines.batch.job import Job
from tests.chaos.sim import oracle
from tests.chaos.sim.broker import TP, Broker, Entry, Fatal
from tests.chaos.sim.group import Group
from tests.chaos.sim.host import SimHost, SmallEngine
from tests.chaos.sim.jobs import COMPACTED, TOPICS, chain, stock
from tests.chaos.sim.log import SimLog
from tests.chaos.sim.loop import Network, Process, VirtualLoop
from tests.chaos.sim.plan import Plan, Rule
from tests.chaos.sim.storm import storm

DRAIN_S = 90.0  # of virtual time: by then everything has to be done once the faults have stopped
REST_S = 3.0  # of virtual time: so long it has to stay done, because a zombie's transaction may still be on its way


@dataclass(frozen=True)
class Kit:
    """The classes of which workers are made. A planted bug is a kit with one of them replaced."""

    engine: type[Engine] = SmallEngine
    log: type[SimLog] = SimLog
    host: type[SimHost] = SimHost


@dataclass
class Outcome:
    """`trace` is a hash of everything that happened, in order; `lines` are its words, when they were asked for."""

    seed: int
    violations: list[str]
    trace: str
    virtual_s: float
    lines: list[str] = field(default_factory=list)


class Worker:
    """A process with a host for each job."""

    def __init__(self, world: "World", slot: str, number: int) -> None:
        self.world = world
        self.slot = slot
        self.name = f"{slot}#{number}"
        self.process = Process(world.loop, self.name)
        self.hosts = [self._host(job) for job in world.jobs]
        for host in self.hosts:
            self.process.run(host.run(Random(world.random.random()), self.ended))

    def _host(self, job: Any) -> SimHost:
        async def at(step: str) -> None:
            self.world.note(self.name, job.name, step)
            if self.world.pass_step(self, job.name, step):
                await asyncio.sleep(0)  # where a kill or a stop takes hold

        world, plan = self.world, self.world.plan
        log = world.kit.log(world.broker, job.group, self.slot, at, Random(world.random.random()))
        instance = f"{job.name}-{self.slot}" if plan.static else None
        return world.kit.host(job, world.broker, log, world.kit.engine, instance, plan.interval_s, at)

    def ended(self, error: BaseException) -> None:
        """The process ends itself: allowed when the client is beyond repair, a bug of the runtime otherwise."""
        if not self.process.alive:
            return
        self.world.note(self.name, "ended", repr(error))
        if not isinstance(error, Fatal):
            self.world.observer.violations.append("a worker died: " + "".join(traceback.format_exception(error)))
        self.kill()

    def kill(self, back_in_s: float | None = None) -> None:
        """Dead at once; the supervisor starts its slot again unless another process holds it by now."""
        self.process.kill()
        if self.world.current.get(self.slot) is self:
            delay = self.world.random.choice((0.1, 0.5, 1.5)) if back_in_s is None else back_in_s
            self.world.later(delay, self.world.start_again, self)

    def pause(self, seconds: float) -> None:
        if self.process.alive and self.process.parked is None:
            self.process.stop()
            self.world.later(seconds, self.process.resume)

    async def leave(self) -> None:
        await asyncio.gather(*(host.stop(self.world.plan.session_s) for host in self.hosts))
        self.process.kill()


class World:
    """Everything of one run. `run` may be called once. A world of other jobs says what is different about it."""

    INPUT = "moves"
    TOPICS: tuple[str, ...] = TOPICS
    COMPACTED: tuple[str, ...] = COMPACTED

    def __init__(self, seed: int, plan: Plan, kit: Kit = Kit(), keep_lines: bool = False) -> None:
        self.seed = seed
        self.plan = plan
        self.kit = kit
        self.random = Random(f"world {seed}")
        self.loop = VirtualLoop(Random(f"loop {seed}"))
        self.network = Network(self.loop, Random(f"network {seed}"))
        self.observer = oracle.Observer()
        self.truth = oracle.Truth()
        self.jobs = self._jobs()
        counts = dict.fromkeys(self.TOPICS, plan.partitions) | {"changes": 2}
        self.broker = Broker(
            self.loop,
            self.network,
            counts,
            self._observe,
            plan.delivery_s or self._delivery,
            plan.transaction_timeout_s,
        )
        for job in self.jobs:
            tps = [(topic, p) for topic in job.inputs for p in range(counts[topic])]
            self.broker.groups[job.group] = Group(self.loop, tps, plan.session_s, self._moved(job.group))
        self.rules: list[Rule] = list(plan.rules)
        self.workers: list[Worker] = []
        self.current: dict[str, Worker] = {}  # the process that the supervisor keeps, by slot
        self._started = 0
        self._ticks = 0
        self._dice = Random(f"ticks {seed}")
        self._keep = keep_lines
        self._lines: list[str] = []
        self._hash = hashlib.blake2b(digest_size=16)

    def _jobs(self) -> list[Job]:
        return [stock(self.plan.horizon_s)] if self.plan.kind == "stock" else list(chain())

    # -- watching ------------------------------------------------------------------------------------------------------

    def note(self, *words: object) -> None:
        line = f"{self.loop.now:9.4f} " + " ".join(map(str, words))
        self._hash.update(line.encode())
        if self._keep:
            self._lines.append(line)

    def _observe(self, topic: str, partition: int, offset: int, entry: Entry) -> None:
        self.note("visible", f"{topic}/{partition}@{offset}", entry.key, entry.value)
        self.observer.record(topic, partition, offset, entry.key, entry.value)

    def _moved(self, group: str) -> Callable[[TP, int, int], None]:
        def moved(tp: TP, before: int, after: int) -> None:
            self.note("committed", group, tp, before, "to", after)
            self.observer.moved(group, tp, before, after)

        return moved

    def _delivery(self, _topic: str) -> float:
        luck = self.random.random()
        return self.random.randint(1, 10 if luck < 0.85 else 300 if luck < 0.98 else 4000) / 1000

    # -- workers -------------------------------------------------------------------------------------------------------

    def start(self, slot: str) -> Worker:
        self._started += 1
        worker = Worker(self, slot, self._started)
        self.note(worker.name, "starts")
        self.workers = [w for w in self.workers if w.process.alive] + [worker]
        self.current[slot] = worker
        return worker

    def start_again(self, dead: Worker) -> None:
        if self.current.get(dead.slot) is dead:
            self.start(dead.slot)

    def leave(self, slot: str) -> None:
        """A clean stop; the slot is not filled again."""
        worker = self.current.pop(slot)
        worker.process.run(worker.leave())

    def pass_step(self, worker: Worker, job: str, step: str) -> bool:
        """Fire the rules that are due. True when there was one."""
        due = [rule for rule in self.rules if rule.due(worker.slot, job, step)]
        for rule in due:
            self.note(worker.name, job, step, "->", getattr(rule.do, "__name__", "fault"))
            self.rules.remove(rule)
            rule.do(self, worker)
        return bool(due)

    def later(self, delay_s: float, do: Callable[..., object], *args: Any) -> None:
        """Do something as the world, whoever asks: a dead worker's timers do not fire."""
        self.loop.call_later(delay_s, do, *args, context=self.network.context)

    # -- the run -------------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        with _quiet():
            self.loop.run_until_complete(self._main())
            outcome = Outcome(self.seed, self._judge(), self._hash.hexdigest(), self.loop.now, self._lines)
            self.loop.close()
        return outcome

    async def _main(self) -> None:
        for slot in self.plan.slots:
            self.start(slot)
        for at, do in self.plan.at:
            self.later(at, do, self)
        await asyncio.gather(self._feed(), storm(self))
        last = max((at for at, _ in self.plan.at), default=0.0)
        await asyncio.sleep(max(0.0, last - self.loop.now))
        if self.plan.storm_s:
            self._calm()
        deadline, done_at = self.loop.now + DRAIN_S, self.loop.now
        while self.loop.now < min(deadline, done_at + REST_S) and not self.observer.violations:
            await asyncio.sleep(0.25)
            if self._undone():
                done_at = self.loop.now

    async def _feed(self) -> None:
        epoch = await self.broker.init("upstream")
        for at, partition, record, committed in self.plan.feed:
            await asyncio.sleep(max(0.0, at - self.loop.now))
            tp, value = (self.INPUT, partition), json.dumps(record).encode()
            if committed:
                self.truth.add(partition, record)
            if committed and self.random.random() >= self.plan.transactional:
                self.broker.append(tp, Entry(record["key"].encode(), value))
                self._tick()
                continue
            transaction = await self.broker.begin("upstream", epoch)
            self.broker.append(tp, Entry(record["key"].encode(), value, transaction))
            await asyncio.sleep(self.random.choice((0.0, 0.01, 0.3)))
            self.broker._decide(transaction, committed)

    def _tick(self) -> None:
        """Now and then it is a second later, in every partition; sometimes somebody says so twice, or what was before."""
        if self._dice.random() >= self.plan.ticked:
            return
        self._ticks += 1
        for at in [self._ticks, *self._dice.choices((self._ticks, self._ticks - 1), k=self._dice.randrange(3))]:
            for partition in range(self.plan.partitions):
                time = f"2026-01-01T00:{at // 60:02d}:{at % 60:02d}Z"
                self.truth.tick(partition, at)
                self.broker.append(("moves", partition), Entry(KEY, json.dumps({"v": 1, "at": time}).encode()))

    def _calm(self) -> None:
        """The faults stop: nobody is paused, refused or slow any more, and no rule is left."""
        self.note("calm")
        self.rules = []
        self.broker.hiccups = self.broker.lost_replies = 0
        for worker in self.workers:
            worker.process.resume()
            worker.process.lag_s = 0.0
            for host in worker.hosts:
                host.log.slow_s = 0.0

    def _undone(self) -> list[str]:
        undone = ["a transaction is open"] if self.broker.open_transactions() else []
        for name, group in self.broker.groups.items():
            for tp in group.tps:
                at, end = group.offsets.get(tp, 0), self.broker.logs[tp].high
                if at != end:
                    undone.append(f"{name} stands at {at} of {end} in {tp[0]}/{tp[1]}")
        return undone

    def _judge(self) -> list[str]:
        observer = self.observer
        if observer.violations:
            return observer.violations
        if undone := self._undone():
            return [f"not done {DRAIN_S:.0f} s after the last fault: {u}" for u in undone]
        return self._differences()

    def _differences(self) -> list[str]:
        """How what came out differs from the truth."""
        observer = self.observer
        if self.plan.kind == "stock":
            levels, changes = self.truth.stock(self.plan.horizon_s)
            return oracle.differences(observer.levels["levels"], levels) + oracle.unequal(observer.changes, changes)
        sums, parts = self.truth.chain()
        found = oracle.Counter(change[:2] for change in observer.changes.elements())
        return oracle.differences(observer.levels["sums"], sums) + oracle.unequal(found, parts)

    def compact(self) -> None:
        for (topic, _), log in self.broker.logs.items():
            if topic in self.COMPACTED:
                log.compact()


@contextmanager
def _quiet() -> Iterator[None]:
    # The engine rightly warns of each fault that is thrown at it.
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
