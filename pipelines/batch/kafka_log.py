"""Kafka as the engine sees it: one transactional producer for each job and slot, and readers of what is decided."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from connectors.kafka import patiently, span
from connectors.settings import Settings
from contracts.errors import Corrupt, NotReady
from contracts.keys import partition
from contracts.wire import encode
from pipelines.batch.engine import TP, Aborted, Fence, Fenced, Produced
from pipelines.batch.fence import group_metadata

log = logging.getLogger(__name__)
T = TypeVar("T")
At = Callable[[str], None]

TRANSACTION_TIMEOUT_MS = (
    10_000  # as the session timeout: what a dead owner left open blocks readers no longer than that
)
REQUEST_S = 30.0
RESTORE_S = 300.0
FENCING = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
}


def nothing(step: str) -> None:
    """The fault point of real life: it does nothing. Tests pass one that kills the process at a named step."""


class KafkaLog:
    """See `engine.Log` for the promises. Blocking calls run on threads of their own: one writes, one reads."""

    def __init__(self, settings: Settings, group: str, slot: str, at: At = nothing) -> None:
        self._settings = settings
        self._group = group
        self._at = at
        self._writer = ThreadPoolExecutor(1, thread_name_prefix=f"{group}-writer")
        self._reader = ThreadPoolExecutor(2, thread_name_prefix=f"{group}-reader")
        self._transactional_id = f"{group}-{slot}"
        self._producer: Producer | None = None
        self._counts: dict[str, int] = {}
        self._closing = False

    # -- writing -------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        await self._on(self._writer, self._open)

    def _open(self) -> None:
        self._producer = Producer(
            self._settings.librdkafka()
            | {
                "transactional.id": self._transactional_id,
                "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
                "enable.idempotence": True,
                # A transaction that begins before the broker has written the last one's markers is told to come again.
                # librdkafka would wait 100 ms; the markers take a few.
                "retry.backoff.ms": 5,
                "linger.ms": 100,
                "batch.num.messages": 10_000,
                "queue.buffering.max.messages": 1_000_000,
                "compression.type": "lz4",
                "message.max.bytes": 16 << 20,
            }
        )
        while True:
            try:
                self._producer.init_transactions(REQUEST_S)
                return
            except KafkaException as error:
                # Under load this times out; a half-opened worker must not join the group, so it goes on trying.
                if not error.args[0].retriable():
                    raise
                log.warning("%s: waiting for the transaction coordinator", self._transactional_id)

    async def transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        await self._on(self._writer, lambda: self._transact(records, offsets, fence))

    def _transact(self, records: Iterable[Produced], offsets: dict[TP, int], fence: Fence) -> None:
        producer = self._producer
        assert producer is not None, "open() comes first"
        try:
            self._at("before begin")
            producer.begin_transaction()  # Step 4
            self._produce(producer, records)  # Step 5
            self._at("after produce")
            moved = [TopicPartition(topic, p, offset) for (topic, p), offset in offsets.items()]
            producer.send_offsets_to_transaction(moved, group_metadata(self._group, fence), REQUEST_S)  # Step 6
            self._at("after offsets")
            producer.commit_transaction(REQUEST_S)  # Step 7
            self._at("after commit")
        except KafkaException as error:
            self._failed(producer, error.args[0])

    def _produce(self, producer: Producer, records: Iterable[Produced]) -> None:
        # Delivery errors need no callback: a record that cannot be delivered makes the commit fail.
        for i, r in enumerate(records):
            value = None if r.record is None else encode(r.record)
            to = r.partition if r.partition >= 0 else partition(r.by, self._count(r.topic))
            while True:
                try:
                    if r.headers:
                        producer.produce(r.topic, value, r.key, to, headers=list(r.headers))
                    else:
                        producer.produce(r.topic, value, r.key, to)
                    break
                except BufferError:
                    producer.poll(0.1)
            if not i % 10_000:
                producer.poll(0)

    def _count(self, topic: str) -> int:
        """How many partitions a topic has. Never changes while it exists: keys would change their owner."""
        if topic not in self._counts:
            assert self._producer is not None, "open() comes first"
            found = self._producer.list_topics(topic, REQUEST_S).topics[topic]
            if found.error is not None:
                raise NotReady(f"Topic {topic} does not exist.", "Create it: zhongtai topics apply")
            self._counts[topic] = len(found.partitions)
        return self._counts[topic]

    def _failed(self, producer: Producer, error: KafkaError) -> None:
        if error.fatal() or not (error.txn_requires_abort() or error.retriable()):
            raise KafkaException(error)
        producer.abort_transaction(REQUEST_S)
        if error.code() in FENCING:
            raise Fenced(error.str())
        raise Aborted(error.str())

    # -- reading -------------------------------------------------------------------------------------------------------

    async def committed(self, tps: Iterable[TP]) -> dict[TP, int]:
        wanted = list(tps)
        return await self._on(self._reader, lambda: self._committed(wanted))

    def _committed(self, tps: list[TP]) -> dict[TP, int]:
        # read_committed makes librdkafka ask for stable offsets: it waits while a transaction that moves them is open.
        consumer = self._consumer("read_committed", self._group)
        try:
            wanted = [TopicPartition(t, p) for t, p in tps]
            found = patiently(lambda: consumer.committed(wanted, timeout=REQUEST_S))
            self._at("after committed")
            return {(tp.topic, tp.partition): self._known(consumer, tp) for tp in found}
        finally:
            consumer.close()

    def _known(self, consumer: Consumer, tp: TopicPartition) -> int:
        low, _ = span(consumer, tp.topic, tp.partition)
        if tp.offset == OFFSET_INVALID:
            return int(low)
        if tp.offset < low:
            raise Corrupt(
                f"{self._group} was at offset {tp.offset} of {tp.topic}/{tp.partition}, and retention has dropped what follows.",
                "Operator action: rebuild the state of this job from the lake, or reset the group to accept the loss.",
            )
        return int(tp.offset)

    async def restore(self, topic: str, partitions: Iterable[int]) -> dict[int, dict[bytes, bytes]]:
        wanted = list(partitions)
        return await self._on(self._reader, lambda: self._restore(topic, wanted))

    def _restore(self, topic: str, partitions: list[int]) -> dict[int, dict[bytes, bytes]]:
        # The end comes from a read_uncommitted handle: a read_committed one would stop below an open transaction, and miss
        # what was committed above it. Reading on to that end waits until every older transaction is decided.
        ends = self._ends(topic, partitions)
        values: dict[int, dict[bytes, bytes]] = {p: {} for p in partitions}
        open_ = {p for p in partitions if ends[p][0] < ends[p][1]}
        if not open_:
            return values
        started = time.monotonic()
        consumer = self._consumer("read_committed", self._group + ".restore")
        try:
            consumer.assign([TopicPartition(topic, p, ends[p][0]) for p in open_])
            while open_:
                if self._closing:
                    raise NotReady(f"The restore of {topic} was given up: the worker stops.", "")
                if time.monotonic() - started > RESTORE_S:
                    self._undecided(topic, open_)
                for p, reached in _read_some(consumer, values):
                    if reached >= ends[p][1]:
                        open_.discard(p)
                self._at("in restore")
        finally:
            consumer.close()
        log.info("restored %d keys of %s in %.2f s", sum(map(len, values.values())), topic, time.monotonic() - started)
        return values

    def _undecided(self, topic: str, open_: set[int]) -> None:
        raise NotReady(
            f"{topic}, partitions {sorted(open_)}: a transaction has been open for longer than any of ours may be.",
            "If it does not pass: the broker lost its end. Find it with kafka-transactions.sh find-hanging, and abort it.",
        )

    def _ends(self, topic: str, partitions: list[int]) -> dict[int, tuple[int, int]]:
        consumer = self._consumer("read_uncommitted", self._group + ".restore")
        try:
            return {p: span(consumer, topic, p) for p in partitions}
        finally:
            consumer.close()

    def _consumer(self, isolation: str, group: str) -> Consumer:
        return Consumer(
            self._settings.librdkafka()
            | {
                "group.id": group,
                "isolation.level": isolation,
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 20,
                "queued.min.messages": 200_000,
            }
        )

    async def _on(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def give_up_reading(self) -> None:
        """End a restore that is under way, for a process that has been told to stop."""
        self._closing = True

    def close(self) -> None:
        for pool in (self._writer, self._reader):
            threading.Thread(target=pool.shutdown, kwargs={"wait": False}, daemon=True).start()


def _read_some(consumer: Consumer, values: dict[int, dict[bytes, bytes]]) -> Iterator[tuple[int, int]]:
    """Puts what has come into `values`. Yields, for each record and each end that was met, (partition, next offset)."""
    for message in consumer.consume(10_000, timeout=0.05):
        p, offset = cast(int, message.partition()), cast(int, message.offset())
        error = message.error()
        if error is None:
            key, value = cast(bytes, message.key()), message.value()
            if value is None:
                values[p].pop(key, None)
            else:
                values[p][key] = value
            yield p, offset + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            yield p, offset
        elif not error.retriable():
            raise KafkaException(error)
