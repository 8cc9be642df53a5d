"""How long from an event to the member map: `make bench NAME=oneid-latency` (`RATE=2000`, `SECONDS=30`).

Calls of a web shop that show new people are written to `event.behaviour` at an even rate; the real jobs run in one worker as in
production, and a reader of committed records notes when each identifier comes up in `state.member_map`. A tenth of the calls show
somebody for the first time, and only those change the map; the others repeat, as in steady state.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from rich.console import Console

from bench import cluster as cluster_
from bench.oneid.waits import waits
from bench.report import RESULTS, append, belongs
from cli.console import last_line
from connectors import topics
from connectors.settings import Settings
from contracts.behaviour import Behaviour
from contracts.errors import NotReady
from contracts.keys import key, partition
from contracts.receipts import Origin, Token
from contracts.topics import BY_NAME
from contracts.wire import encode

JOBS = ("show_behaviour", "resolve_members")
NEW = 10  # one call in so many shows somebody new
WARM_S = 5.0
TENANT = "bench"
HERE = Origin("raw.ecommerce", 0, 0)
console = Console(stderr=True)


def main(environ: Mapping[str, str]) -> None:
    """Measures, and tells one JSON line: latencies in milliseconds, and the 99th percentile in commit intervals."""
    rate, seconds = int(environ.get("RATE", "2000")), float(environ.get("SECONDS", "30"))
    folder = Path(tempfile.mkdtemp(prefix="zhongtai-bench-oneid-"))
    try:
        with cluster_.running(folder) as cluster:
            settings = Settings(home=folder / "ours", kafka=cluster.bootstrap, tenant=TENANT)
            topics.apply(settings)
            with _worker(settings):
                found = measure(settings, rate, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    took = waits(found)
    console.print(f"event → member map at {rate:,}/s: {took}")
    line: dict[str, object] = {
        "bench": "oneid-latency",
        "rate": rate,
        "new_identifiers": len(found),
        **took.line(),
        "p99_commit_intervals": round(took.intervals, 2),
    }
    append(line | belongs(), RESULTS / "oneid-latency.jsonl")
    last_line(**line)


def measure(settings: Settings, rate: int, seconds: float) -> list[float]:
    """Seconds from the sending of a call to the sight of its new identifiers in the map, after some seconds to warm up."""
    producer = Producer({"bootstrap.servers": settings.bootstrap, "linger.ms": 2})
    reader = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": "bench.oneid",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 5,
        }
    )
    place = partition(key(TENANT), BY_NAME["state.member_map"].partitions)
    reader.assign([TopicPartition("state.member_map", place, 0)])
    sent: dict[bytes, float] = {}
    found: list[float] = []
    _wait_for_the_first(producer, reader)
    began, n = time.monotonic(), 0
    while (now := time.monotonic()) < began + WARM_S + seconds or sent:
        if now > began + WARM_S + seconds + 30:
            raise NotReady(f"{len(sent)} identifiers have not come up in the map.", "Look at the worker.")
        due = int(min(now - began, WARM_S + seconds) * rate)
        for i in range(n, due):
            call, fresh = _call(i)
            producer.produce("event.behaviour", encode(call), call.event_id.encode(), i % 4)
            if fresh and now > began + WARM_S:
                sent[key(TENANT, call.identifiers[0].nid)] = time.monotonic()
        n = max(n, due)
        producer.poll(0)
        for message in reader.consume(5_000, timeout=0.005):
            seen = sent.pop(message.key() or b"", None) if message.error() is None else None
            if seen is not None:
                found.append(time.monotonic() - seen)
    reader.close()
    return found


def _call(i: int) -> tuple[Behaviour, bool]:
    """The i-th call, and whether it shows somebody new. The others repeat what one of the last thousand people showed."""
    person = i // NEW if i % NEW == 0 else max(0, i // NEW - (i * 7919) % 1_000)
    digests = {type: sha256(f"{type} {person}".encode()).hexdigest()[:32] for type in ("login", "device", "cookie")}
    shown = tuple(Token(type, f"{type}:{digest}", "") for type, digest in digests.items())
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    call = Behaviour(
        tenant=TENANT, event_id=f"bench-{i}", kind="page", name="Home", at=at, received_at=at, identifiers=shown, origin=HERE
    )  # fmt: skip
    return call, i % NEW == 0


def _wait_for_the_first(producer: Producer, reader: Consumer) -> None:
    call, _ = _call(0)
    producer.produce("event.behaviour", encode(call), b"first", 0)
    producer.flush(30)
    until = time.monotonic() + 90
    while not any(message.error() is None for message in reader.consume(100, timeout=0.5)):
        if time.monotonic() > until:
            raise NotReady("The worker does not get to work.", "Look at its log.")


@contextmanager
def _worker(settings: Settings) -> Iterator[None]:
    environ = os.environ | {
        "ZHONGTAI_HOME": str(settings.home),
        "ZHONGTAI_KAFKA": settings.kafka,
        "ZHONGTAI_TENANT": TENANT,
    }
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.worker", *JOBS], env=environ, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
