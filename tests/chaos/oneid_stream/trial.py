"""One trial on a real broker: evidence of twelve tenants, workers killed at random moments and at named steps, and F at the end."""

import random
import secrets
import shutil
import signal
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connectors import kafka
from connectors.settings import Settings
from contracts.wire import encode
from tests.chaos.oneid_stream.told import Told, evidence
from tests.chaos.oneid_stream.worker import PARTITIONS, TENANTS, Topics, Trial, cases, topics
from tests.chaos.real import process
from tests.chaos.real.faults import IN_TRANSACTIONS, Fault
from tests.chaos.real.process import within

LASTING_S = 8.0
DRAIN_S, STOP_S = 60.0, 30.0
STEPS = (*IN_TRANSACTIONS, *IN_TRANSACTIONS, "after committed", "in restore", "after revoke", "after assign", "in step")
MOST = 20


class Process(process.Process):
    MODULE = "tests.chaos.oneid_stream.worker"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`violations` counts all; `told` has the first ones in words; `kept` is the folder with the workers' logs, if any."""

    seed: int
    violations: int
    told: list[str]
    evidence: int
    changes: int
    faults: dict[str, int]
    seconds: float
    kept: str = ""


def trial(settings: Settings, seed: int, plant: str = "") -> Verdict:
    """The seed gives evidence and faults, though not the moments at which the machine is slow."""
    started = time.monotonic()
    name = f"oneid-{seed}-{secrets.token_hex(3)}"
    folder = Path(tempfile.mkdtemp(prefix=f"zhongtai-chaos-{name}-"))
    stage = Stage(settings, folder, Trial(name=name, seed=seed, bootstrap=settings.bootstrap, plant=plant))
    try:
        stage.blow()
        violations = stage.settle()
    finally:
        stage.close()
    keep = bool(violations) and not plant
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    return Verdict(
        seed=seed,
        violations=len(violations),
        told=violations[:MOST],
        evidence=stage.sent,
        changes=stage.changes,
        faults=dict(sorted(stage.faults.items())),
        seconds=round(time.monotonic() - started, 1),
        kept=str(folder) if keep else "",
    )


class Stage:
    """Two slots, of which each is filled again whenever its worker has died."""

    SLOTS = ("a", "b")

    def __init__(self, settings: Settings, folder: Path, trial: Trial) -> None:
        self.faults: Counter[str] = Counter()
        self.sent = self.changes = 0
        self._settings, self._trial = settings, trial
        self._file = folder / "trial.json"
        self._file.write_bytes(msgspec.json.encode(trial))
        self._dice = random.Random(f"oneid stream {trial.seed}")
        self._topics: Topics = topics(trial.name)
        self._admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 2})
        compacted = {self._topics.facts, self._topics.map}
        wanted = [
            NewTopic(t, PARTITIONS, 1, config={"cleanup.policy": "compact"} if t in compacted else {})
            for t in self._topics
        ]
        for future in self._admin.create_topics(wanted, operation_timeout=60).values():
            future.result()
        self._producer = Producer({"bootstrap.servers": settings.bootstrap, "linger.ms": 0})
        group = {"group.id": trial.group, "isolation.level": "read_committed", "enable.auto.commit": False}
        self._group = Consumer(settings.librdkafka() | group)
        self._processes: list[Process] = []
        self._waking: list[tuple[float, Process]] = []

    # -- the storm -----------------------------------------------------------------------------------------------------

    def blow(self) -> None:
        """Evidence and faults, for some seconds after the first worker is at work."""
        said = [(n, one) for n in range(TENANTS) for one in evidence(cases(self._trial.seed)[f"t{n}"], f"t{n}")]
        self._dice.shuffle(said)
        self._supervise()
        within(lambda: any(p.passed("after commit") for p in self._processes) or self._send_first(said), 30.0)
        began, next_fault = time.monotonic(), time.monotonic()
        while (now := time.monotonic()) < began + LASTING_S:
            due = int(len(said) * (now - began) / LASTING_S) + 1
            self._send(said[self.sent : due])
            if now >= next_fault:
                next_fault = now + self._dice.uniform(0.3, 1.5)
                self._break_something()
            for at, sleeping in [w for w in self._waking if w[0] <= now]:
                self._waking.remove((at, sleeping))
                sleeping.cont()
            self._supervise()
            time.sleep(0.05)
        self._send(said[self.sent :])

    def _send_first(self, said: list) -> bool:
        if not self.sent and any(p.passed("after assign") for p in self._processes):
            self._send(said[:5])
        return False

    def _send(self, said: list) -> None:
        for n, one in said:
            self._producer.produce(self._topics.input, encode(one), one.tenant.encode(), n % PARTITIONS)
        self._producer.flush(30)
        self.sent += len(said)

    def _break_something(self) -> None:
        awake = [p for p in self._processes if p.alive and not p.stopped]
        if not awake:
            return
        victim = self._dice.choice(awake)
        what = self._dice.choices(("kill -9", "zombie", "at a step"), (3, 1, 3))[0]
        if what == "at a step":
            kind = self._dice.choices(("kill", "refuse"), (3, 1))[0]
            step = self._dice.choice(STEPS if kind == "kill" else ("after produce", "after offsets"))
            self.faults[f"{kind} {step}"] += 1
            victim.kill()
            self._start(victim.slot, Fault(kind, step, self._dice.randint(1, 4)))
            return
        self.faults[what] += 1
        if what == "kill -9":
            victim.kill()
        else:
            victim.send(signal.SIGSTOP)
            self._waking.append((time.monotonic() + self._dice.uniform(3.5, 5.0), victim))

    def _start(self, slot: str, *faults: Fault) -> None:
        self._processes.append(Process(self._file, slot, f"{slot}-{len(self._processes)}", faults))

    def _supervise(self) -> None:
        for slot in self.SLOTS:
            if not any(p.alive and p.slot == slot for p in self._processes):
                self._start(slot)

    # -- the end -------------------------------------------------------------------------------------------------------

    def settle(self) -> list[str]:
        """No more faults: everything must be done in time, and be what F says."""
        violations = [] if within(self._drained, DRAIN_S) else [f"not done {DRAIN_S:.0f} s after the last fault"]
        for one in self._processes:
            one.send(signal.SIGTERM)
        for one in self._processes:
            if not within(lambda one=one: self._ended(one), STOP_S):  # type: ignore[misc]
                violations.append(f"{one.name} did not end")
                one.kill()
        told = self._told()
        self.changes = len(told.ids)
        return violations + told.differences(cases(self._trial.seed))

    def _drained(self) -> bool:
        self._supervise()
        for one in self._processes:
            one.release()
            one.cont()
        places = [TopicPartition(self._topics.input, p) for p in range(PARTITIONS)]
        try:
            done = {tp.partition: tp.offset for tp in self._group.committed(places, timeout=1.5)}
        except KafkaException:
            return False
        reader = kafka.reader(self._settings)
        try:
            ends = {p: kafka.span(reader, self._topics.input, p)[1] for p in range(PARTITIONS)}
        finally:
            reader.close()
        return all(done[p] >= end for p, end in ends.items())

    def _ended(self, one: Process) -> bool:
        one.release()
        one.cont()
        return not one.alive

    def _told(self) -> Told:
        told = Told()
        for topic in (self._topics.facts, self._topics.map, self._topics.changes):
            for _, messages, _ in kafka.read(self._settings, topic):
                for m in messages:
                    told.record(topic.removeprefix(f"chaos.{self._trial.name}."), m.key() or b"", m.value())
        return told

    def close(self) -> None:
        for one in self._processes:
            one.kill()
        self._group.close()
        for future in self._admin.delete_topics(list(self._topics), operation_timeout=30).values():
            with suppress(KafkaException):
                future.result()
