"""An hour of steady load: is memory bounded, and is every key right at the end?

    python -m bench.soak --minutes 60 --rate 2000 --keys 1000000

A worker of its own, on a broker of its own, keeps the product's stock levels from movements of so many keys. First every key
moves as often as a level remembers changes, as in a shop that is not new (about seven minutes for a million keys); else an hour
would show levels that fill. Then the rate is held. The worker's memory is read every ten seconds; the line through the last two
thirds says whether it grows. At the end every level is compared with a sum made here. The result is a line in bench/soak.jsonl.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from array import array
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Producer

from centers.stock.levels import REMEMBERED
from connectors import broker, topics, worker_metrics
from connectors.kafka import read
from connectors.settings import Settings
from contracts.keys import key, partition
from contracts.receipts import Origin
from contracts.stock import Document, StockLevel, StockMovement
from contracts.wire import decoder, encode
from pipelines.jobs import groups
from pipelines.settled import wait_until_settled

TENANT = "soak"
TOPIC = "event.stock_movement"
LOCATIONS = 100
RESULTS = Path(__file__).parent / "soak.jsonl"


class Load:
    """Movements of known sums. `sums` and `counts` are the reference: nothing of the platform's is used to make them."""

    def __init__(self, settings: Settings, keys: int, seed: int) -> None:
        self._producer = Producer(settings.librdkafka() | {"compression.type": "lz4", "linger.ms": 20})
        self._dice = random.Random(seed)
        self.sums = array("q", bytes(8 * keys))
        self.counts = array("q", bytes(8 * keys))
        self.sent = 0

    def send(self, n: int) -> None:
        """One movement of key number `n`."""
        quantity = self._dice.randint(-5, 5)
        self.sums[n] += quantity
        self.counts[n] += 1
        movement = self._movement(n, quantity)
        while True:
            try:
                to = partition(key(TENANT, movement.sku), 4)
                self._producer.produce(TOPIC, encode(movement), key(TENANT, movement.movement_id), to)
                break
            except BufferError:
                self._producer.poll(0.1)
        self.sent += 1

    def any_key(self) -> int:
        return self._dice.randrange(len(self.sums))

    def flush(self) -> None:
        self._producer.flush()

    def _movement(self, n: int, quantity: int) -> StockMovement:
        return StockMovement(
            tenant=TENANT,
            movement_id=f"m{self.sent:012d}",
            sku=f"P{n // LOCATIONS:06d}",
            location=f"S{n % LOCATIONS:03d}",
            bucket="on_hand",
            quantity=quantity,
            unit="each",
            at="2026-11-22T00:00:00Z",
            known_at="2026-11-22T00:00:00Z",
            source="pos",
            why=Document("receipt", "r", 1),
            recorded=Origin("event.receipt", 0, self.sent),
        )


def hold(load: Load, worker: psutil.Process, rate: int, minutes: float, home: Path) -> list[tuple[float, float]]:
    """Send at `rate` for so long. Returns (seconds, megabytes of the worker) every ten seconds."""
    samples: list[tuple[float, float]] = []
    started = time.monotonic()
    due = sampled = 0.0
    while (now := time.monotonic() - started) < minutes * 60:
        for _ in range(int(now * rate - due)):
            load.send(load.any_key())
            due += 1
        load._producer.poll(0)
        if now - sampled >= 10:
            sampled = now
            samples.append((now, worker.memory_info().rss / 2**20))
            told = worker_metrics.read(home).get("keep_stock_levels", {})
            sys.stderr.write(
                f"\r{now / 60:5.1f} min {samples[-1][1]:6.0f} MB {told.get('zhongtai_state_keys', 0):,.0f} keys "
            )
        time.sleep(0.02)
    return samples


def slope(samples: list[tuple[float, float]]) -> float:
    """Megabytes an hour: the least-squares line through the last two thirds."""
    late = samples[len(samples) // 3 :]
    n, mean_t, mean_m = len(late), sum(t for t, _ in late) / len(late), sum(m for _, m in late) / len(late)
    above = sum((t - mean_t) * (m - mean_m) for t, m in late)
    below = sum((t - mean_t) ** 2 for t, _ in late)
    return above / below * 3600 if n > 2 and below else 0.0


def wrong(settings: Settings, load: Load) -> int:
    """How many levels are not what was sent."""
    decode = decoder(StockLevel)
    found: dict[int, tuple[int, int]] = {}
    for _, messages, _ in read(settings, "state.stock_level"):
        for message in messages:
            level = decode(message.value() or b"")
            found[int(level.sku[1:]) * LOCATIONS + int(level.location[1:])] = (level.on_hand, level.movements)
    wanted = ((n, (load.sums[n], load.counts[n])) for n in range(len(load.sums)))
    return sum(found.get(n, (0, 0)) != w for n, w in wanted)


def commit() -> str:
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()


def soak(minutes: float, rate: int, keys: int, filled: int, seed: int, home: Path) -> dict[str, Any]:
    settings = Settings(home=home, kafka=broker.start(home).address)
    topics.apply(settings)
    environment = {"ZHONGTAI_HOME": str(home), "ZHONGTAI_KAFKA": settings.kafka}
    command = [sys.executable, "-m", "pipelines.worker", "keep_stock_levels"]
    with (home / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        load = Load(settings, keys, seed)
        for _ in range(filled):
            for n in range(keys):
                load.send(n)
        load.flush()
        job = {g: i for g, i in groups(settings).items() if g.endswith("keep_stock_levels")}
        wait_until_settled(settings, job, 1800, lambda _: None)
        worker = psutil.Process(process.pid)
        cpu, samples = sum(worker.cpu_times()[:2]), hold(load, worker, rate, minutes, home)
        cores = (sum(worker.cpu_times()[:2]) - cpu) / (minutes * 60)
        load.flush()
        wait_until_settled(settings, job, 600, lambda _: None)
        marks = [round(m) for _, m in samples[:: max(1, len(samples) // 12)]]
        return {
            "soak": "stock",
            "commit": commit(),
            "seed": seed,
            "minutes": minutes,
            "rate": rate,
            "keys": keys,
            "filled": filled,
            "events": load.sent,
            "wrong": wrong(settings, load),
            "mb": marks,
            "mb_per_hour": round(slope(samples), 1),
            "cores": round(cores, 3),
        }
    finally:
        process.kill()
        broker.stop(home)


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold a load, and watch the worker's memory.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--filled", type=int, default=REMEMBERED + 1, help="how often each key moves before")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zhongtai-soak-") as home:
        result = soak(chosen.minutes, chosen.rate, chosen.keys, chosen.filled, chosen.seed, Path(home))
    with RESULTS.open("a") as file:
        file.write(json.dumps(result) + "\n")
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
