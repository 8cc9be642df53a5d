"""The ticker: it writes what time it is into every partition of each ticked topic, so that jobs need no clock of their own.

Every worker has one; the group `zhongtai.ticker` lets one of them at a time tick, and the transactional id that all of them
share fences whoever still believes that it may. A tick goes to all partitions and to `state.clock` in one transaction, and is
later than the one that `state.clock` holds: within each partition time only grows, whichever process ticks, however often
one was killed or slept.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from connectors.settings import Settings
from contracts.clock import Clock
from contracts.errors import NotReady
from contracts.instants import spelt
from contracts.ticks import KEY, Tick
from contracts.wire import decoder, encode, headers
from pipelines.batch.kafka_log import At, nothing

log = logging.getLogger(__name__)

CLOCK = "state.clock"
GROUP = "zhongtai.ticker"
INTERVAL_S = 5.0
SESSION_MS = 10_000
TRANSACTION_TIMEOUT_MS = 10_000
REQUEST_S = 30.0
_read = decoder(Tick)


class Ticker(threading.Thread):
    """Ticks while it is this process's turn, until `stop`. Ends the process through `failed` on any surprise."""

    def __init__(
        self,
        settings: Settings,
        slot: str,
        topics: Sequence[str],
        clock: Clock,
        failed: Callable[[BaseException], None],
        *,
        interval_s: float = INTERVAL_S,
        session_ms: int = SESSION_MS,
        at: At = nothing,
    ) -> None:
        super().__init__(name="ticker", daemon=True)
        self._settings = settings
        self._slot = slot
        self._topics = topics
        self._clock = clock
        self._failed = failed
        self._interval_s = interval_s
        self._session_ms = session_ms
        self._at = at
        self._ended = threading.Event()
        self._last = ""
        self._known = False  # the end of `state.clock` was reached: `_last` is the greatest time so far
        self._producer: Producer | None = None

    def stop(self) -> None:
        """Returns at once; the turn passes to another worker."""
        self._ended.set()

    def run(self) -> None:
        try:
            while not self._ended.is_set():
                self._take_part()
        except BaseException as error:
            self._failed(error)

    def _take_part(self) -> None:
        """Be a member of the group until stopped or fenced. What was fenced joins again from nothing."""
        consumer = Consumer(
            self._settings.librdkafka()
            | {
                "group.id": GROUP,
                "group.instance.id": f"ticker-{self._slot}",
                "session.timeout.ms": self._session_ms,
                "heartbeat.interval.ms": self._session_ms // 5,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        consumer.subscribe([CLOCK], on_assign=self._begin, on_revoke=self._end, on_lost=self._end)
        try:
            due = 0.0
            while not self._ended.is_set():
                self._look(consumer.poll(0.1))
                if self._producer is not None and self._known and time.monotonic() >= due:
                    due = time.monotonic() + self._interval_s
                    if not self._tick(self._producer):
                        return
        finally:
            self._end(consumer, [])
            consumer.close()

    def _begin(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Our turn. Fence whoever had it before, and only then read what time it was: nothing can be added any more."""
        if not partitions:
            return
        producer = Producer(
            self._settings.librdkafka()
            | {"transactional.id": GROUP, "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS, "retry.backoff.ms": 5}
        )
        while not self._ended.is_set():
            try:
                producer.init_transactions(REQUEST_S)
                break
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise
        self._at("ticker fenced")
        for tp in partitions:
            tp.offset = OFFSET_BEGINNING
        consumer.assign(partitions)
        self._producer, self._known = producer, False

    def _end(self, _consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self._producer, self._known = None, False

    def _look(self, message: Message | None) -> None:
        if message is None:
            return
        error = message.error()
        if error is None:
            self._last = max(self._last, _read(message.value() or b"").at)
        elif error.code() == KafkaError._PARTITION_EOF:
            self._known = True
        elif not error.retriable():
            raise KafkaException(error)

    def _tick(self, producer: Producer) -> bool:
        """One tick everywhere, or nowhere. False when another process has the turn."""
        # Whole seconds: then the texts sort as the moments do.
        at = spelt(self._clock.now().replace(microsecond=0))
        if at <= self._last:
            return True  # the clock of this machine is behind that of the last one: time stands still, and does not go back
        try:
            self._at("before tick")
            producer.begin_transaction()
            self._write(producer, at)
            self._at("in tick")
            producer.commit_transaction(REQUEST_S)
            self._at("after tick")
        except KafkaException as error:
            if error.args[0].txn_requires_abort():
                producer.abort_transaction(REQUEST_S)
                return True
            log.warning("the ticker was fenced or failed, and joins again: %s", error.args[0].str())
            return False
        self._last = at
        return True

    def _write(self, producer: Producer, at: str) -> None:
        record, about = encode(Tick(at=at)), headers(Tick, at, "/runtime/ticker", at)
        for topic in (*self._topics, CLOCK):
            found = producer.list_topics(topic, REQUEST_S).topics[topic]
            if found.error is not None:
                raise NotReady(f"Topic {topic} does not exist.", "Create it: zhongtai topics apply")
            for p in found.partitions:
                producer.produce(topic, record, KEY, p, headers=list(about))
