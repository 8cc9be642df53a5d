"""Which topics hold records that no run has taken for too long: the alert before Kafka drops them."""

from datetime import datetime, timedelta

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors import kafka
from connectors.settings import Settings
from contracts.topics import BY_NAME
from pipelines.warehouse import lake, store
from pipelines.warehouse.load import ALERT, feeds


def overdue(settings: Settings, now: datetime) -> list[str]:
    """Topics with a record outside the lake that is older than half of its retention. Asks Kafka for offsets only.

    A topic that was created again is not among them: the run tells of it.
    """
    reader = kafka.reader(settings)
    try:
        return [feed.topic for feed in feeds() if _is_overdue(reader, settings, feed.topic, now)]
    except KafkaException:
        return []
    finally:
        reader.close()


def _is_overdue(reader: Consumer, settings: Settings, topic: str, now: datetime) -> bool:
    days = BY_NAME[topic].retention_days
    if days is None:
        return False
    table = lake.peek(store.of(settings), topic)
    places = table.places if table else {}
    limit = int((now - ALERT * timedelta(days=days)).timestamp() * 1000)
    spans = kafka.spans(reader, topic)
    asked = reader.offsets_for_times([TopicPartition(topic, p, limit) for p in spans], timeout=kafka.TIMEOUT_S)
    for found in asked:
        low, high = spans[found.partition]
        young = found.offset if found.offset >= 0 else high  # the first record that is not older than the limit
        taken = places[found.partition].next if found.partition in places else low
        if max(taken, low) < min(young, high):
            return True
    return False
