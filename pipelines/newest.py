"""What a topic says now: the newest record of each key, read from the topic itself and by nobody's job."""

from connectors import kafka
from connectors.settings import Settings
from contracts.keys import SEPARATOR
from contracts.wire import R, decoder


def newest(settings: Settings, topic: str, kind: type[R]) -> list[R]:
    """The newest record of each of this tenant's keys, read from the topic itself. Removed keys are not there."""
    prefix = f"{settings.tenant}{SEPARATOR}".encode()
    values: dict[bytes, bytes] = {}
    for _, messages, _ in kafka.read(settings, topic):
        for message in messages:
            key, value = message.key(), message.value()
            if key is None or not key.startswith(prefix):
                continue
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value
    return list(map(decoder(kind), values.values()))
