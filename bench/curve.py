"""CURVE=1: how throughput changes with the number of keys, and with the number of workers of one group."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from bench.build import Peer
from bench.cluster import Cluster
from bench.plan import Plan
from bench.throughput import prepare, run
from bench.trial import Measured

KEYS = (10_000, 100_000, 1_000_000, 10_000_000)
WORKERS = (1, 2, 3)


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One verified trial of the curve. With several workers, CPU and RSS are sums."""

    kind: Literal["keys", "workers"]
    peer: str
    keys: int
    workers: int
    wall: float
    cpu: float
    rss_mb: float


def points(cluster: Cluster, plan: Plan, peers: list[Peer]) -> Iterator[Point]:
    """First over keys with one worker, then over workers with the planned keys; each point is one trial."""
    for keys in KEYS:
        given = prepare(cluster, "events", plan.events, keys, plan.seed)
        for peer in peers:
            yield _point("keys", run(cluster, plan, peer, 100 + len(str(keys)), given), keys, 1)
        cluster.drop(given.topic)
    given = prepare(cluster, "events", plan.events, plan.keys, plan.seed, of="workers")
    for workers in WORKERS:
        for peer in peers:
            yield _point("workers", run(cluster, plan, peer, 200, given, workers=workers), plan.keys, workers)


def _point(kind: Literal["keys", "workers"], measured: Measured, keys: int, workers: int) -> Point:
    return Point(
        kind=kind,
        peer=measured.peer,
        keys=keys,
        workers=workers,
        wall=measured.wall,
        cpu=measured.cpu,
        rss_mb=measured.rss_mb,
    )
