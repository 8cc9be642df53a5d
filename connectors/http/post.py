"""Sending to Kafka from an event loop: a record is handed over at once or not at all, and its acknowledgement is awaited.

Unlike `connectors.sender`, which waits, this says that its queue is full: the service then tells its senders to come back.
"""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.http.routes import RawRecord
from connectors.settings import Settings
from contracts.errors import NotReady
from contracts.keys import partition
from contracts.topics import BY_NAME, MIB

QUEUE_RECORDS = 20_000
QUEUE_KIB = 64 * 1024
DELIVERY_MS = 15_000
POLL_S = 0.05


class Full(Exception):
    """The queue is full: Kafka takes less than what comes in."""


class Post:
    """A producer with a queue of bounded length and bytes. One for a process; `send` is for its event loop only."""

    def __init__(self, settings: Settings, *, queue_records: int = QUEUE_RECORDS) -> None:
        self._producer = Producer(
            settings.librdkafka()
            | {
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "linger.ms": 5,
                "queue.buffering.max.messages": queue_records,
                "queue.buffering.max.kbytes": QUEUE_KIB,
                "message.max.bytes": max(topic.max_message_bytes for topic in BY_NAME.values()) + MIB,
                # A record that waited longer is given up, and its sender told to send again: repeats do no harm.
                "message.timeout.ms": DELIVERY_MS,
                "allow.auto.create.topics": False,
            }
        )
        self._closing = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="kafka-acknowledgements", daemon=True)
        self._poller.start()

    async def send(self, records: Sequence[RawRecord]) -> None:
        """Returns when Kafka has acknowledged every record. Raises `Full`, or `NotReady` for one that it did not take.

        After either some may be there: the sender sends all of them again, and each is taken once.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(loop, len(records))
        for record in records:
            try:
                self._producer.produce(
                    record.topic,
                    key=record.by,
                    value=record.value,
                    headers=list(record.headers),
                    partition=partition(record.by, BY_NAME[record.topic].partitions),
                    on_delivery=waiting.told,
                )
            except BufferError:
                waiting.done.cancel()
                raise Full from None
            except KafkaException as error:
                waiting.done.cancel()
                raise _refused(error.args[0]) from None
        await waiting.done

    async def answers(self) -> bool:
        """Whether Kafka answers now."""
        try:
            await asyncio.to_thread(self._producer.list_topics, None, 2.0)
        except KafkaException:
            return False
        return True

    def missing(self, topics: Sequence[str]) -> list[str]:
        """Those of `topics` that do not exist. Raises `NotReady` when Kafka does not answer."""
        try:
            there = self._producer.list_topics(timeout=10.0).topics
        except KafkaException as error:
            raise NotReady(f"Kafka does not answer: {error.args[0].str()}.", "Start it: zhongtai up") from None
        return [name for name in topics if name not in there]

    def __len__(self) -> int:
        """Records on their way."""
        return len(self._producer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._producer.flush(DELIVERY_MS / 1000)
        self._closing.set()
        self._poller.join(1)

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(POLL_S)


class _Waiting:
    """The acknowledgements of one request. The first failure decides; the rest are then of no interest."""

    def __init__(self, loop: asyncio.AbstractEventLoop, count: int) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._count = count
        if count == 0:
            self.done.set_result(None)

    def told(self, error: KafkaError | None, _: Message) -> None:
        """Called by the poller's thread."""
        self._count -= 1
        if error is not None:
            self._end(_refused(error))
        elif self._count == 0:
            self._end(None)

    def _end(self, failure: NotReady | None) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it who asked
            self._loop.call_soon_threadsafe(self._set, failure)

    def _set(self, failure: NotReady | None) -> None:
        if self.done.done():
            return
        if failure is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(failure)


def _refused(error: KafkaError) -> NotReady:
    return NotReady(f"Kafka did not take a record: {error.name()}.", "See: zhongtai status")
