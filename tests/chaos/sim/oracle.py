"""What must come out, in plain Python: it knows the events that were put in, and nothing of the runtime.

`Truth` is asked at the end; `Observer` reads along as read_committed readers do, and objects at once.
"""

import json
from collections import Counter
from typing import Any

TP = tuple[str, int]
Levels = dict[str, tuple[int, int]]
Changes = Counter[tuple[int, int, int, int]]


class Violation(Exception):
    """The runtime broke a promise."""


class Truth:
    """The events in the order of their partitions, those of aborted transactions left out."""

    def __init__(self) -> None:
        self.records: dict[int, list[dict[str, Any]]] = {}
        self.ticks: dict[int, list[int]] = {}

    def add(self, partition: int, record: dict[str, Any]) -> None:
        self.records.setdefault(partition, []).append(record)

    def tick(self, partition: int, at: int) -> None:
        """A tick that is no later than the one before changes nothing."""
        told = self.ticks.setdefault(partition, [])
        if at > max(told, default=0):
            told.append(at)

    def stock(self, horizon_s: int) -> tuple[Levels, Changes]:
        """First occurrences by id, summed by key; what is older than the last horizon but one is late, new or not."""
        levels: Levels = {f"ticks|{p}": (max(ticks), len(ticks)) for p, ticks in self.ticks.items()}
        changes: Changes = Counter()
        for records in self.records.values():
            newest, seen = -1, set()
            for r in records:
                newest = max(newest, r["at"] // horizon_s)
                if r["at"] // horizon_s < newest - 1:
                    changes[r["n"], 0, -1, -1] += 1
                elif r["id"] not in seen:
                    seen.add(r["id"])
                    total, count = levels.get(r["key"], (0, 0))
                    levels[r["key"]] = total + r["quantity"], count + 1
                    changes[(r["n"], 0, *levels[r["key"]])] += 1
        return levels, changes

    def chain(self) -> tuple[Levels, Counter[tuple[int, int]]]:
        """Both parts of every record, duplicates included: transport alone is exactly-once here. Order is not known."""
        levels: Levels = {}
        changes: Counter[tuple[int, int]] = Counter()
        for records in self.records.values():
            for r in records:
                for part, key in enumerate((r["key"], "to-" + r["key"])):
                    total, count = levels.get(key, (0, 0))
                    levels[key] = total + r["quantity"] + part, count + 1
                    changes[r["n"], part] += 1
        return levels, changes


class Observer:
    """Reads every topic, and the offsets, as they become visible."""

    def __init__(self) -> None:
        self.levels: dict[str, dict[str, tuple[int, int]]] = {"levels": {}, "sums": {}}
        self.changes: Changes = Counter()
        self.violations: list[str] = []
        self._sent: set[tuple[str, int, int]] = set()

    def record(self, topic: str, partition: int, offset: int, key: bytes, value: bytes | None) -> None:
        if topic in self.levels:
            name = key.decode()
            # Each partition keeps its own time.
            self._level(
                topic,
                f"{name}|{partition}" if name.endswith("ticks") else name,
                None if value is None else json.loads(value),
            )
        elif topic in ("changes", "parts") and value is not None:
            r = json.loads(value)
            identity = (topic, r["n"], r["part"])
            if identity in self._sent:
                self.violations.append(f"sent twice: {identity}, again at {topic}/{partition}@{offset}")
            self._sent.add(identity)
            if topic == "changes":
                self.changes[r["n"], r["part"], r["total"], r["count"]] += 1

    def _level(self, topic: str, key: str, value: dict[str, Any] | None) -> None:
        levels = self.levels[topic]
        if value is None:
            levels.pop(key, None)
            return
        if key in levels and value["count"] <= levels[key][1]:
            self.violations.append(f"{topic} of {key} went from event {levels[key][1]} to {value['count']}")
        levels[key] = value["total"], value["count"]

    def moved(self, group: str, tp: TP, before: int, after: int) -> None:
        if after < before:
            self.violations.append(f"offset of {group} in {tp[0]}/{tp[1]} went back from {before} to {after}")


def differences(levels: Levels, wanted: Levels) -> list[str]:
    """How a state differs from the truth, its `odd|` entries included."""
    wanted = wanted | {"odd|" + key: level for key, level in wanted.items() if level[1] % 2}
    return [
        f"state of {key} is {levels.get(key)}, the truth is {wanted.get(key)}"
        for key in sorted(levels.keys() | wanted.keys())
        if levels.get(key) != wanted.get(key)
    ]


def unequal(found: Counter[Any], wanted: Counter[Any]) -> list[str]:
    """How the outputs differ from the truth, as multisets."""
    return [f"output {change} is missing" for change in sorted((wanted - found).elements())] + [
        f"output {change} is one too many" for change in sorted((found - wanted).elements())
    ]
