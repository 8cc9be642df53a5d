"""One job in one process: faust_host's Listener and JobService, over the fake broker."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from pipelines.batch.engine import TP, Engine
from pipelines.batch.job import Job
from tests.chaos.sim.broker import Broker
from tests.chaos.sim.consumer import Consumer
from tests.chaos.sim.log import At, SimLog

CATCHING_UP = 0.2  # of all takes are said to be far behind


class SmallEngine(Engine):
    """The real engine, with limits that a few events reach."""

    SLICE = 3
    MOST_PENDING = 12
    CATCHING_UP = 3
    log: SimLog

    async def _aside(self, work: Callable[[Any], Any], about: Any) -> Any:
        """Virtual time has no threads: whatever may happen beside the work happens before it, or after it."""
        await self.log.at("in ready")
        await self.log.rest()
        done = work(about)
        await self.log.rest()
        return done


class SimListener:
    def __init__(self, host: "SimHost") -> None:
        self._host = host

    async def on_partitions_revoked(self) -> None:
        await self._host.at("in revoke")
        await self._host.engine.revoke()
        await self._host.at("after revoke")

    async def on_partitions_assigned(self, assigned: list[TP]) -> None:
        self._host.engine.assign(assigned, self._host.consumer.membership())
        await self._host.at("after assign")


class SimHost:
    """As faust_host.JobService. `ended` is told the exception for which a real process would end itself."""

    engine: Engine
    consumer: Consumer

    def __init__(
        self,
        job: Job,
        broker: Broker,
        log: SimLog,
        engine: type[Engine],
        instance: str | None,
        interval_s: float,
        at: At,
    ) -> None:
        self.job = job
        self.log = log
        self.at = at
        self._broker = broker
        self._kind = engine
        self._instance = instance
        self._interval_s = interval_s
        self._stopping = False

    async def run(self, random: Random, ended: Callable[[BaseException], None]) -> None:
        """Settle, join and drain, until stopped."""
        try:
            await self.log.open()
            self.engine = self._kind(
                self.job, self.log, interval_s=self._interval_s, seek=self._seek, ticked=("moves",)
            )
            self.consumer = Consumer(self._broker, self.job.group, self._instance, SimListener(self), random)
            while not self._stopping:
                if self.engine.disturbed.is_set():
                    self._calm()
                runs = await self.consumer.take_runs(timeout=0.5)
                self.engine.behind = random.random() < CATCHING_UP
                for run in runs:
                    await self.engine.apply(run)
        except Exception as error:
            ended(error)

    async def stop(self, session_s: float) -> None:
        """A clean stop: commit what was applied, and leave."""
        self._stopping = True
        if not hasattr(self, "consumer"):
            return
        try:
            await asyncio.wait_for(self._leave(), timeout=session_s)
        except Exception:
            return  # bounded in time, and a failed commit is the same as none

    async def _leave(self) -> None:
        await self.engine.revoke()
        await self.consumer.stop()

    def _seek(self, tp: TP, offset: int) -> None:
        self.consumer.seek(tp, offset)

    def _calm(self) -> None:
        self.engine.disturbed.clear()
        if self.engine.failure is not None:
            raise self.engine.failure
        self.consumer.request_rejoin()
