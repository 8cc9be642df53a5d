"""What a topic says now: the newest record of each key, read from the topic itself and by nobody's job."""

from connectors import kafka
from connectors.settings import Settings
from contracts.keys import SEPARATOR
from contracts.wire import R, decoder


def newest(settings: Settings, topic: str, kind: type[R]) -> list[R]:
    """The newest record of each of this tenant's keys, read from the topic itself. Removed keys are not there."""
    return list(newest_by_key(settings, topic, kind).values())


def newest_by_key(settings: Settings, topic: str, kind: type[R]) -> dict[bytes, R]:
    """The same, by key."""
    prefix = f"{settings.tenant}{SEPARATOR}".encode()
    values: dict[bytes, bytes | None] = {}
    for _, messages, _ in kafka.read(settings, topic):
        values |= {k: m.value() for m in messages if (k := m.key()) is not None and k.startswith(prefix)}
    read = decoder(kind)
    return {k: read(value) for k, value in values.items() if value is not None}
