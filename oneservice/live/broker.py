"""What Kafka is asked for besides records: ends, what groups have done, who is alive. All of it in a few calls at once."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from datetime import datetime
from typing import Any, cast

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from connectors.settings import Settings
from contracts.topics import BY_NAME
from oneservice.live.chase import Look, Place

ASK_S = 5.0
PEEK_S = 1.0
FEW = 8
Committed = Mapping[tuple[str, Place], int]


class Broker:
    """One for a follower; not to be shared between threads. Every method raises `KafkaException` when Kafka is silent."""

    def __init__(self, settings: Settings) -> None:
        self._admin = AdminClient(settings.librdkafka())
        self._peeker = Consumer(
            settings.librdkafka()
            | {
                "group.id": "zhongtai.readers",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                # It only asks whether there is a record at all.
                "fetch.message.max.bytes": 1024,
                "queued.max.messages.kbytes": 64,
                "fetch.wait.max.ms": 20,
            }
        )
        self._gaps: dict[tuple[str, Place], tuple[int, int]] = {}
        self._empty: dict[Place, tuple[int, int, bool]] = {}

    def close(self) -> None:
        self._peeker.close()

    def identities(self, topics: Iterable[str]) -> dict[str, str]:
        """The identity of each topic that exists: cluster and topic id, of which a recreated topic has another."""
        cluster = _result(self._admin.describe_cluster(request_timeout=ASK_S)).cluster_id
        asked = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=ASK_S)
        found = {}
        for name, future in asked.items():
            try:
                found[name] = f"{cluster}/{_result(future).topic_id}"
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
        return found

    def look(
        self, at: datetime, inputs: Mapping[str, tuple[str, ...]], topics: set[str], held: Mapping[Place, int]
    ) -> Look:
        """What is there to be seen: of the groups (with their inputs) and topics. `at` must be before the call."""
        described = self._admin.describe_consumer_groups(list(inputs), request_timeout=ASK_S)
        alive = {group for group, future in described.items() if _members(future)}
        committed = self._committed(inputs)
        ends = self._ends(topics)
        return Look(at, ends, self._passed(committed, ends), alive, held)

    def _committed(self, inputs: Mapping[str, tuple[str, ...]]) -> dict[tuple[str, Place], int]:
        asked = {
            group: self._admin.list_consumer_group_offsets(
                # Waits for transactions on these offsets to end, so that what is told is decided.
                [ConsumerGroupTopicPartitions(group)],
                require_stable=True,
                request_timeout=ASK_S,
            )[group]
            for group in inputs
        }
        found: dict[tuple[str, Place], int] = {}
        for group, future in asked.items():
            told = {(tp.topic, tp.partition): tp.offset for tp in _result(future).topic_partitions}
            for topic in inputs[group]:
                for p in range(BY_NAME[topic].partitions):
                    found[group, (topic, p)] = max(0, told.get((topic, p), 0))
        return found

    def _ends(self, topics: set[str]) -> dict[Place, int]:
        places = [TopicPartition(name, p) for name in sorted(topics) for p in range(BY_NAME[name].partitions)]
        asked = self._admin.list_offsets(
            dict.fromkeys(places, cast(OffsetSpec, cast(Any, OffsetSpec).latest())),
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=ASK_S,
        )
        found: dict[Place, int] = {}
        for place, future in asked.items():
            try:
                found[place.topic, place.partition] = cast(int, _result(future).offset)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
        return found

    def _passed(self, committed: Committed, ends: Mapping[Place, int]) -> dict[tuple[str, Place], int]:
        """`committed`, moved to the end where no record lies between: a transaction ends with a marker that no job sees."""
        gaps = {key: (at, ends[key[1]]) for key, at in committed.items() if at < ends.get(key[1], 0)}
        asked = {key[1]: gap for key, gap in gaps.items() if gap[1] - gap[0] <= FEW or self._gaps.get(key) == gap}
        self._gaps = gaps
        self._peek({place: gap for place, gap in asked.items() if self._empty.get(place, ())[:2] != gap})
        empty = {(place, at): end for place, (at, end, none) in self._empty.items() if none}
        return {key: empty.get((key[1], at), at) for key, at in committed.items()}

    def _peek(self, gaps: Mapping[Place, tuple[int, int]]) -> None:
        if not gaps:
            return
        self._peeker.assign([TopicPartition(topic, p, at) for (topic, p), (at, _) in gaps.items()])
        left = dict(gaps)
        tries = int(PEEK_S / 0.05)
        while left and tries:
            tries -= 1
            for message in self._peeker.consume(100, timeout=0.05):
                place = (cast(str, message.topic()), cast(int, message.partition()))
                error = message.error()
                if place in left and (error is None or error.code() == KafkaError._PARTITION_EOF):
                    at, end = left.pop(place)
                    self._empty[place] = (at, end, error is not None or cast(int, message.offset()) >= end)
        self._peeker.unassign()


def _members(future: "Future[Any]") -> bool:
    try:
        return bool(_result(future).members)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return False
        raise


def _result(future: "Future[Any]") -> Any:
    return future.result(timeout=ASK_S * 2)
