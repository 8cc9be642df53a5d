"""Recorded time only grows, whoever ticks: processes are killed, put to sleep past their session, and come back."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from connectors import kafka
from connectors.settings import Settings
from contracts.errors import NotReady
from contracts.ticks import KEY
from pipelines.batch.ticker import CLOCK

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[3]
PARTITIONS = 3


def ticks(settings: Settings, topic: str) -> dict[int, list[str]]:
    """The times of each partition in the order of the log, read as other programs read them."""
    found: dict[int, list[str]] = {}
    for p, messages, _ in kafka.read(settings, topic):
        for message in messages:
            assert message.key() == KEY
            found.setdefault(p, []).append((message.value() or b"").decode().split('"at":"')[1].split('"')[0])
    return found


@contextmanager
def processes(settings: Settings, topic: str, slots: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []
    try:
        running += [start(settings, topic, slot) for slot in range(slots)]
        yield running
    finally:
        for process in running:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


def start(settings: Settings, topic: str, slot: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.chaos.real.ticking", settings.bootstrap, str(slot), topic]
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True)


def wait_until_known(settings: Settings, topic: str) -> None:
    """The broker tells of a new topic a moment after it has created it."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(NotReady):
            ticks(settings, topic)
            return
        time.sleep(0.1)


def wait_for_more(settings: Settings, topic: str, than: int, seconds: float = 60) -> int:
    until = time.monotonic() + seconds
    while (count := len(ticks(settings, topic).get(0, []))) <= than:
        assert time.monotonic() < until, f"no tick after the {than}th"
        time.sleep(0.1)
    return count


def test_time_only_grows_in_every_partition_through_kills_and_sleeps(kafka_broker: Settings) -> None:
    topic = f"ticked-{time.time_ns()}"
    admin = AdminClient({"bootstrap.servers": kafka_broker.bootstrap, "log_level": 2})
    new = [NewTopic(topic, PARTITIONS, 1), NewTopic(CLOCK, 1, 1)]
    for name, created in admin.create_topics(new, operation_timeout=60).items():
        if name == topic:
            created.result()
    wait_until_known(kafka_broker, topic)
    dice = random.Random(5)
    with processes(kafka_broker, topic, 2) as running:
        count = wait_for_more(kafka_broker, topic, 5)
        for fault in ("kill", "sleep", "kill"):
            time.sleep(dice.uniform(0.0, 0.5))
            for slot, process in enumerate(running):
                if fault == "kill":
                    process.kill()
                    process.wait()
                    running[slot] = start(kafka_broker, topic, slot)
                else:
                    process.send_signal(signal.SIGSTOP)
                    time.sleep(4)  # its session is over, and the other one has the turn
                    count = wait_for_more(kafka_broker, topic, count)
                    process.send_signal(signal.SIGCONT)
                count = wait_for_more(kafka_broker, topic, count)
    told = ticks(kafka_broker, topic)
    assert len(told) == PARTITIONS
    assert all(times == sorted(set(times)) for times in told.values())
    # In the same transactions, so the same in all of them; the broker may still be ending a dead one's last.
    shortest = min(map(len, told.values()))
    assert len({tuple(times[:shortest]) for times in told.values()}) == 1
    assert shortest >= 10
