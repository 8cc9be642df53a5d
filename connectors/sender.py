"""Sending to Kafka from outside the jobs: idempotent, acknowledged by all replicas, never more than a window ahead."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, cast

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from kafka import KafkaAdminClient
from kafka.errors import KafkaError as AdminError

from connectors.settings import Settings
from contracts.errors import NotReady
from contracts.keys import partition
from contracts.topics import BY_NAME, MIB

Headers = Sequence[tuple[str, bytes]]

WINDOW = 4_000  # records on their way at most: bounds memory, and how much is sent in vain when Kafka fails
ANSWER_MS = 45_000  # a broker that was killed is back by then, on a busy machine too
DELIVERY_MS = 120_000


class Sender:
    """A producer for the topics of the topic table. Every record is acknowledged, or the caller gets `NotReady`.

    After `NotReady` some records may be there and others not: send all of them again. Not for event loops: it blocks.
    It is librdkafka's producer: a receipt has eight headers, which cost a producer in Python more than all else here.
    """

    def __init__(self, settings: Settings) -> None:
        self._partitions: dict[str, int] = {}
        self._failed: tuple[str, str] | None = None
        self._producer = Producer(
            settings.librdkafka()
            | {
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "linger.ms": 20,
                "batch.size": MIB // 4,
                # The broker holds each topic to its own limit; a dead letter may be larger than a raw record.
                "message.max.bytes": max(topic.max_message_bytes for topic in BY_NAME.values()) + MIB,
                "queue.buffering.max.kbytes": 256 * 1024,
                "allow.auto.create.topics": False,
                "message.timeout.ms": DELIVERY_MS,
            }
        )
        try:
            self._producer.list_topics(timeout=ANSWER_MS / 1000)
        except KafkaException:
            raise _silent() from None

    def send(self, topic: str, *, key: bytes, partitioned_by: bytes, value: bytes, headers: Headers) -> None:
        """Hands over one record; waits while a whole window is on its way."""
        count = self._partitions.get(topic) or self._check(topic)
        to = partition(partitioned_by, count)
        while True:
            try:
                self._producer.produce(topic, value, key, to, self._delivered, headers=cast(Any, list(headers)))
                break
            except BufferError:
                self._wait()
            except KafkaException as error:
                raise _refused(topic, error.args[0].name()) from None
        self._producer.poll(0)
        while len(self._producer) > WINDOW:
            self._wait()
        self._raise_failure()

    def settle(self) -> None:
        """Returns when every record handed over so far is acknowledged."""
        while len(self._producer):
            self._raise_failure()
            self._producer.flush(1.0)
        self._raise_failure()

    def close(self) -> None:
        """Does not wait for records that `settle` was not called for."""
        self._producer.purge()
        self._producer.flush(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.settle()
        finally:
            self.close()

    def _wait(self) -> None:
        self._raise_failure()
        self._producer.poll(0.05)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and self._failed is None:
            self._failed = (str(message.topic()), error.name())

    def _raise_failure(self) -> None:
        if self._failed is not None:
            raise _refused(*self._failed)

    def _check(self, topic: str) -> int:
        try:
            found = self._producer.list_topics(topic, timeout=ANSWER_MS / 1000).topics[topic]
        except KafkaException:
            found = None
        if found is None or found.error is not None:
            raise NotReady(f"Topic {topic} does not exist, or Kafka does not answer.", "See: zhongtai status")
        # Other partitions than the table's would scatter the records of one key over two owners.
        if len(found.partitions) != BY_NAME[topic].partitions:
            raise NotReady(
                f"Topic {topic} has {len(found.partitions)} partitions; this release expects {BY_NAME[topic].partitions}.",
                "Operator action: use a cluster of which zhongtai made the topics.",
            )
        self._partitions[topic] = len(found.partitions)
        return self._partitions[topic]


def cluster_id(settings: Settings) -> str:
    """The id that the Kafka cluster gave itself when it was made."""
    try:
        admin = KafkaAdminClient(**settings.kafka_python(), bootstrap_timeout_ms=ANSWER_MS)
        try:
            return str(admin.describe_cluster()["cluster_id"])
        finally:
            admin.close()
    except (AdminError, OSError):
        raise _silent() from None


def _silent() -> NotReady:
    return NotReady("Kafka does not answer.", "See: zhongtai status")


def _refused(topic: str, why: str) -> NotReady:
    return NotReady(
        f"Kafka did not take a record for {topic}: {why}.",
        "See: zhongtai status. Then repeat the command; what was sent already does no harm.",
    )
