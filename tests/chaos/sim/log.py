"""The engine's `Log` over the fake broker: the same order of operations, and the same named steps, as kafka_log.KafkaLog."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from random import Random
from typing import Any

from contracts.keys import partition
from contracts.wire import encode
from pipelines.batch.engine import TP, Aborted, Fence, Fenced, Produced
from tests.chaos.sim.broker import Broker, Fatal, Refused, Transaction
from tests.chaos.sim.group import Unfit

FENCING = {"ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID", "REBALANCE_IN_PROGRESS"}
Sent = tuple[TP, bytes, bytes | None]
At = Callable[[str], Awaitable[None]]


class SimLog:
    """See `engine.Log` for the promises. `at` is called at each named step and may stop or kill the process there."""

    STABLE = True  # committed offsets are read with require_stable
    TO_THE_END = True  # restore reads to the high watermark, not to the last stable offset

    def __init__(self, broker: Broker, group: str, slot: str, at: At, random: Random) -> None:
        self.broker = broker
        self.group = group
        self.at = at
        self.slow_s = 0.0  # so long rests each round of a restore
        self._tid = f"{group}-{slot}"
        self._epoch = -1
        self._broken = False
        self._random = random
        self._call = broker.network.call

    # -- writing -------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        self._epoch = await self._call(lambda: self.broker.init(self._tid))

    async def transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        if self._broken:
            raise Fatal("a producer that failed for good is not used again")
        await self.at("before begin")
        transaction = await self._fatal_or(lambda: self.broker.begin(self._tid, self._epoch))
        sending = asyncio.ensure_future(self._send(transaction, self._sent(records)))
        try:
            await self.at("after produce")
            await self._fatal_or(lambda: self.broker.add_offsets(transaction, self.group, offsets, tuple(fence)))
            await self.at("after offsets")
            await sending
            await self._fatal_or(lambda: self.broker.end(transaction, commit=True))
            await self.at("after commit")
        except Refused as error:
            await self._abort(transaction, sending, error)

    async def _abort(self, transaction: Transaction, sending: "asyncio.Task[None]", error: Refused) -> None:
        sending.cancel()
        while True:
            try:
                await self._fatal_or(lambda: self.broker.end(transaction, commit=False))
                break
            except Refused:
                continue
        raise (Fenced if error.code in FENCING else Aborted)(error.code)

    async def _fatal_or(self, request: Callable[[], Any]) -> Any:
        try:
            return await self._call(request)
        except Fatal:
            self._broken = True
            raise

    async def _send(self, transaction: Transaction, records: list[Sent]) -> None:
        # librdkafka sends in the background, in batches: what is produced may be on its way for a while.
        while records:
            size = self._random.randint(1, max(1, len(records)))
            batch, records = records[:size], records[size:]
            await self._fatal_or(lambda batch=batch: self.broker.produce(transaction, batch))

    def _sent(self, records: Iterable[Produced]) -> list[Sent]:
        # State keys come out of a set, in an order that differs between Python processes: sorted, they do not matter.
        state: list[Sent] = []
        outputs: list[Sent] = []
        for r in records:
            value = None if r.record is None else encode(r.record)
            to = r.partition if r.partition >= 0 else partition(r.by, self.broker.counts[r.topic])
            (state if r.partition >= 0 else outputs).append(((r.topic, to), r.key, value))
        return outputs + sorted(state, key=lambda sent: sent[:2])

    async def rest(self) -> None:
        """As long as a thread of the worker may take: nothing or a moment, and longer where restores are slow."""
        await asyncio.sleep(self.slow_s + self._random.choice((0.0, 0.001, 0.05)))

    # -- reading -------------------------------------------------------------------------------------------------------

    async def committed(self, tps: Iterable[TP]) -> dict[TP, int]:
        wanted = sorted(tps)
        while True:
            try:
                found = await self._call(lambda: self.broker.groups[self.group].committed(wanted, self.STABLE))
                break
            except Unfit:
                await asyncio.sleep(0.05)
        await self.at("after committed")
        return found

    async def restore(self, topic: str, partitions: Iterable[int]) -> dict[int, dict[bytes, bytes]]:
        positions = dict.fromkeys(sorted(partitions), 0)
        values: dict[int, dict[bytes, bytes]] = {p: {} for p in positions}
        ends = await self._call(lambda: self._ends(topic, list(positions)))
        while any(positions[p] < ends[p] for p in positions):
            before = dict(positions)
            await self._read(topic, positions, ends, values)
            await self.at("in restore")
            await asyncio.sleep(self.slow_s + (0.05 if positions == before else 0))
        return values

    async def _read(
        self, topic: str, positions: dict[int, int], ends: dict[int, int], values: dict[int, dict[bytes, bytes]]
    ) -> None:
        limit = self._random.choice((20, 200))
        unread = {p: at for p, at in positions.items() if at < ends[p]}
        found = await self._call(lambda: {p: self.broker.logs[topic, p].read(at, limit) for p, at in unread.items()})
        for p, fetched in found.items():
            positions[p] = fetched.next
            for entry in fetched.entries:
                if entry.value is None:
                    values[p].pop(entry.key, None)
                else:
                    values[p][entry.key] = entry.value

    def _ends(self, topic: str, partitions: list[int]) -> dict[int, int]:
        logs = {p: self.broker.logs[topic, p] for p in partitions}
        return {p: log.high if self.TO_THE_END else log.stable for p, log in logs.items()}
