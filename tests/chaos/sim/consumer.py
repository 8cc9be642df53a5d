"""The part of aiokafka's consumer that the host leans on: its coordination, its heartbeats, its prefetching fetcher.

Kept from aiokafka: eager rebalancing with the callbacks in its order, heartbeats during the revocation and not during the
assignment, a generation that is reset when a heartbeat fails, exceptions of listeners that are swallowed, fetches that are
dropped when the position has moved. Worse than aiokafka: now and then a run that is stale, or was delivered before, is
delivered all the same.
"""

import asyncio
from collections.abc import Awaitable
from random import Random
from typing import Any, Protocol

from pipelines.batch.engine import TP, Fence
from pipelines.batch.job import Run
from tests.chaos.sim.broker import Broker, Fatal, Fetched
from tests.chaos.sim.group import Unfit

RETRY_S = 0.1
STALE = 0.5  # so often a fetch that came too late is kept, and again so often it is delivered
TWICE = 0.02  # so often a run is delivered again


class Listener(Protocol):
    async def on_partitions_revoked(self) -> None:
        """Comes before the join request."""

    async def on_partitions_assigned(self, assigned: list[TP]) -> None:
        """Comes after the join; no heartbeats are sent until it returns."""


class Consumer:
    """A member of a group in one process."""

    def __init__(self, broker: Broker, group: str, instance: str | None, listener: Listener, random: Random) -> None:
        self.group = broker.groups[group]
        self.generation, self.member, self.instance = -1, "", instance
        self.positions: dict[TP, int | None] = {}  # a new object for each assignment
        self.error: Exception | None = None
        self.silent_until = 0.0  # heartbeats get lost, while everything else goes through
        self._broker = broker
        self._call = broker.network.call
        self._listener = listener
        self._random = random
        self._records: dict[TP, tuple[dict[TP, int | None], Run]] = {}
        self._rejoin = asyncio.Event()
        self._rejoin.set()
        self._prepared = self._reassigning = self._closing = False
        self._data, self._consumed = asyncio.Event(), asyncio.Event()
        self._heart: asyncio.Task[None] | None = None
        self._tasks = [asyncio.ensure_future(self._coordinate()), asyncio.ensure_future(self._fetch_on())]

    # -- the group -----------------------------------------------------------------------------------------------------

    def membership(self) -> Fence:
        return Fence(self.generation, self.member, self.instance)

    def request_rejoin(self) -> None:
        self._rejoin.set()

    def _reset_generation(self) -> None:
        self.generation, self.member = -1, ""
        self.request_rejoin()

    async def _coordinate(self) -> None:
        try:
            while not self._closing:
                await self._rejoin.wait()
                if not self._closing:
                    await self._join()
        except Exception as error:
            self.error = error
            self._data.set()

    async def _join(self) -> None:
        if not self._prepared:
            self._reassigning = True
            await _told(self._listener.on_partitions_revoked())
            self._prepared = True
        if self._heart is not None:
            self._heart.cancel()
        try:
            member = self.member
            self.generation, self.member = await self._call(lambda: self.group.join(member, self.instance))
            joined = self.membership()
            tps = await self._call(lambda: self.group.sync(joined.member, joined.generation))
        except Unfit as error:
            if error.code == "FENCED_INSTANCE_ID":
                raise Fatal(error.code) from None
            if error.code in ("UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION"):
                self._reset_generation()
            await asyncio.sleep(RETRY_S)
            return
        self._rejoin.clear()
        self.positions = dict.fromkeys(tps)
        self._reassigning = False
        self._consumed.set()
        refresh = asyncio.ensure_future(self._refresh(self.positions))
        await _told(self._listener.on_partitions_assigned(list(tps)))
        self._prepared = False
        self._tasks = [t for t in self._tasks if not t.done()] + [refresh]
        self._heart = asyncio.ensure_future(self._beat())

    async def _beat(self) -> None:
        pause = self.group.session_s / 5
        while self.member:
            await asyncio.sleep(pause)
            if asyncio.get_running_loop().time() < self.silent_until:
                continue
            who = self.membership()
            try:
                await self._call(lambda who=who: self.group.heartbeat(who.member, who.generation))
            except Unfit as error:
                if error.code == "REBALANCE_IN_PROGRESS":
                    self.request_rejoin()
                else:
                    self._reset_generation()

    async def stop(self) -> None:
        """As aiokafka closes: let the coordination finish what it is at, stop the heart, leave if not static."""
        self._closing = True
        self._rejoin.set()
        await self._tasks[0]
        for task in [*self._tasks, self._heart]:
            if task is not None:
                task.cancel()
        if self.member and self.instance is None:
            member = self.member
            await self._call(lambda: self.group.leave(member))

    # -- fetching ------------------------------------------------------------------------------------------------------

    async def _refresh(self, positions: dict[TP, int | None]) -> None:
        # aiokafka reads committed offsets without asking for stable ones: its own positions are not to be trusted.
        found = await self._call(lambda: self.group.committed(list(positions), stable=False))
        for tp, offset in found.items():
            if positions[tp] is None:
                positions[tp] = offset
        self._consumed.set()

    def seek(self, tp: TP, offset: int) -> None:
        if tp in self.positions:
            self.positions[tp] = offset
            self._records.pop(tp, None)
            self._consumed.set()

    async def _fetch_on(self) -> None:
        while not self._closing:
            self._consumed.clear()
            positions = self.positions
            wanted = {tp: at for tp, at in positions.items() if at is not None and tp not in self._records}
            if not wanted:
                await self._consumed.wait()
                continue
            limits = {tp: self._random.choice((1, 3, 10, 40)) for tp in wanted}
            wait_s = self._random.choice((0.03, 0.3))
            found = await self._call(lambda w=wanted, n=limits, s=wait_s: self._broker.fetch(w, n, s))
            for tp, fetched in found.items():
                if positions is self.positions and (positions[tp] == wanted[tp] or self._random.random() < STALE):
                    self._records[tp] = positions, _run(tp, fetched)
                    self._data.set()

    async def take_runs(self, timeout: float) -> list[Run]:
        """As fetch.take_runs: everything fetched, a run for each partition."""
        if self.error is not None:
            raise self.error
        if self._reassigning:
            await asyncio.sleep(0.01)
            return []
        if not self._records:
            self._data.clear()
            waiting = asyncio.ensure_future(self._data.wait())
            done, _ = await asyncio.wait([waiting], timeout=timeout)
            if not done:
                waiting.cancel()
                return []
        return [run for tp in sorted(self._records) if (run := self._take(tp)) is not None]

    def _take(self, tp: TP) -> Run | None:
        positions, run = self._records.pop(tp)
        self._consumed.set()
        if positions is self.positions and positions[tp] == run.start:
            positions[tp] = run.next
            if self._random.random() < TWICE:
                self._records[tp] = positions, run
            return run
        return run if self._random.random() < STALE else None


async def _told(callback: Awaitable[Any]) -> None:
    try:
        await callback
    except Exception:
        return  # aiokafka logs it, and goes on


def _run(tp: TP, fetched: Fetched) -> Run:
    entries = fetched.entries
    nothing: list[Any] = [()] * len(entries)
    keys, values = [e.key for e in entries], [e.value or b"" for e in entries]
    return Run(*tp, fetched.start, fetched.next, fetched.offsets, keys, values, [0] * len(entries), nothing)
