"""The centre, real: a broker, and a worker with the jobs that take receipts and watch outboxes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from zhongtai_edge.records import LANES

from connectors import kafka, topics
from connectors.settings import Settings
from contracts.errors import NotReady
from contracts.topics import BY_NAME, PARTITIONS
from pipelines.jobs import groups
from pipelines.settled import wait_until_settled
from tests.chaos.real.process import Unexpected, wait

JOBS = ("accept_receipts", "note_edge_arrivals", "keep_edges")
ROOT = Path(__file__).parents[3]
PRODUCT = {"sku": "WATER", "base_unit": "each", "units": {"each": "1"}}


@contextmanager
def centre(broker: Settings) -> Iterator[Settings]:
    """Settings of a centre on `broker`, with a home of its own; its worker ends with the block."""
    home = Path(tempfile.mkdtemp(prefix="zhongtai-chaos-centre-"))
    products = home / "products-1.jsonl"
    products.write_text(json.dumps(PRODUCT) + "\n")
    settings = Settings(home=home, kafka=broker.bootstrap, products=str(products))
    topics.apply(settings)
    _lane_topics(settings)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ZHONGTAI_")}
    environment |= {"ZHONGTAI_HOME": str(home), "ZHONGTAI_KAFKA": settings.kafka, "ZHONGTAI_PRODUCTS": str(products)}
    with (home / "worker.log").open("wb") as log:
        command = [sys.executable, "-m", "pipelines.worker", *JOBS]
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield settings
        if worker.poll() is not None:
            raise Unexpected(f"the worker ended with {worker.returncode}; see {home}/worker.log")
    finally:
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(30)
        except subprocess.TimeoutExpired:
            worker.kill()
    shutil.rmtree(home, ignore_errors=True)  # kept, with the worker's words, when anything went wrong


def _lane_topics(settings: Settings) -> None:
    """The topics of lanes that this release's table does not have yet: a lane needs a topic to go to."""
    wanted = [lane.topic for lane in LANES if lane.topic not in BY_NAME]
    config = {"message.timestamp.type": "LogAppendTime"}
    admin = AdminClient(settings.librdkafka())
    there = admin.list_topics(timeout=30).topics
    new = [NewTopic(name, PARTITIONS, 1, config=config) for name in wanted if name not in there]
    for made in admin.create_topics(new).values() if new else ():
        made.result()
    reader = kafka.reader(settings)
    try:
        for name in (*wanted, *(topic for job in JOBS for topic in groups(settings)[f"zhongtai.{job}"]), "state.edge"):
            wait(lambda name=name: _there(reader, name), f"topic {name}")  # type: ignore[misc]
    finally:
        reader.close()


def _there(reader: Consumer, topic: str) -> bool:
    try:
        return bool(kafka.spans(reader, topic))
    except (NotReady, KafkaException):
        return False  # a new topic has no leaders for a moment


def settle(settings: Settings, patience_s: float) -> None:
    """Returns when the jobs have taken everything there is."""
    known = groups(settings)
    wait_until_settled(
        settings, {f"zhongtai.{job}": known[f"zhongtai.{job}"] for job in JOBS}, patience_s, lambda _: None
    )
