"""Bugs that a worker can be given: subclasses of the real classes, put in their place in this process only.

Each is what somebody could write in good faith. The files of the runtime are not touched.
"""

from collections.abc import Iterable
from typing import Any, cast

from confluent_kafka import Consumer, Producer

from contracts.wire import encode
from pipelines.batch import faust_host, fetch
from pipelines.batch.engine import TP, Engine, Fence, Produced
from pipelines.batch.kafka_log import KafkaLog


class OffsetsFirst(KafkaLog):
    """Offsets are committed before the outputs, in a transaction of their own."""

    def _transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        super()._transact([], offsets, fence)
        super()._transact(records, {}, fence)


class FlushesLater(Engine):
    """Revocation commits nothing; what is pending goes out with the next assignment."""

    async def revoke(self) -> None:
        for owned in self.owned.values():
            owned.live = False
        async with self._lock:
            self._fence = None
        self._epoch += 1


class Unfenced(KafkaLog):
    """Offsets carry no generation and no member: the broker lets anybody commit."""

    def _transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        super()._transact(records, offsets, Fence(-1, "", None))


class ReadsPendingOffsets(KafkaLog):
    """Committed offsets are read without require_stable."""

    def _consumer(self, isolation: str, group: str) -> Consumer:
        return super()._consumer("read_uncommitted" if group == self._group else isolation, group)


class RestoresToTheStableOffset(KafkaLog):
    """A restore ends at the last stable offset rather than at the high watermark."""

    def _consumer(self, isolation: str, group: str) -> Consumer:
        return super()._consumer("read_committed" if group != self._group else isolation, group)


class ForgetsIds(KafkaLog):
    """De-duplication starts empty after a restart."""

    def _restore(self, topic: str, partitions: list[int]) -> dict[int, dict[bytes, bytes]]:
        return {p: {} for p in partitions} if topic.endswith(".marks") else super()._restore(topic, partitions)


class OffByOne(KafkaLog):
    """One too many is added to the offset."""

    def _transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        super()._transact(records, {tp: offset + 1 for tp, offset in offsets.items()}, fence)


class KeepsState(Engine):
    """State that is in memory is kept when a partition comes back, wherever its offset stands by now."""

    async def _acquire(self, epoch: int) -> None:
        kept = {tp: (o.state, o.seen) for tp, o in self.owned.items() if o.state is not None}
        await super()._acquire(epoch)
        for tp, (state, seen) in kept.items():
            if tp in self.owned and self.owned[tp].live:
                self.owned[tp].state, self.owned[tp].seen = state, seen


class KeepsAbortedWork(Engine):
    """After an abort only the position goes back; state and ids keep what was aborted."""

    def drop(self) -> None:
        self._epoch += 1
        self._outputs = []
        for owned in self.owned.values():
            owned.pos, owned.live = owned.done, False
            if owned.state is not None:
                owned.state.take()


class MarksOutside(KafkaLog):
    """Ids are written at once, outside the transaction that commits their events."""

    def _transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        records = list(records)
        outside = Producer(self._settings.librdkafka())
        for r in records:
            if r.topic.endswith(".marks"):
                outside.produce(r.topic, encode(r.record), r.key, r.partition)
        outside.flush(30)
        super()._transact([r for r in records if not r.topic.endswith(".marks")], offsets, fence)


class DropsPending(Engine):
    """Revocation neither commits nor keeps what is pending. Harmless: the offset says that it was never done."""

    async def revoke(self) -> None:
        for owned in self.owned.values():
            owned.live = False
        async with self._lock:
            self.drop()
            self._fence = None


class Now:
    """Who we are in the group at the moment somebody asks."""

    def __getattr__(self, name: str) -> Any:
        return getattr(fetch.membership(CLIENTS[-1]), name)


class ReadsTheGenerationAgain(KafkaLog):
    """The generation is read at each commit. Harmless for static members: their instance is checked in any case."""

    def _transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        super()._transact(records, offsets, cast(Fence, Now()))


CLIENTS: list[Any] = []


class Remembered(faust_host.Listener):
    """Lets a plant find the consumer."""

    def __init__(self, engine: Engine, client: object, at: object) -> None:
        super().__init__(engine, client, at)  # type: ignore[arg-type]
        CLIENTS.append(client)


PLANTS: dict[str, type[Engine] | type[KafkaLog]] = {
    "offsets committed before outputs": OffsetsFirst,
    "pending work flushed after the next assignment": FlushesLater,
    "two owners not fenced": Unfenced,
    "committed offsets read while pending": ReadsPendingOffsets,
    "restore to the last stable offset": RestoresToTheStableOffset,
    "de-duplication forgotten at restart": ForgetsIds,
    "offset + 1": OffByOne,
    "state kept on revoke": KeepsState,
    "state kept after an abort": KeepsAbortedWork,
    "marks outside the transaction": MarksOutside,
    "pending work dropped on revoke": DropsPending,
    "generation read again at commit": ReadsTheGenerationAgain,
}


def plant(name: str) -> None:
    """Put the bug into this process. Called before the host starts."""
    kind = PLANTS[name]
    setattr(faust_host, "Engine" if issubclass(kind, Engine) else "KafkaLog", kind)
    faust_host.Listener = Remembered  # type: ignore[misc]
