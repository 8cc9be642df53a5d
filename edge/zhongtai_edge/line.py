"""The line to the centre: kafka-python's producer and consumer, and nothing that decides."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Callable, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.partitioner.default import murmur2

from zhongtai_edge.config import Config
from zhongtai_edge.records import BY_NAME, STATE, key

ANSWER_MS = 10_000
DELIVERY_MS = 30_000
ASK_AGAIN_S = 30.0


class Broken(Exception):
    """The centre does not answer, or did not acknowledge everything: come back later."""


class NoTopic(Exception):
    """The centre answers, and has no such topic."""


class Parcel(NamedTuple):
    topic: str
    value: bytes
    headers: list[tuple[str, bytes]]


class Known(NamedTuple):
    """What `state.edge` says of one lane and epoch of this store."""

    lane: int
    epoch: str
    last: int
    seen: tuple[tuple[int, int], ...]
    gaps: tuple[tuple[int, int], ...]


class KafkaLine:
    """Everything goes under one key, so that a shop is one partition of each topic and its order is kept."""

    def __init__(self, config: Config, at: Callable[[str], None] = lambda _: None) -> None:
        self._key = key(config.tenant, config.store)
        self._at = at
        self._consumer: Any = None
        self._config = config
        self._topics: set[str] = set()
        self._asked_at = -ASK_AGAIN_S
        try:
            self._producer = KafkaProducer(
                **config.clients(),
                # Said aloud: by default a conflicting setting would turn idempotence off with a warning only.
                enable_idempotence=True,
                acks="all",
                linger_ms=5,
                batch_size=1 << 18,
                max_request_size=2 << 20,
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=ANSWER_MS,
                max_block_ms=ANSWER_MS,
                delivery_timeout_ms=DELIVERY_MS,
                request_timeout_ms=ANSWER_MS,
            )
        except (KafkaError, OSError) as error:
            raise Broken(type(error).__name__) from None

    def send(self, parcels: Sequence[Parcel]) -> int:
        """How many, from the first on, were acknowledged by all replicas. Fewer than all: the line is broken."""
        try:
            for topic in {parcel.topic for parcel in parcels}:
                if not self._there(topic):
                    raise NoTopic(topic)
            futures = [self._producer.send(p.topic, p.value, self._key, p.headers) for p in parcels]
        except (KafkaError, OSError) as error:
            raise Broken(type(error).__name__) from None
        self._at("handed over")
        acked = 0
        for future in futures:
            try:
                future.get(timeout=DELIVERY_MS / 1000 + 5)
            except KafkaError:
                break
            acked += 1
        self._at("acknowledged")
        return acked

    def known(self, wait_s: float) -> list[Known]:
        """News of `state.edge` about this store since the last call; the first call has all of it, given the time."""
        try:
            if self._consumer is None:
                self._consumer = self._listen()
            if self._consumer is None:
                return []
            fetched = self._consumer.poll(timeout_ms=int(wait_s * 1000), max_records=5_000)
        except (KafkaError, OSError) as error:
            raise Broken(type(error).__name__) from None
        records = [record for part in fetched.values() for record in part]
        return [found for record in records if (found := self._read(record)) is not None]

    def heard_all(self) -> bool:
        """Whether everything that stands in `state.edge` now was read."""
        if self._consumer is None:
            return True
        try:
            ends = self._consumer.end_offsets(self._consumer.assignment())
            return all(self._consumer.position(tp) >= end for tp, end in ends.items())
        except (KafkaError, OSError) as error:
            raise Broken(type(error).__name__) from None

    def close(self) -> None:
        for client in (self._consumer, self._producer):
            if client is not None:
                with suppress(KafkaError, OSError):
                    client.close(timeout=1) if client is self._producer else client.close(timeout_ms=1000)

    def _there(self, topic: str) -> bool:
        """Whether the centre has the topic, or had when it was last asked, half a minute ago at most.

        Asked apart: a producer waits for a topic that is missing until it gives up, as in an outage.
        """
        if topic not in self._topics and time.monotonic() - self._asked_at >= ASK_AGAIN_S:
            asking = KafkaAdminClient(
                **self._config.clients(), bootstrap_timeout_ms=ANSWER_MS, request_timeout_ms=ANSWER_MS
            )
            try:
                self._topics = set(asking.list_topics())
                self._asked_at = time.monotonic()
            finally:
                asking.close()
        return topic in self._topics

    def _listen(self) -> Any:
        if not self._there(STATE):
            return None
        count = len(self._producer.partitions_for(STATE))
        consumer = KafkaConsumer(
            **self._config.clients(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            bootstrap_timeout_ms=ANSWER_MS,
        )
        consumer.assign([TopicPartition(STATE, (murmur2(self._key) & 0x7FFFFFFF) % count)])
        return consumer

    def _read(self, record: Any) -> Known | None:
        if record.value is None or not (record.key or b"").startswith(self._key + b"|"):
            return None
        try:
            told = json.loads(record.value)
            if told["v"] != 1 or told["lane"] not in BY_NAME:
                return None
            return Known(
                BY_NAME[told["lane"]].rank,
                str(told["epoch"]),
                int(told["last"]),
                tuple((int(low), int(high)) for low, high in told["seen"]),
                tuple((int(low), int(high)) for low, high in told["gaps"]),
            )
        except (ValueError, KeyError, TypeError):
            return None  # of a later version: then nothing is confirmed, and nothing is let go of
