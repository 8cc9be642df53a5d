"""Where the warehouse takes records from. Kafka in production; a list of runs in tests."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from connectors import kafka
from connectors.settings import Settings
from contracts.errors import NotReady


class Log(NamedTuple):
    """What a topic is at this moment: its identity, and the first offset and the end of each partition."""

    cluster_id: str
    topic_id: str
    spans: Mapping[int, tuple[int, int]]


class Run(NamedTuple):
    """Records of one partition in the order of the log, and the next offset to read. It may hold no records.

    `times` says when the broker took each record, in milliseconds since 1970.
    """

    partition: int
    offsets: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]
    next: int
    times: list[int]


class Source(Protocol):
    def log(self, topic: str) -> Log:
        """The topic as it is now. Raises `NotReady` when it cannot be told."""

    def runs(self, topic: str, start: Mapping[int, int]) -> Iterator[Run]:
        """What is decided from `start` on: in order within a partition, each record once; partitions interleave."""


class KafkaSource:
    """Committed records of the cluster that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # One for all topics: a run asks about each of them. The garbage collector closes it.
        self._consumer = kafka.reader(settings)
        self._admin = AdminClient(settings.librdkafka())
        self._cluster_id = ""

    def log(self, topic: str) -> Log:
        try:
            spans = kafka.spans(self._consumer, topic)
            if not self._cluster_id:
                known = kafka.patiently(lambda: self._consumer.list_topics(topic, timeout=kafka.TIMEOUT_S))
                self._cluster_id = known.cluster_id or ""
            described = self._admin.describe_topics(TopicCollection([topic]), request_timeout=kafka.TIMEOUT_S)
            # The id, not the name, tells a topic from one that was deleted and created again.
            return Log(self._cluster_id, str(described[topic].result().topic_id), spans)
        except KafkaException:
            raise NotReady(f"Kafka does not answer about topic {topic}.", "See: zhongtai status") from None

    def runs(self, topic: str, start: Mapping[int, int]) -> Iterator[Run]:
        for partition, messages, next_offset in kafka.read(self._settings, topic, start):
            yield Run(
                partition,
                [m.offset() or 0 for m in messages],
                [m.key() for m in messages],
                [m.value() for m in messages],
                next_offset,
                [m.timestamp()[1] for m in messages],
            )
