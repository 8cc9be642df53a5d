"""`make bench NAME=service`: a restart of the service with many keys, and its memory.

A real broker holds KEYS stock levels. `zhongtai serve` fills its view, is killed, and starts again: from the start of the
process to the first answer, and how much memory it takes, beside a view of a tenth of the keys.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
from confluent_kafka import Producer
from rich.console import Console
from rich.progress import track

from connectors import broker, topics
from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.keys import key, partition
from contracts.stock import StockLevel
from contracts.wire import encode
from oneservice.tokens import Tokens

LIMIT_S = 600
console = Console(stderr=True)


def main(environment: Mapping[str, str]) -> None:
    keys = int(environment.get("KEYS") or 1_000_000)
    with tempfile.TemporaryDirectory(prefix="zhongtai-bench-") as folder:
        home = Path(folder)
        settings = Settings(home=home, kafka=broker.start(home).address)
        try:
            topics.apply(settings)
            few = _measured(settings, keys // 10, "few")
            many = _measured(settings, keys, "demo")
        finally:
            broker.stop(home)
    told = {
        "bench": "service",
        "keys": keys,
        "filled_s": many["filled_s"],
        "first_answer_s": many["first_answer_s"],
        "rss_mib": many["rss_mib"],
        "rss_mib_tenth": few["rss_mib"],
        "view_mib": many["view_mib"],
    }
    sys.stdout.write(json.dumps(told) + "\n")
    # Issue-sized bounds: first answer within 5 s, memory flat beyond the caches (docs/service.md).
    sys.exit(0 if many["first_answer_s"] < 5 and many["rss_mib"] - few["rss_mib"] < 64 else 1)


def _measured(settings: Settings, keys: int, tenant: str) -> dict[str, float]:
    _write(settings, keys, tenant)
    own = settings.home / tenant
    tokens = Tokens(own, tenant, SystemClock())
    token, _ = tokens.add("bench", "owner", timedelta(hours=1))
    tokens.close()
    asked = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30)
    began = time.monotonic()
    process, url = _serve(settings, own, tenant)
    _answered(asked, url, f"SKU-{keys - 1:08d}")
    filled_s = time.monotonic() - began
    for n in range(0, keys, max(1, keys // 500)):
        _answered(asked, url, f"SKU-{n:08d}")
    process.send_signal(signal.SIGKILL)
    process.wait()
    began = time.monotonic()
    process, url = _serve(settings, own, tenant)
    _answered(asked, url, f"SKU-{keys // 2:08d}")
    first_s = time.monotonic() - began
    for n in range(0, keys, max(1, keys // 2000)):
        _answered(asked, url, f"SKU-{n:08d}")
    rss = psutil.Process(process.pid).memory_info().rss / 2**20
    process.terminate()
    process.wait()
    size = sum(path.stat().st_size for path in (own / "service").glob("live.sqlite*")) / 2**20
    found = {"filled_s": filled_s, "first_answer_s": first_s, "rss_mib": rss, "view_mib": size}
    console.print(f"{keys:,} keys: {', '.join(f'{name} {value:.2f}' for name, value in found.items())}")
    return {name: round(value, 2) for name, value in found.items()}


def _write(settings: Settings, keys: int, tenant: str) -> None:
    producer = Producer(settings.librdkafka() | {"linger.ms": 20, "queue.buffering.max.messages": 200_000})
    for n in track(range(keys), f"writing {keys:,} levels", console=console):
        sku = f"SKU-{n:08d}"
        level = StockLevel(
            tenant=tenant, sku=sku, location="S0001", on_hand=n, unit="each", movements=1, as_of="2026-11-22T10:00:00Z"
        )
        while True:
            try:
                place = partition(key(tenant, sku), 4)
                producer.produce("state.stock_level", encode(level), key(tenant, sku, "S0001"), partition=place)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    producer.flush()


def _serve(settings: Settings, home: Path, tenant: str) -> tuple["subprocess.Popen[str]", str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ZHONGTAI_")}
    environment |= {"ZHONGTAI_HOME": str(home), "ZHONGTAI_TENANT": tenant, "ZHONGTAI_KAFKA": settings.kafka}
    command = [sys.executable, "-m", "cli.main", "serve", "--address", "127.0.0.1:0"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    for line in process.stdout:
        if line.startswith('{"service"'):
            return process, json.loads(line)["service"]
    raise RuntimeError("the service did not start")


def _answered(asked: httpx.Client, url: str, sku: str) -> None:
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        answer = asked.get(f"{url}/v1/stock/{sku}")
        if answer.status_code == 200:
            return
        time.sleep(0.05)
    raise RuntimeError(f"no answer: {answer.text}")
