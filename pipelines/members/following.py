"""Has what was said come through? The records of one topic are followed through the jobs, from offset to offset."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from confluent_kafka import Consumer, TopicPartition

from connectors import kafka
from connectors.settings import Settings
from contracts.errors import NotReady

PAUSE_S = 0.05
NOWHERE = 1 << 62  # past every end: a partition that starts there is not read
Progress = Callable[[str], None]


class Follower:
    """Waits for jobs, all together no longer than `timeout_s`."""

    def __init__(self, settings: Settings, timeout_s: float, progress: Progress) -> None:
        self._settings, self._progress = settings, progress
        self._timeout_s = timeout_s
        self._until = time.monotonic() + timeout_s

    def through(self, steps: Sequence[tuple[str, str]], *read: str) -> None:
        """Returns when each job in turn has taken what stood in its topic when the one before was done: (job, topic).

        What they wrote into the topics `read` can be read then. Raises `NotReady` when it takes too long.
        """
        for job, topic in steps:
            self.taken(job, topic, self.decided(topic))
        for topic in read:
            self.decided(topic)

    def decided(self, topic: str) -> dict[int, int]:
        """The end of each partition now, as soon as every transaction before it is over.

        A commit returns before the partitions have heard of it, and until then a reader of what is committed sees less.
        """
        ends = self._ends(topic, committed=False)
        while any(end < ends[p] for p, end in self._ends(topic, committed=True).items()):
            self._pause(f"what is under way in {topic}")
        return ends

    def _ends(self, topic: str, *, committed: bool) -> dict[int, int]:
        reader = kafka.reader(self._settings, committed=committed)
        try:
            return {p: high for p, (_, high) in kafka.spans(reader, topic).items()}
        finally:
            reader.close()

    def taken(self, job: str, topic: str, ends: Mapping[int, int]) -> None:
        """Returns when the job has taken everything below `ends`."""
        consumer = Consumer(
            self._settings.librdkafka()
            | {"group.id": f"zhongtai.{job}", "enable.auto.commit": False, "isolation.level": "read_committed"}
        )
        wanted = [TopicPartition(topic, p) for p, end in ends.items() if end]
        try:
            while wanted:
                found = _committed(consumer, wanted)
                # A transaction ends with a marker that no job ever sees, so that one may stand before the end for good.
                wanted = [TopicPartition(topic, at.partition) for at in found if self._behind(topic, at, ends)]
                if wanted:
                    self._pause(f"the job {job}")
        finally:
            consumer.close()

    def _behind(self, topic: str, at: TopicPartition, ends: Mapping[int, int]) -> bool:
        """Whether a record stands between a committed offset and the end that is waited for."""
        end = ends[at.partition]
        if at.offset >= end:
            return False
        start = dict.fromkeys(ends, NOWHERE) | {at.partition: max(at.offset, 0)}
        with closing(kafka.read(self._settings, topic, start, chunk=1)) as runs:  # type: ignore[type-var]
            first = next((messages[0] for _, messages, _ in runs if messages), None)
        return first is not None and (first.offset() or 0) < end

    def _pause(self, what: str) -> None:
        if time.monotonic() > self._until:
            raise NotReady(
                f"It is written, but not taken within {self._timeout_s:g} s: waiting for {what}.",
                "It takes effect as soon as the jobs run: zhongtai up. Look: zhongtai status",
            )
        self._progress(f"waiting for {what}")
        time.sleep(PAUSE_S)


def _committed(consumer: Consumer, wanted: list[TopicPartition]) -> list[TopicPartition]:
    return kafka.patiently(lambda: consumer.committed(wanted, timeout=kafka.TIMEOUT_S))
