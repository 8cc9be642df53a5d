"""Sending to Kafka from outside the jobs: idempotent, acknowledged by all replicas, never more than a window ahead."""

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

from connectors.settings import Settings
from contracts.errors import NotReady
from contracts.keys import partition
from contracts.topics import BY_NAME, MIB

Headers = Sequence[tuple[str, bytes]]

WINDOW = 4_000  # records on their way at most: bounds memory, and how much is sent in vain when Kafka fails
ANSWER_MS = 15_000
DELIVERY_MS = 120_000


class Sender:
    """A producer for the topics of the topic table. Every record is acknowledged, or the caller gets `NotReady`.

    After `NotReady` some records may be there and others not: send all of them again. Not for event loops: it blocks.
    """

    def __init__(self, settings: Settings) -> None:
        self._on_the_way: deque[Any] = deque()
        self._checked: set[str] = set()
        try:
            self._producer = KafkaProducer(
                **settings.kafka_python(),
                # Said aloud: by default a conflicting setting would turn idempotence off with a warning only.
                enable_idempotence=True,
                acks="all",
                compression_type="lz4",
                linger_ms=20,
                batch_size=MIB // 4,
                # The broker holds each topic to its own limit; a dead letter may be larger than a raw record.
                max_request_size=max(topic.max_message_bytes for topic in BY_NAME.values()) + MIB,
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=ANSWER_MS,
                max_block_ms=ANSWER_MS,
                delivery_timeout_ms=DELIVERY_MS,
            )
        except (KafkaError, OSError):
            raise _silent() from None

    def send(self, topic: str, *, key: bytes, partitioned_by: bytes, value: bytes, headers: Headers) -> None:
        """Hands over one record; waits while a whole window is on its way."""
        self._check(topic)
        to = partition(partitioned_by, BY_NAME[topic].partitions)
        try:
            sent = self._producer.send(topic, value=value, key=key, headers=list(headers), partition=to)
        except KafkaError as error:
            raise _refused(topic, error) from None
        self._on_the_way.append((topic, sent))
        while len(self._on_the_way) > WINDOW:
            self._await_one()

    def settle(self) -> None:
        """Returns when every record handed over so far is acknowledged."""
        while self._on_the_way:
            self._await_one()

    def close(self) -> None:
        """Does not wait for records that `settle` was not called for."""
        self._producer.close(timeout=5)

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

    def _await_one(self) -> None:
        topic, sent = self._on_the_way.popleft()
        try:
            sent.get(timeout=DELIVERY_MS / 1000 + 30)
        except KafkaError as error:
            raise _refused(topic, error) from None

    def _check(self, topic: str) -> None:
        if topic in self._checked:
            return
        try:
            found = self._producer.partitions_for(topic)
        except KafkaError:
            found = None
        if not found:
            raise NotReady(f"Topic {topic} does not exist, or Kafka does not answer.", "See: zhongtai status")
        # Other partitions than the table's would scatter the records of one key over two owners.
        if len(found) != BY_NAME[topic].partitions:
            raise NotReady(
                f"Topic {topic} has {len(found)} partitions; this release expects {BY_NAME[topic].partitions}.",
                "Operator action: use a cluster of which zhongtai made the topics.",
            )
        self._checked.add(topic)


def cluster_id(settings: Settings) -> str:
    """The id that the Kafka cluster gave itself when it was made."""
    try:
        admin = KafkaAdminClient(**settings.kafka_python(), bootstrap_timeout_ms=ANSWER_MS)
        try:
            return str(admin.describe_cluster()["cluster_id"])
        finally:
            admin.close()
    except (KafkaError, OSError):
        raise _silent() from None


def _silent() -> NotReady:
    return NotReady("Kafka does not answer.", "See: zhongtai status")


def _refused(topic: str, error: KafkaError) -> NotReady:
    return NotReady(
        f"Kafka did not take a record for {topic}: {type(error).__name__}.",
        "See: zhongtai status. Then repeat the command; what was sent already does no harm.",
    )
