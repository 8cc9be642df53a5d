"""What a topic says now: the newest record of each key, read from the topic itself and by nobody's job."""

from collections.abc import Sequence
from typing import cast

from connectors import kafka
from connectors.settings import Settings
from contracts.keys import SEPARATOR
from contracts.wire import R, Record, decoder


class Topics:
    """What topics say now: each is read when it is first asked for, and once, so all that is asked is of one moment of it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._read: dict[str, Sequence[Record]] = {}

    def newest(self, topic: str, kind: type[R]) -> Sequence[R]:
        """The newest record of each key, as the function of this name gives it."""
        if topic not in self._read:
            self._read[topic] = newest(self._settings, topic, kind)
        return cast(Sequence[R], self._read[topic])


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
