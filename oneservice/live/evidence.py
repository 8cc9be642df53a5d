"""Why is this one person? Reads the facts behind the members' graph, from where it stopped, when somebody asks.

The first question reads all of `log.resolve_members`, and every later one what came since. A question reads for `BUDGET_S` at
most, and says how far it has come. After `IDLE_S` without a question everything is dropped.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from functools import lru_cache

from confluent_kafka import KafkaException

from connectors import kafka
from connectors.settings import Settings
from contracts.errors import NotReady
from contracts.keys import SEPARATOR
from oneid.rules import Rules, parse
from oneservice.live.broker import Broker
from oneservice.live.fact_store import FactStore
from oneservice.live.surroundings import Around, Reading, around

TOPIC = "log.resolve_members"
BUDGET_S = 3.0
IDLE_S = 1_800.0  # far below the day after which Kafka forgets a removal


class EvidenceReader:
    """Answers questions about members. May be shared between threads: they take turns."""

    def __init__(self, settings: Settings, release: Rules) -> None:
        """`release` are the rules in force while no steward has sent others."""
        self._settings, self._release = settings, release
        self._prefix = f"{settings.tenant}{SEPARATOR}".encode()
        self._lock = threading.Lock()
        self._store: FactStore | None = None
        self._broker: Broker | None = None
        self._identity = ""
        self._idle: threading.Timer | None = None

    def around(self, nids: Sequence[str]) -> Around | Reading:
        """What F decides at these identifiers. Raises `NotReady` when Kafka is silent or there is no such topic."""
        with self._lock:
            self._wake()
            try:
                store = self._current()
                left = self._read(store)
            except BaseException:
                self._close()
                raise
            return left or around(store, nids, self._rules)

    def close(self) -> None:
        """Drops what was read; the next question reads it again."""
        with self._lock:
            self._close()

    def _current(self) -> FactStore:
        """The store, of the topic as it is: one that was made again is another one."""
        if self._broker is None:
            self._broker = Broker(self._settings)
        try:
            identity = self._broker.identities([TOPIC]).get(TOPIC)
        except KafkaException:
            raise NotReady("Kafka does not answer.", "See: zhongtai status") from None
        if identity is None:
            raise NotReady(f"Topic {TOPIC} does not exist.", "Create it: zhongtai topics apply")
        if self._store is not None and identity != self._identity:
            self._store.close()
            self._store = None
        if self._store is None:
            self._store = FactStore(self._settings.home / "service", self._settings.tenant)
            self._identity = identity
        return self._store

    def _read(self, store: FactStore) -> Reading | None:
        """Reads on; None when everything that was there at the beginning has been read."""
        until = time.monotonic() + BUDGET_S
        with closing(kafka.read(self._settings, TOPIC, store.places)) as runs:  # type: ignore[type-var]
            for partition, messages, next in runs:
                mine = [
                    (at, m.value()) for m in messages if (at := m.key()) is not None and at.startswith(self._prefix)
                ]
                store.apply(partition, mine, next)
                if time.monotonic() > until:
                    return self._left(store)
        return None

    def _left(self, store: FactStore) -> Reading:
        reader = kafka.reader(self._settings)
        try:
            spans = kafka.spans(reader, TOPIC)
        finally:
            reader.close()
        read = sum(max(store.places.get(p, 0) - low, 0) for p, (low, _) in spans.items())
        return Reading(read, sum(high - low for low, high in spans.values()))

    def _rules(self, text: str) -> Rules:
        return _parsed(text) if text else self._release

    def _wake(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = threading.Timer(IDLE_S, self.close)
        self._idle.daemon = True
        self._idle.start()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
        if self._broker is not None:
            self._broker.close()
            self._broker = None


@lru_cache(maxsize=4)
def _parsed(text: str) -> Rules:
    return parse(text, "the rules in force")
