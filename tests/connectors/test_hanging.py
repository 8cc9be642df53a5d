"""Hanging transactions: only what nobody can end any more is ended."""

import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from connectors import kafka
from connectors.hanging import Open, end_hanging, hanging
from connectors.settings import Settings

ONE = Open("t", 0, producer=5, epoch=2, first=7)


def test_what_an_older_epoch_left_open_hangs():
    assert hanging([ONE], {5: 3}, [ONE]) == [ONE]


@pytest.mark.parametrize(
    ("epochs", "after"),
    [
        ({5: 2}, [ONE]),  # its producer lives
        ({}, [ONE]),  # no coordinator knows the producer
        ({5: 3}, []),  # it ended while we looked
        ({5: 3}, [ONE._replace(first=9)]),  # another began while we looked
    ],
)
def test_what_may_still_end_by_itself_does_not_hang(epochs: dict[int, int], after: list[Open]):
    assert hanging([ONE], epochs, after) == []


@pytest.mark.kafka
def test_a_transaction_under_way_is_left_alone(kafka_broker: Settings) -> None:
    topic = f"open-{time.time_ns()}"
    admin = AdminClient({"bootstrap.servers": kafka_broker.bootstrap, "log_level": 2})
    admin.create_topics([NewTopic(topic, 1, 1)], operation_timeout=60)[topic].result()
    producer = Producer({"bootstrap.servers": kafka_broker.bootstrap, "transactional.id": topic, "log_level": 2})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"one", b"k", 0)
    assert producer.flush(30) == 0
    assert end_hanging(kafka_broker, [topic]) == []
    producer.commit_transaction(30)
    assert [m.value() for _, run, _ in kafka.read(kafka_broker, topic) for m in run] == [b"one"]
