"""Latency at 2,000 events a second: from the call that produces an event to the read of a committed level with it.

Every event adds one to its key, so a level of n holds the first n events of its key, whether or not levels in between
were coalesced away. Client cores are those of the engine under test alone.
"""

import random
import threading
import time
from collections import defaultdict

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from bench import events
from bench.build import Peer
from bench.cluster import Cluster
from bench.plan import PARTITIONS, Plan
from bench.reference import Said, Wrong
from bench.setup import Setup
from bench.throughput import start, topics
from bench.trial import Child

RATE = 2_000
WARM_UP_S = 5.0
LINGER_S = 15.0  # how long the last levels may take to appear


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds over all events after the warm-up, and the engine's processor time by the clock."""

    peer: str
    commit_ms: int
    samples: int
    p50: float
    p95: float
    p99: float
    max: float
    cores: float
    rss_mb: float


def measure(cluster: Cluster, plan: Plan, peer: Peer, commit_ms: int) -> Latency:
    """One engine at one commit interval. Raises `Wrong` when a level never shows an event that was sent."""
    prefix = f"latency-{peer.name}-{commit_ms}"
    setup = Setup.named(prefix, cluster.bootstrap, f"{prefix}.events", commit_ms, plan.folder)
    cluster.create(setup.source)
    topics(cluster, setup)
    feed = Feed(cluster.bootstrap, setup.source, plan.keys, plan.seed)
    reader = Reader(cluster.bootstrap, setup.output, feed)
    child = start(peer, setup)
    try:
        feed.start()
        reader.start()
        child.wait_for("first", 60)
        time.sleep(WARM_UP_S)
        cores = _cores(child, reader, plan.latency_s)
        feed.stop()
        reader.finish(LINGER_S)
        return _summary(peer.name, commit_ms, reader, cores, child.peak_mb())
    finally:
        feed.stop()
        reader.stop()
        child.stop()
        cluster.drop(prefix)


def _cores(child: Child, reader: "Reader", seconds: int) -> float:
    begin, cpu = time.monotonic(), child.cpu()
    reader.count_from(time.time())
    time.sleep(seconds)
    reader.count_to(time.time())
    return (child.cpu() - cpu) / (time.monotonic() - begin)


def _summary(name: str, commit_ms: int, reader: "Reader", cores: float, rss: float) -> Latency:
    waits = sorted(1000 * wait for wait in reader.waits())

    def at(share: float) -> float:
        return round(waits[min(len(waits) - 1, int(share * len(waits)))], 1)

    return Latency(
        peer=name,
        commit_ms=commit_ms,
        samples=len(waits),
        p50=at(0.50),
        p95=at(0.95),
        p99=at(0.99),
        max=round(waits[-1], 1),
        cores=round(cores, 3),
        rss_mb=rss,
    )


class Feed(threading.Thread):
    """Sends events at a steady rate until stopped. `sent` holds, for each key, when each of its events was sent."""

    def __init__(self, bootstrap: str, topic: str, keys: int, seed: int, rate: int = RATE) -> None:
        super().__init__(daemon=True)
        self.sent: dict[bytes, list[float]] = defaultdict(list)
        self._topic, self._keys, self._rate = topic, keys, rate
        self._dice = random.Random(seed)
        self._ended = threading.Event()
        settings = {"bootstrap.servers": bootstrap, "partitioner": "murmur2", "linger.ms": 0, "log_level": 2}
        self._producer = Producer(settings)

    def run(self) -> None:
        begin, i = time.monotonic(), 0
        while not self._ended.is_set():
            while i < (time.monotonic() - begin) * self._rate:
                index = self._dice.randrange(self._keys)
                key, value = events.key_of(index), events.step(i, index, self._dice.getrandbits(128))
                self.sent[key].append(time.time())
                self._producer.produce(self._topic, value, key)
                i += 1
            self._producer.poll(0)
            time.sleep(0.001)
        self._producer.flush(30)

    def stop(self) -> None:
        """Send no more, and return when all has arrived."""
        self._ended.set()
        if self.is_alive():
            self.join()


class Reader(threading.Thread):
    """Reads committed levels as they appear, and notes when each event was first readable."""

    def __init__(self, bootstrap: str, topic: str, feed: Feed) -> None:
        super().__init__(daemon=True)
        self._feed = feed
        self._seen: list[tuple[float, float]] = []  # sent, readable
        self._held: dict[bytes, int] = {}
        self._window = [0.0, float("inf")]
        self._ended = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "bench.latency",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 10,
                "log_level": 2,
            }
        )
        self._consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(PARTITIONS)])

    def run(self) -> None:
        decode = msgspec.json.Decoder(Said).decode
        while not self._ended.is_set():
            messages = self._consumer.consume(1_000, timeout=0.005)
            now = time.time()
            for message in messages:
                if message.error() is None:
                    self._note(message.key() or b"", decode(message.value() or b"").on_hand, now)

    def _note(self, key: bytes, level: int, now: float) -> None:
        held = self._held.get(key, 0)
        if level > held:
            self._seen += [(sent, now) for sent in self._feed.sent[key][held:level]]
            self._held[key] = level

    def count_from(self, at: float) -> None:
        self._window[0] = at

    def count_to(self, at: float) -> None:
        self._window[1] = at

    def finish(self, patience_s: float) -> None:
        """Wait until every event that was sent has been seen. Raises `Wrong` when some never are."""
        limit = time.monotonic() + patience_s
        sent = sum(map(len, self._feed.sent.values()))
        while len(self._seen) < sent:
            if time.monotonic() > limit:
                raise Wrong(f"{sent - len(self._seen)} of {sent} events never showed in a level")
            time.sleep(0.05)
        if any(self._held[key] != len(times) for key, times in self._feed.sent.items()):
            raise Wrong("a level holds more events than were sent")

    def waits(self) -> list[float]:
        low, high = self._window
        return [seen - sent for sent, seen in self._seen if low <= sent <= high]

    def stop(self) -> None:
        self._ended.set()
        self.join()
        self._consumer.close()
