"""What must come out, in plain Python, and a reader that objects at once when a count goes backwards.

The truth of the stock is that of the simulation (tests/chaos/sim/oracle.py): it knows the events, and nothing of the runtime.
"""

import json
import threading
from collections import Counter
from typing import Any

from confluent_kafka import Message, TopicPartition

from connectors.kafka import read, reader
from connectors.settings import Settings
from tests.chaos.real.jobs import Topics
from tests.chaos.sim.oracle import Changes, Levels, Truth

MOST = 20  # violations told in words; the others are counted


def wanted(job: str, truth: Truth, horizon_s: int) -> tuple[Levels, Changes]:
    """Levels by key, and the changes of the stock by number of their event."""
    if job == "stock":
        return truth.stock(horizon_s)
    counts = Counter(f"{r['store']}|{r['clerk']}" for records in truth.records.values() for r in records)
    return {key: (count, count) for key, count in counts.items()}, Counter()


def level(value: bytes) -> tuple[int, int]:
    """Total and count of a state record of either job."""
    record = json.loads(value)
    return (record["total"], record["count"]) if "count" in record else (record["receipts"], record["receipts"])


def found(settings: Settings, topics: Topics) -> tuple[Levels, Changes]:
    """What is committed, once nothing is open any more."""
    levels: Levels = {}
    for _, messages, _ in read(settings, topics.levels):
        levels.update((m.key().decode(), level(m.value())) for m in messages)  # type: ignore[union-attr, arg-type]
    changes: Changes = Counter()
    for _, messages, _ in read(settings, topics.changes):
        records = [json.loads(m.value()) for m in messages]  # type: ignore[arg-type]
        changes.update((r["n"], 0, r["total"], r["count"]) for r in records)
    return levels, changes


def differences(have: Levels, want: Levels) -> list[str]:
    """How a state differs from the truth, by key: missing, double or wrong."""
    return [
        f"{_kind(have.get(key), want.get(key))}: state of {key} is {have.get(key)}, the truth is {want.get(key)}"
        for key in sorted(have.keys() | want.keys())
        if have.get(key) != want.get(key)
    ]


def _kind(have: tuple[int, int] | None, want: tuple[int, int] | None) -> str:
    counts = (have[1] if have else 0), (want[1] if want else 0)
    return "missing" if counts[0] < counts[1] else "double" if counts[0] > counts[1] else "wrong"


def unequal(have: Changes, want: Changes) -> list[str]:
    """How the outputs differ from the truth, as multisets."""
    return [f"missing: output {change}" for change in (want - have).elements()] + [
        f"double: output {change}" for change in (have - want).elements()
    ]


class Observer:
    """Reads the state and the outputs as they are committed, on a thread of its own, until `close`."""

    def __init__(self, settings: Settings, topics: Topics, partitions: int) -> None:
        self.violations: list[str] = []
        self.seen = 0
        self._topics = topics
        self._counts: dict[bytes, int] = {}
        self._sent: set[int] = set()
        self._over = threading.Event()
        self._consumer = reader(settings)
        places = [TopicPartition(t, p, 0) for t in (topics.levels, topics.changes) for p in range(partitions)]
        self._consumer.assign(places)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        while not self._over.is_set():
            for message in self._consumer.consume(5000, timeout=0.2):
                if message.error() is None:
                    self.seen += 1
                    self._look(message)

    def _look(self, message: Message) -> None:
        value: Any = message.value()
        at = f"{message.topic()}/{message.partition()}@{message.offset()}"
        if message.topic() == self._topics.changes:
            n = json.loads(value)["n"]
            if n in self._sent:
                self.violations.append(f"double: the output of event {n} came again at {at}")
            self._sent.add(n)
            return
        key: Any = message.key()
        count, before = level(value)[1], self._counts.get(key, 0)
        if count <= before:
            self.violations.append(f"backwards: {key.decode()} went from {before} to {count} at {at}")
        self._counts[key] = count
