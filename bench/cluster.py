"""The broker that all peers share, in a temporary home on free ports; its topics, and how far a group has come."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from bench.plan import PARTITIONS
from connectors import broker
from connectors.settings import Settings

COMPACTED = {"cleanup.policy": "compact", "max.compaction.lag.ms": "86400000"}


class Cluster:
    """A running broker. Topics are dropped when their trial is over, so that the disk does not fill."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.bootstrap = settings.bootstrap
        self._admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2})

    def create(self, *names: str, compacted: bool = False) -> None:
        """Create topics of four partitions, and wait until the broker says so."""
        config = COMPACTED if compacted else {}
        topics = [NewTopic(name, PARTITIONS, 1, config=config) for name in names]
        for future in self._admin.create_topics(topics, operation_timeout=30).values():
            future.result()

    def drop(self, prefix: str) -> None:
        """Drop every topic whose name starts so, those included that a peer made for itself."""
        names = [name for name in self._admin.list_topics(timeout=30).topics if name.startswith(prefix)]
        for future in (self._admin.delete_topics(names, operation_timeout=30) if names else {}).values():
            with suppress(KafkaException):
                future.result()

    def progress(self, group: str, topic: str) -> "Progress":
        """A watcher of the committed offsets of a group."""
        return Progress(self.bootstrap, group, topic)

    def ends(self, topic: str) -> dict[int, int]:
        """The end of each partition of a topic that nobody writes in transactions."""
        watcher = Progress(self.bootstrap, "bench.ends", topic)
        try:
            return watcher.ends()
        finally:
            watcher.close()


class Progress:
    """How many records of a topic a group has committed; offsets of open transactions do not count."""

    def __init__(self, bootstrap: str, group: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "log_level": 2,
            }
        )
        self._places = [TopicPartition(topic, p) for p in range(PARTITIONS)]

    def ends(self) -> dict[int, int]:
        found = {p.partition: self._consumer.get_watermark_offsets(p, timeout=30) for p in self._places}
        return {partition: high for partition, (_, high) in found.items()}

    def committed(self) -> int:
        """The sum over partitions. Waits while a transaction that moves the offsets is open, ten seconds at most (-1)."""
        try:
            found = self._consumer.committed(self._places, timeout=10)
        except KafkaException:
            return -1
        return sum(0 if p.offset == OFFSET_INVALID else p.offset for p in found)

    def wait_beyond(self, count: int, timeout_s: float) -> float:
        """The moment (epoch) at which more than `count` records are committed. Raises `TimeoutError`."""
        limit = time.monotonic() + timeout_s
        while time.monotonic() < limit:
            if self.committed() > count:
                return time.time()
            time.sleep(0.01)
        raise TimeoutError(f"nothing beyond {count} was committed within {timeout_s:.0f} s")

    def close(self) -> None:
        self._consumer.close()


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A broker for the length of the block; its data is deleted afterwards."""
    home = folder / "home"
    home.mkdir(parents=True)
    started = broker.start(home)
    try:
        yield Cluster(Settings(home=home, kafka=started.address))
    finally:
        broker.stop(home)
        shutil.rmtree(folder, ignore_errors=True)
