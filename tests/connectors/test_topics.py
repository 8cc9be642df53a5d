"""`connectors.topics` against a real broker. Each test brings topics of its own: the shared ones stay as they are."""

import time

import pytest
from confluent_kafka import Producer

from connectors import topics
from connectors.settings import Settings
from contracts.errors import BadInput, NotReady
from contracts.topics import Topic

pytestmark = pytest.mark.kafka


def a_topic(name: str, *, partitions: int = 2, retention_days: int | None = 3, compacted: bool = False) -> Topic:
    return Topic(
        name=name,
        record="bytes",
        key="any",
        partitioned_by="the key",
        title=("A test", "测试"),
        retention_days=retention_days,
        compacted=compacted,
        partitions=partitions,
    )


def alter(settings: Settings, topic: str, **config: str) -> None:
    with topics.admin(settings) as client:
        wanted = {name.replace("_", "."): value for name, value in config.items()}
        client.alter_configs([topics.ConfigResource("topic", topic, wanted)], incremental=True)


def differences(
    settings: Settings, table: list[Topic], wanted: dict[str, tuple[str, str]]
) -> dict[str, tuple[str, str]]:
    """What differs in the first topic, once the broker shows it: settings reach it a moment after they are accepted."""
    until = time.monotonic() + 30
    while (found := topics.describe(settings, table)[0].differences) != wanted and time.monotonic() < until:
        time.sleep(0.1)
    return found


def test_applying_twice_changes_nothing(kafka_broker: Settings, tenant: str) -> None:
    table = [a_topic(f"{tenant}.a"), a_topic(f"{tenant}.b", retention_days=None, compacted=True)]
    assert topics.apply(kafka_broker, table) == [(f"{tenant}.a", "created"), (f"{tenant}.b", "created")]
    assert topics.apply(kafka_broker, table) == [(f"{tenant}.a", "unchanged"), (f"{tenant}.b", "unchanged")]


def test_the_table_of_the_product_is_applied_as_it_stands(kafka_broker: Settings) -> None:
    assert {done for _, done in topics.apply(kafka_broker)} == {"unchanged"}
    for status in topics.describe(kafka_broker):
        assert status.exists
        assert status.differences == {}


def test_a_setting_that_drifted_is_corrected_and_an_operators_own_setting_stays(
    kafka_broker: Settings, tenant: str
) -> None:
    table = [a_topic(tenant), a_topic(f"{tenant}.other")]
    topics.apply(kafka_broker, table)
    alter(kafka_broker, tenant, retention_ms="1000", segment_ms="777000")
    drifted = {"retention.ms": ("1000", str(3 * 86_400_000))}
    assert differences(kafka_broker, table, drifted) == drifted
    assert topics.apply(kafka_broker, table) == [(tenant, "changed"), (f"{tenant}.other", "unchanged")]
    assert differences(kafka_broker, table, {}) == {}
    with topics.admin(kafka_broker) as client:
        resource = topics.ConfigResource("topic", tenant)
        assert client.describe_configs([resource])["topic"][tenant]["segment.ms"]["value"] == "777000"


def test_another_partition_count_is_refused_before_anything_is_changed(kafka_broker: Settings, tenant: str) -> None:
    topics.apply(kafka_broker, [a_topic(tenant, partitions=2)])
    with pytest.raises(BadInput, match="has 2 partitions, and the table says 3") as refusal:
        topics.apply(kafka_broker, [a_topic(f"{tenant}.new"), a_topic(tenant, partitions=3)])
    assert "contracts/topics.py" in refusal.value.do
    assert not topics.describe(kafka_broker, [a_topic(f"{tenant}.new")])[0].exists


def test_a_topic_is_not_created_by_writing_to_it_or_asking_for_it(kafka_broker: Settings, tenant: str) -> None:
    refused: list[bool] = []
    producer = Producer(kafka_broker.librdkafka() | {"message.timeout.ms": 2000, "allow.auto.create.topics": True})
    producer.produce(tenant, b"x", on_delivery=lambda error, _: refused.append(error is not None))
    producer.list_topics(tenant, timeout=5)
    producer.flush(10)
    assert refused == [True]
    assert not topics.describe(kafka_broker, [a_topic(tenant)])[0].exists


def test_describe_counts_the_records_of_each_partition(kafka_broker: Settings, tenant: str) -> None:
    table = [a_topic(tenant)]
    topics.apply(kafka_broker, table)
    producer = Producer(kafka_broker.librdkafka())
    for partition, count in ((0, 3), (1, 2)):
        for _ in range(count):
            producer.produce(tenant, b"x", partition=partition)
    producer.flush(10)
    (status,) = topics.describe(kafka_broker, table)
    assert status.ends == {0: 3, 1: 2}
    assert status.records == 5


def test_a_silent_cluster_is_told_in_words(kafka_broker: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "BOOTSTRAP_MS", 500)
    with pytest.raises(NotReady, match=r"does not answer at 127\.0\.0\.1:1"):
        topics.apply(Settings(home=kafka_broker.home, kafka="127.0.0.1:1"))
