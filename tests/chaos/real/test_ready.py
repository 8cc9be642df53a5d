"""A job that makes its state ready for longer than a session lasts keeps its partitions meanwhile."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.kafka import patiently
from connectors.settings import Settings
from contracts.wire import encode
from tests.chaos.real.readying import PARTITIONS
from tests.chaos.sim.jobs import Level

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]
ROOT = Path(__file__).parents[3]
RECORDS = 50


@contextmanager
def worker(settings: Settings, home: Path, topic: str) -> Iterator[Path]:
    said = home / "worker.log"
    with said.open("wb") as log:
        command = [sys.executable, "-m", "tests.chaos.real.readying", settings.bootstrap, str(home), topic]
        child = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        yield said
    finally:
        child.kill()
        child.wait()


def fill(settings: Settings, topic: str, first: int) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap, "log_level": 2})
    for n in range(first, first + RECORDS):
        producer.produce(topic, encode(Level(total=n, count=1)), b"k", n % PARTITIONS)
    assert producer.flush(60) == 0


def committed(settings: Settings, topic: str) -> int:
    consumer = Consumer(settings.librdkafka() | {"group.id": f"zhongtai.{topic}", "enable.auto.commit": False})
    try:
        places = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        return sum(max(0, tp.offset) for tp in patiently(lambda: consumer.committed(places, timeout=30)))
    finally:
        consumer.close()


def wait(said: Path, true: Callable[[], bool]) -> None:
    begin = time.monotonic()
    while not true():
        assert time.monotonic() < begin + 80, said.read_text()[-3000:]
        time.sleep(0.3)


def test_what_takes_three_sessions_to_make_ready_costs_no_partitions(kafka_broker: Settings, tmp_path: Path) -> None:
    topic = f"ready-{time.time_ns()}"
    admin = AdminClient({"bootstrap.servers": kafka_broker.bootstrap, "log_level": 2})
    topics = [NewTopic(name, PARTITIONS, 1) for name in (topic, f"{topic}.state")]
    for created in admin.create_topics(topics, operation_timeout=60).values():
        created.result()
    for start in (0, 1):  # the first finds nothing, the second the state of the first
        fill(kafka_broker, topic, start * RECORDS)
        with worker(kafka_broker, tmp_path, topic) as said:
            wait(said, lambda start=start: committed(kafka_broker, topic) >= (start + 1) * RECORDS)
            text = said.read_text()
        assert text.count("made ready with") == PARTITIONS, text[-3000:]
        assert text.count("made ready with 25 keys") == PARTITIONS * start
        assert text.count("partitions live") == 1, "it was put out of its group, and began anew"
