"""What stands in a compacted topic, partition by partition, as bytes: what cannot be decoded must be mendable, too."""

from connectors import kafka
from connectors.settings import Settings
from contracts.keys import SEPARATOR
from pipelines.rebuild.states import Place


def standing(settings: Settings, topic: str) -> dict[Place, bytes]:
    """The newest value of each of this tenant's keys in each partition. Removed keys are not there."""
    prefix = f"{settings.tenant}{SEPARATOR}".encode()
    values: dict[Place, bytes] = {}
    for p, messages, _ in kafka.read(settings, topic):
        for message in messages:
            k, value = message.key(), message.value()
            if k is None or not k.startswith(prefix):
                continue
            if value is None:
                values.pop(Place(p, k), None)
            else:
                values[Place(p, k)] = value
    return values


def partitions(settings: Settings, topic: str) -> int:
    """How many partitions a topic has."""
    consumer = kafka.reader(settings)
    try:
        return len(kafka.partitions(consumer, topic))
    finally:
        consumer.close()
