"""Moments of the engine that a storm hits once in thousands of runs, or never: set up by hand, on a log with a gate."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from pipelines.batch.engine import TP, Engine, Fence, Produced
from pipelines.batch.job import Run
from tests.chaos.sim.jobs import stock

FIRST, SECOND = ("moves", 0), ("moves", 1)


class GatedLog:
    """A log in which nothing was ever committed; reading it waits for the gate."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.sent: list[Produced] = []

    async def open(self) -> None:
        """Nothing is open."""

    async def committed(self, tps: Iterable[TP]) -> dict[TP, int]:
        asked = list(tps)
        await self.gate.wait()
        return dict.fromkeys(asked, 0)

    async def restore(self, topic: str, partitions: Iterable[int]) -> dict[int, dict[bytes, bytes]]:
        asked = list(partitions)
        await self.gate.wait()
        return {p: {} for p in asked}

    async def transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        self.sent += [r for r in records if r.topic == "changes"]


class Gated(Engine):
    """Work on a thread waits for a gate of its own, which is open."""

    thread: asyncio.Event
    done = 0

    async def _aside(self, work: Any, about: Any) -> Any:
        await self.thread.wait()
        self.done += 1
        return work(about)


def engine_on(log: GatedLog) -> Gated:
    engine = Gated(stock(10**9), log, interval_s=0.0, seek=lambda _tp, _offset: None)
    engine.thread = asyncio.Event()
    engine.thread.set()
    return engine


def moves(tp: TP, start: int, end: int) -> Run:
    rows = [{"v": 1, "n": n, "id": f"{n:032x}", "key": "k", "quantity": 1, "at": n} for n in range(start, end)]
    nothing: list[tuple[tuple[str, bytes], ...]] = [()] * len(rows)
    values = [json.dumps(row).encode() for row in rows]
    return Run(*tp, start, end, list(range(start, end)), [b"k"] * len(rows), values, [0] * len(rows), list(nothing))


async def a_moment() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_restore_that_ends_in_the_moment_of_a_revocation_brings_nothing_to_life() -> None:
    async def scene() -> None:
        log = GatedLog()
        engine = engine_on(log)
        log.gate.set()
        engine.assign([FIRST], Fence(1, "m", None))
        await a_moment()
        await engine.apply(moves(FIRST, 0, 2))
        await a_moment()
        await engine.revoke()
        engine.assign([], Fence(2, "m", None))  # somebody else has it for a while
        await engine.revoke()

        log.gate.clear()
        engine.assign([FIRST], Fence(3, "m", None))
        await a_moment()
        log.gate.set()  # the last reply arrives in the turn of the loop in which the group revokes
        await engine.revoke()
        await engine.apply(moves(FIRST, 0, 2))  # and so does a fetch
        engine.assign([SECOND], Fence(4, "m", None))
        await a_moment()
        await engine.apply(moves(SECOND, 0, 1))
        await a_moment()
        assert len(log.sent) == 3, "work of a partition that was given up went out with the next assignment"

    asyncio.run(scene())


def test_a_restore_that_is_overtaken_by_another_assignment_ends_quietly() -> None:
    async def scene() -> None:
        log = GatedLog()
        engine = engine_on(log)
        engine.assign([FIRST], Fence(1, "m", None))
        await a_moment()
        await engine.revoke()
        engine.assign([FIRST, SECOND], Fence(2, "m", None))
        log.gate.set()
        await a_moment()
        assert engine.failure is None
        assert all(owned.live for owned in engine.owned.values())

    asyncio.run(scene())


def test_what_is_made_beside_a_state_that_was_taken_from_us_meanwhile_brings_nothing_to_life() -> None:
    async def scene() -> None:
        log = GatedLog()
        engine = engine_on(log)
        log.gate.set()
        engine.thread.clear()
        engine.assign([FIRST, SECOND], Fence(1, "m", None))
        await a_moment()
        assert not any(owned.live for owned in engine.owned.values())
        await engine.revoke()
        engine.assign([SECOND], Fence(2, "m", None))
        await a_moment()
        engine.thread.set()
        await a_moment()
        assert engine.failure is None
        assert [tp for tp, owned in engine.owned.items() if owned.live] == [SECOND]
        assert engine.done == 2, "the first assignment went on after it was taken back"
        await engine.apply(moves(SECOND, 0, 1))
        await a_moment()
        assert len(log.sent) == 1

    asyncio.run(scene())


def test_a_revocation_commits_at_once_however_long_the_interval_is() -> None:
    async def scene() -> None:
        log = GatedLog()
        engine = engine_on(log)
        log.gate.set()
        engine.assign([FIRST], Fence(1, "m", None))
        await a_moment()
        engine.interval_s = 3_600.0
        await engine.apply(moves(FIRST, 0, 2))
        await a_moment()
        engine._last_commit = asyncio.get_running_loop().time()
        await engine.apply(moves(FIRST, 2, 4))
        await asyncio.wait_for(engine.revoke(), 5)
        assert len(log.sent) == 4

    asyncio.run(scene())
