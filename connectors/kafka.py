"""Reading Kafka by hand: whole topics, up to what is decided. Used by the warehouse run, verify, trace and the dead letters."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.settings import Settings
from contracts.errors import NotReady

TIMEOUT_S = 30.0
T = TypeVar("T")


def reader(settings: Settings, *, committed: bool = True) -> Consumer:
    """A consumer that belongs to no group: it is assigned by hand and commits nothing."""
    return Consumer(
        settings.librdkafka()
        | {
            "group.id": "zhongtai.readers",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed" if committed else "read_uncommitted",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
            "fetch.message.max.bytes": 32 << 20,
        }
    )


def patiently(ask: Callable[[], T]) -> T:
    """The answer of the broker, asked again for half a minute while it starts or elects. Raises `NotReady` after that."""
    until = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return ask()
        except KafkaException as error:
            if time.monotonic() > until:
                raise NotReady(f"Kafka does not answer: {error.args[0].str()}", "Start it: zhongtai up") from None
            time.sleep(0.2)


def partitions(consumer: Consumer, topic: str) -> list[int]:
    """The partitions of a topic. Raises `NotReady` when the broker is silent or the topic is missing."""
    found = patiently(lambda: consumer.list_topics(topic, timeout=TIMEOUT_S)).topics[topic]
    if found.error is not None and found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise NotReady(f"Topic {topic} does not exist.", "Create it: zhongtai topics apply")
    return sorted(found.partitions)


def spans(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    """First offset and end of each partition. For a `committed` reader the end is the last stable offset."""
    return {p: span(consumer, topic, p) for p in partitions(consumer, topic)}


def span(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """First offset and end of one partition."""
    low, high = patiently(lambda: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S))
    return low, high


def read(
    settings: Settings,
    topic: str,
    start: Mapping[int, int] | None = None,
    *,
    committed: bool = True,
    chunk: int = 10_000,
) -> Iterator[tuple[int, list[Message], int]]:
    """Runs of records of a topic, from `start` (default: the beginning) to what is decided when the call is made.

    Yields (partition, records, next offset to read). The last run of a partition may hold no records: its next offset has
    then passed over transaction markers. Order within a partition is the log's; partitions interleave. No record comes twice.
    """
    consumer = reader(settings, committed=committed)
    try:
        ends = spans(consumer, topic)
        at = {p: max((start or {}).get(p, 0), low) for p, (low, _) in ends.items()}
        open_ = {p for p, (_, high) in ends.items() if at[p] < high}
        if not open_:
            return
        consumer.assign([TopicPartition(topic, p, at[p] or OFFSET_BEGINNING) for p in open_])
        while open_:
            runs: dict[int, list[Message]] = {}
            for message in consumer.consume(chunk, timeout=0.1):
                error = message.error()
                p, offset = cast(int, message.partition()), cast(int, message.offset())
                if error is None:
                    if offset < ends[p][1]:
                        runs.setdefault(p, []).append(message)
                        at[p] = offset + 1
                    else:
                        at[p] = ends[p][1]
                elif error.code() == KafkaError._PARTITION_EOF:
                    at[p] = max(at[p], min(offset, ends[p][1]))
                elif not error.retriable():
                    raise NotReady(f"Kafka refuses to be read: {error.str()}", "See: zhongtai status")
            for p, records in runs.items():
                yield p, records, at[p]
            for p in [p for p in open_ if at[p] >= ends[p][1]]:
                open_.discard(p)
                yield p, [], at[p]
    finally:
        consumer.close()
