"""A step that is slower than its input: the input waits in Kafka, not in the worker's memory, and others may help."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.kafka import patiently
from connectors.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[3]
PARTITIONS = 4
RECORDS = 400_000  # of a kilobyte each, which no compression makes smaller
BYTES = RECORDS * 1_000
SLOW_S = 0.05  # for a thousand records: twenty seconds of work for each job
WATCHED_S = 7.0


@contextmanager
def worker(settings: Settings, home: Path, topic: str, slot: str = "a") -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "tests.chaos.real.slow", settings.bootstrap, str(home), topic, str(SLOW_S), slot]
    with (home / f"{slot}.log").open("wb") as log:
        child = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        yield psutil.Process(child.pid)
    finally:
        child.kill()
        child.wait()


def fill(settings: Settings, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 2})
    for created in admin.create_topics([NewTopic(topic, PARTITIONS, 1)], operation_timeout=60).values():
        created.result()
    producer = Producer({"bootstrap.servers": settings.bootstrap, "linger.ms": 20, "log_level": 2})
    noise = random.Random(1).randbytes(1 << 20)
    for i in range(RECORDS):
        begin = i * 997 % (len(noise) - 1_000)
        while True:
            try:
                producer.produce(topic, noise[begin : begin + 1_000], b"k", i % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0


def committed(settings: Settings, topic: str, job: str) -> int:
    group = {"group.id": f"zhongtai.{topic}.{job}", "enable.auto.commit": False}
    consumer = Consumer(settings.librdkafka() | group)
    try:
        places = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        found = patiently(lambda: consumer.committed(places, timeout=30))
        return sum(max(0, tp.offset) for tp in found)
    finally:
        consumer.close()


def restored(home: Path, slot: str) -> int:
    """How often a job of this worker was given partitions, and had what it needs to go on."""
    return (home / f"{slot}.log").read_text().count("2 partitions live" if slot == "b" else "partitions live")


def test_what_cannot_be_done_yet_waits_in_kafka(kafka_broker: Settings, tmp_path: Path) -> None:
    topic = f"slow-{time.time_ns()}"
    fill(kafka_broker, topic)
    peak, done = 0, []
    with worker(kafka_broker, tmp_path, topic) as process:
        begin = time.monotonic()
        while not done or not all(done):
            assert time.monotonic() < begin + 60, (tmp_path / "a.log").read_text()[-2000:]
            done = [committed(kafka_broker, topic, job) for job in ("here", "thread")]
        begin = time.monotonic()
        while time.monotonic() < begin + WATCHED_S:
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.05)
        later = [committed(kafka_broker, topic, job) for job in ("here", "thread")]
        assert process.is_running(), (tmp_path / "a.log").read_text()[-2000:]
        # Four heartbeats' worth of silence would have cost the partitions, and with them the work in hand.
        assert restored(tmp_path, "a") == 2
        with worker(kafka_broker, tmp_path, topic, "b"):
            # The first has had a backlog for an hour, as far as its client knows, and is let into the group again.
            begin = time.monotonic()
            while restored(tmp_path, "b") < 2 or restored(tmp_path, "a") < 4:
                assert time.monotonic() < begin + 60, (tmp_path / "a.log").read_text()[-2000:]
                time.sleep(0.2)
    assert all(before < after < RECORDS for before, after in zip(done, later, strict=True)), (done, later)
    # If nothing pushed back, or if what was done were kept, two jobs would hold twice the input.
    assert peak < BYTES * 3 / 4, f"{peak / 1e6:.0f} MB"
