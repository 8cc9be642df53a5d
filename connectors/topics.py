"""The topics of a cluster, made and kept as the topic table says. Nothing else creates a topic: auto-creation is off.

Applying twice changes nothing. What the table does not mention (operators' own settings, others' topics) is left alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.protocol.consumer.offsets import IsolationLevel, OffsetSpec

from connectors.settings import Settings
from contracts.errors import BadInput, NotReady
from contracts.topics import TOPICS, Topic

BOOTSTRAP_MS = 15_000

Difference = tuple[str, str]  # what is there, what should be


class TopicStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A topic as it is. `ends` are last stable offsets: what a reader of committed records may see."""

    name: str
    partitions: int
    differences: dict[str, Difference]
    earliest: dict[int, int]
    ends: dict[int, int]

    @property
    def exists(self) -> bool:
        return self.partitions > 0

    @property
    def records(self) -> int:
        """The offsets that are kept: an upper bound, since transaction markers and compacted records count too."""
        return sum(end - self.earliest[p] for p, end in self.ends.items())


def apply(settings: Settings, topics: Sequence[Topic] = TOPICS) -> list[tuple[str, str]]:
    """Make the cluster's topics as the table says: (topic, "created" | "changed" | "unchanged"), in the table's order.

    Raises `BadInput`, before anything is changed, when a topic has another number of partitions; `NotReady` when Kafka
    does not answer or refuses.
    """
    with admin(settings) as client:
        found = _partitions(client, topics)
        _refuse_other_partitions(found, topics)
        missing = [topic for topic in topics if topic.name not in found]
        created = _create(client, missing, settings.replication)
        changed = _correct(client, [topic for topic in topics if topic.name not in created])
    done = dict.fromkeys(created, "created") | dict.fromkeys(changed, "changed")
    return [(topic.name, done.get(topic.name, "unchanged")) for topic in topics]


def describe(settings: Settings, topics: Sequence[Topic] = TOPICS) -> list[TopicStatus]:
    """The topics as they are, missing ones included (0 partitions). Raises `NotReady` when Kafka does not answer."""
    with admin(settings) as client:
        found = _partitions(client, topics)
        differences = _differences(client, [topic for topic in topics if topic.name in found])
        places = [TopicPartition(name, p) for name, count in found.items() for p in range(count)]
        earliest = _offsets(client, places, OffsetSpec.EARLIEST)
        ends = _offsets(client, places, OffsetSpec.LATEST)
    return [
        TopicStatus(
            name=topic.name,
            partitions=found.get(topic.name, 0),
            differences=differences.get(topic.name, {}),
            earliest=earliest.get(topic.name, {}),
            ends=ends.get(topic.name, {}),
        )
        for topic in topics
    ]


@contextmanager
def admin(settings: Settings) -> Iterator[Any]:
    """kafka-python's admin client; its errors become `NotReady`."""
    try:
        client = KafkaAdminClient(**settings.kafka_python(), bootstrap_timeout_ms=BOOTSTRAP_MS)
    except KafkaError:
        raise NotReady(f"Kafka does not answer at {settings.bootstrap}.", "See: zhongtai status") from None
    try:
        yield client
    except KafkaError as error:
        raise NotReady(f"Kafka refuses: {error}", "See: zhongtai status") from error
    finally:
        client.close()


def _partitions(client: Any, topics: Sequence[Topic]) -> dict[str, int]:
    wanted = {topic.name for topic in topics}
    # All topics are asked for: to ask for one by its name creates it on a cluster that has auto-creation on.
    return {t["name"]: len(t["partitions"]) for t in client.describe_topics() if t["name"] in wanted}


def _refuse_other_partitions(found: dict[str, int], topics: Sequence[Topic]) -> None:
    wrong = [
        f"{topic.name} has {found[topic.name]} partitions, and the table says {topic.partitions}"
        for topic in topics
        if found.get(topic.name, topic.partitions) != topic.partitions
    ]
    if wrong:
        raise BadInput(
            f"{'; '.join(wrong)}. Records would go to another partition than the earlier ones of their key.",
            "Put the old count back into contracts/topics.py, or give the topic a new name and replay into it. "
            "A topic whose records nobody needs can be deleted with Kafka's own tools, and applied again.",
        )


def _create(client: Any, topics: Sequence[Topic], replication: int) -> list[str]:
    """Create topics. Returns the names of those that we and nobody else created."""
    if not topics:
        return []
    wanted = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication,
            "configs": topic.config(),
        }
        for topic in topics
    }
    answers = client.create_topics(wanted, raise_errors=False)["topics"]
    refused = {t["name"]: t for t in answers if t["error_code"]}
    for name, answer in refused.items():
        if answer["error_code"] != TopicAlreadyExistsError.errno:
            raise NotReady(f"Kafka refuses to create {name}: {answer['error_message']}", "See: zhongtai status")
    client.wait_for_topics(list(wanted))
    return [name for name in wanted if name not in refused]


def _differences(client: Any, topics: Sequence[Topic]) -> dict[str, dict[str, Difference]]:
    """Settings in force that are not what the table says, defaults of the cluster included."""
    if not topics:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic.name, list(topic.config())) for topic in topics]
    found = client.describe_configs(asked, config_filter="all")["topic"]
    return {
        topic.name: {
            name: (found[topic.name][name]["value"], value)
            for name, value in topic.config().items()
            if not _same(found[topic.name][name]["value"], value)
        }
        for topic in topics
    }


def _same(found: str, wanted: str) -> bool:
    # A list ("compact,delete") means the same in any order.
    return sorted(found.split(",")) == sorted(wanted.split(","))


def _correct(client: Any, topics: Sequence[Topic]) -> list[str]:
    """Set what differs, and only that. Returns the names of the topics that were changed."""
    wrong = {name: found for name, found in _differences(client, topics).items() if found}
    if not wrong:
        return []
    wanted = [
        ConfigResource(ConfigResourceType.TOPIC, name, {key: value for key, (_, value) in found.items()})
        for name, found in wrong.items()
    ]
    for name, answer in client.alter_configs(wanted, incremental=True)["topic"].items():
        if answer != "OK":
            raise NotReady(f"Kafka refuses to change {name}: {answer}", "See: zhongtai status")
    return list(wrong)


def _offsets(client: Any, places: Sequence[TopicPartition], spec: OffsetSpec) -> dict[str, dict[int, int]]:
    if not places:
        return {}
    found = client.list_partition_offsets(dict.fromkeys(places, spec), isolation_level=IsolationLevel.READ_COMMITTED)
    by_topic: dict[str, dict[int, int]] = {}
    for place, at in found.items():
        by_topic.setdefault(place.topic, {})[place.partition] = at.offset
    return by_topic
