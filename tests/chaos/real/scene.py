"""One trial's stage: its topics, its workers, its feed, and the verdict when all is over."""

import itertools
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.kafka import reader, span
from connectors.settings import Settings
from tests.chaos.real import oracle
from tests.chaos.real.faults import Fault
from tests.chaos.real.feed import Feed
from tests.chaos.real.jobs import topics
from tests.chaos.real.process import Process, wait, within
from tests.chaos.real.worker import Trial, build

DRAIN_S = 60.0  # the liveness bound: that long after the last fault everything must be done
DECIDED_S = 90.0  # longer than any transaction timeout that a script asks for
STOP_S = 30.0


class Scene:
    """`violations` holds what was found, after `settle`."""

    def __init__(self, settings: Settings, folder: Path, trial: Trial, partitions: int) -> None:
        self.trial = trial
        self.partitions = partitions
        self.topics = topics(trial.name)
        self.processes: list[Process] = []
        self.violations: list[str] = []
        self._settings = settings
        self._folder = folder
        self._names = itertools.count(1)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trial.json").write_bytes(msgspec.json.encode(trial))
        self._admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 2})
        self._create()
        self.feed = Feed(settings.bootstrap, self.topics.moves, partitions)
        self._observer = oracle.Observer(settings, self.topics, partitions)
        group = {"group.id": build(trial).group, "isolation.level": "read_committed", "enable.auto.commit": False}
        self._group = Consumer(settings.librdkafka() | group)

    def _create(self) -> None:
        compacted = {"cleanup.policy": "compact"}
        wanted = [
            NewTopic(name, self.partitions, 1, config=compacted if name == self.topics.levels else {})
            for name in self.topics
        ]
        for future in self._admin.create_topics(wanted, operation_timeout=60).values():
            future.result()

    # -- workers -------------------------------------------------------------------------------------------------------

    def start(self, slot: str, *faults: str) -> Process:
        """A worker in that slot; faults as "kill after commit:1"."""
        parsed = [Fault.parse(*fault.split(" ", 1)) for fault in faults]
        name = f"{slot}-{next(self._names)}"
        process = Process(self._folder / "trial.json", slot, name, tuple(parsed))
        self.processes.append(process)
        return process

    @property
    def living(self) -> list[Process]:
        return [process for process in self.processes if process.alive]

    # -- progress ------------------------------------------------------------------------------------------------------

    def committed(self) -> dict[int, int]:
        """The group's offsets; -1 everywhere while a transaction that moves one of them is open."""
        places = [TopicPartition(self.topics.moves, p) for p in range(self.partitions)]
        try:
            return {tp.partition: max(0, tp.offset) for tp in self._group.committed(places, timeout=1.5)}
        except KafkaException:
            return dict.fromkeys(range(self.partitions), -1)

    def drained(self) -> bool:
        """Whether everything that was fed is committed."""
        committed = self.committed()
        return all(committed[p] >= end for p, end in self.feed.ends.items())

    def wait_drained(self) -> None:
        wait(self.drained, "what was fed is committed")

    # -- the end -------------------------------------------------------------------------------------------------------

    def settle(self, slots: set[str]) -> list[str]:
        """No more faults: every slot gets a worker, everything must be done in time, and be right."""
        if not within(partial(self._drained_by, slots), DRAIN_S):
            lag = {p: (at, self.feed.ends[p]) for p, at in self.committed().items() if at < self.feed.ends[p]}
            self.violations.append(f"liveness: not done {DRAIN_S:.0f} s after the last fault; committed, end: {lag}")
        self._stop()
        if not within(self.decided, DECIDED_S):
            self.violations.append(f"liveness: a transaction is still open {DECIDED_S:.0f} s after the last worker")
        self._judge()
        return self.violations

    def _drained_by(self, slots: set[str]) -> bool:
        self._continue()
        for slot in sorted(slots - {process.slot for process in self.living}):
            self.start(slot)
        return self.drained()

    def _stop(self) -> None:
        for process in self.living:
            process.send(signal.SIGTERM)
        for process in self.living:
            if not within(partial(self._ended, process), STOP_S):
                self.violations.append(f"liveness: {process.name} did not end {STOP_S:.0f} s after SIGTERM")
                process.kill()

    def _ended(self, process: Process) -> bool:
        self._continue()
        return not process.alive

    def _continue(self) -> None:
        # Again and again: a worker may pass the step at which it stops itself long after the last fault from outside.
        for process in self.living:
            process.release()
            process.cont()

    def decided(self) -> bool:
        """Whether no transaction is open on the state and the outputs."""
        readers = [reader(self._settings, committed=committed) for committed in (True, False)]
        try:
            places = [(t, p) for t in (self.topics.levels, self.topics.changes) for p in range(self.partitions)]
            return all(span(readers[0], *place) == span(readers[1], *place) for place in places)
        finally:
            for consumer in readers:
                consumer.close()

    def _judge(self) -> None:
        want = oracle.wanted(self.trial.job, self.feed.truth, self.trial.horizon_s)
        have = oracle.found(self._settings, self.topics)
        self.violations += oracle.differences(have[0], want[0]) + oracle.unequal(have[1], want[1])
        self.violations += self._observer.violations

    def close(self, keep: bool) -> None:
        """Leave no process and no thread behind; and no topics, unless somebody wants to look at them."""
        for process in self.processes:
            process.kill()
        self._observer.close()
        self._group.close()
        if not keep:
            for future in self._admin.delete_topics(list(self.topics), operation_timeout=30).values():
                with suppress(KafkaException):
                    future.result()


@contextmanager
def scene(settings: Settings, folder: Path, trial: Trial, partitions: int) -> Iterator[Scene]:
    """A scene for the length of the block. Its topics stay when something was violated."""
    made = Scene(settings, folder, trial, partitions)
    try:
        yield made
    finally:
        made.close(keep=bool(made.violations) and not trial.plant)
