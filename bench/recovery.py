"""Recovery: kill -9, start again, first commit; as a multiple of what the smallest Faust worker needs to start.

Events keep coming at 2,000 a second. A commit of the new process is known by what it wrote: the broker stamps records
as it appends them, so a committed level stamped after the restart is the new process's.
"""

import random
import statistics
import time

import msgspec
from confluent_kafka import Consumer, TopicPartition

from bench import events
from bench.build import Peer, bare_faust
from bench.cluster import Cluster
from bench.latency import Feed
from bench.plan import PARTITIONS, Plan
from bench.setup import Setup
from bench.throughput import start, topics
from bench.trial import Child

HISTORY = 300_000
PATIENCE_S = 60.0


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from exec to the first commit after each kill, and from exec to the first event of each bare worker."""

    kills: list[float]
    bare: list[float]
    keys: int

    @property
    def ratio(self) -> float:
        return statistics.median(self.kills) / statistics.median(self.bare)


def measure(cluster: Cluster, plan: Plan, peer: Peer) -> Recovery:
    """As many kills as planned, a bare start beside each. Raises `TimeoutError` when a worker does not come back."""
    setup = Setup.named("recovery", cluster.bootstrap, "recovery.events", plan.commit_ms, plan.folder)
    cluster.create(setup.source)
    topics(cluster, setup)
    events.write(cluster.bootstrap, setup.source, events.steps(HISTORY, plan.keys, plan.seed))
    feed = Feed(cluster.bootstrap, setup.source, plan.keys, plan.seed + 1)
    dice = random.Random(plan.seed)
    kills, bare = [], []
    child = start(peer, setup)
    try:
        _caught_up(cluster, setup)
        feed.start()
        for number in range(plan.kills):
            time.sleep(dice.uniform(1.0, 2.0))
            child.kill()
            child = start(peer, setup)
            kills.append(_first_commit(cluster.bootstrap, setup.output, child.started))
            bare.append(bare_start(cluster, plan, number))
    finally:
        feed.stop()
        child.stop()
        cluster.drop("recovery")
    return Recovery(kills=kills, bare=bare, keys=plan.keys)


def bare_start(cluster: Cluster, plan: Plan, number: int) -> float:
    """Seconds from exec to the first event that a bare Faust worker has processed and acknowledged."""
    prefix = f"bare-{number}"
    setup = Setup.named(prefix, cluster.bootstrap, f"{prefix}.events", plan.commit_ms, plan.folder)
    cluster.create(setup.source)
    events.write(cluster.bootstrap, setup.source, events.steps(100, 100, plan.seed))
    child = Child(bare_faust(), setup)
    try:
        return child.wait_for("first", PATIENCE_S) - child.started
    finally:
        child.kill()
        cluster.drop(prefix)


def _caught_up(cluster: Cluster, setup: Setup) -> None:
    progress = cluster.progress(f"zhongtai.{setup.prefix}", setup.source)
    progress.wait_beyond(HISTORY - 1, PATIENCE_S)
    progress.close()


def _first_commit(bootstrap: str, topic: str, restarted: float) -> float:
    """Seconds from the restart until a record written after it can be read as committed."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench.recovery",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 10,
            "log_level": 2,
        }
    )
    try:
        places = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        ends = [consumer.get_watermark_offsets(place, timeout=30)[1] for place in places]
        consumer.assign([TopicPartition(topic, p, end) for p, end in enumerate(ends)])
        while time.time() < restarted + PATIENCE_S:
            for message in consumer.consume(1_000, timeout=0.01):
                if message.error() is None and message.timestamp()[1] > restarted * 1000:
                    return time.time() - restarted
    finally:
        consumer.close()
    raise TimeoutError(f"no commit within {PATIENCE_S:.0f} s of a restart")
