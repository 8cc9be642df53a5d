"""What a run consists of: the size of the world, drawn from a seed or written by hand, and faults at named steps."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

STEPS = (
    "before begin",
    "after produce",
    "after offsets",
    "after commit",
    "after committed",
    "in restore",
    "in ready",
    "in revoke",
    "after revoke",
    "after assign",
)
Action = Callable[[Any, Any], None]  # of a world and a worker


@dataclass
class Rule:
    """Do something when a worker (of `slot`, running `job`) passes a named step for the `nth` time."""

    step: str
    do: Action
    slot: str = ""
    job: str = ""
    nth: int = 1

    def due(self, slot: str, job: str, step: str) -> bool:
        """Counts down; true exactly once."""
        if step != self.step or self.slot not in ("", slot) or self.job not in ("", job):
            return False
        self.nth -= 1
        return self.nth == 0


@dataclass
class Plan:
    """`feed` is (virtual time, partition, record, committed?) in order; `at` are actions of the world at virtual times."""

    kind: str = "stock"
    partitions: int = 2
    slots: tuple[str, ...] = ("a",)
    static: bool = False
    interval_s: float = 0.1
    horizon_s: int = 10**9
    session_s: float = 3.0
    transaction_timeout_s: float = 3.0
    storm_s: float = 0.0
    transactional: float = 0.0  # this share of the input is written in transactions
    ticked: float = 0.0  # this share of the records is followed by a tick
    delivery_s: Callable[[str], float] | None = None  # how long a marker takes to reach a topic; None: seeded
    feed: list[tuple[float, int, dict[str, Any], bool]] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    at: list[tuple[float, Callable[[Any], None]]] = field(default_factory=list)


def record(n: int, event: int, key: str, at: int) -> dict[str, Any]:
    """An input record: number `n`, of event `event`, whose quantity follows from its number."""
    return {"v": 1, "n": n, "id": f"{event:032x}", "key": key, "quantity": event % 17 - 4, "at": at}


def drawn(seed: int) -> Plan:
    """A random world with a storm in it."""
    random = Random(f"plan {seed}")
    partitions = random.choice((1, 2, 2, 3, 4))
    storm_s = random.choice((5.0, 8.0, 8.0, 12.0))
    return Plan(
        kind=random.choice(("stock", "stock", "chain")),
        partitions=partitions,
        slots=tuple("abc"[: random.choice((1, 2, 2, 3))]),
        static=random.random() < 0.5,
        interval_s=random.choice((0.0, 0.05, 0.1, 0.3, 1.0)),
        horizon_s=random.choice((10**9, 10**9, 300)),
        transaction_timeout_s=random.choice((3.0, 3.0, 6.0)),
        storm_s=storm_s,
        transactional=random.choice((0.0, 0.1, 0.3)),
        ticked=0.05,
        feed=_feed(random, partitions, random.randint(40, 120), storm_s),
    )


def _feed(
    random: Random, partitions: int, count: int, lasting_s: float
) -> list[tuple[float, int, dict[str, Any], bool]]:
    # With several partitions the last one often stays empty.
    used = max(1, partitions - random.choice((0, 1)))
    now, feed, events = 0.0, [], []
    for n in range(count):
        if random.random() < 0.7:  # the others come in one burst with the one before
            now += random.random() * 2 * lasting_s / count
        if events and random.random() < 0.1:
            event, key, at = random.choice(events[-20:] if random.random() < 0.5 else events)
        else:
            event, key, at = n, f"k{random.randrange(5)}", 1_000_000 + 10 * n
            if random.random() < 0.05:
                at -= random.randint(10, 400)
        aborted = random.random() < 0.06
        if not aborted:
            events.append((event, key, at))
        feed.append((now, zlib.crc32(key.encode()) % used, record(n, event, key, at), not aborted))
    return feed
