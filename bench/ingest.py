"""`make bench NAME=ingest`: receipts per CPU-second of `zhongtai ingest`, beside a bare kafka-python producer with the same bytes.

Both are whole processes, start-up included, on one broker, in turns. The bare one reads lines and sends them as values, with the
settings of `connectors.sender` (idempotent, all replicas, lz4): no key, no header, no check, no mark. CPU is what the process and
its children used, as the kernel counts it. The last line of stdout is the result as JSON.
"""

import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from connectors import topics
from connectors.settings import Settings
from contracts.errors import BadInput

BARE = """
import sys
from kafka import KafkaProducer
producer = KafkaProducer(
    bootstrap_servers=[sys.argv[2]], enable_idempotence=True, acks="all", compression_type="lz4", linger_ms=20, batch_size=1 << 18
)
with open(sys.argv[1], "rb") as file:
    for line in file:
        producer.send("raw.pos", value=line.rstrip(b"\\n"))
producer.flush()
"""
LINES = 10  # of a receipt, as in the demo's world
SKUS = 400
console = Console(stderr=True, width=max(120, Console().width))


def main(environment: Mapping[str, str]) -> None:
    """Runs RECEIPTS= (60,000) receipts ROUNDS= (3) times through each. Raises `BadInput` for what is no number."""
    from tests.chaos.real.run import running

    try:
        receipts, rounds = int(environment.get("RECEIPTS") or 60_000), int(environment.get("ROUNDS") or 3)
    except ValueError:
        raise BadInput("RECEIPTS and ROUNDS are numbers.", "Such as RECEIPTS=60000 ROUNDS=3.") from None
    folder = Path(tempfile.mkdtemp(prefix="zhongtai-bench-ingest-"))
    try:
        feed, products = write(folder, receipts)
        with running() as settings:
            topics.apply(settings)
            ours, bare = [], []
            for n in range(rounds):
                bare.append(receipts / cpu([sys.executable, "-c", BARE, str(feed), settings.bootstrap], {}))
                ours.append(receipts / cpu(*_ingest(settings, folder, feed, products, n)))
                console.print(
                    f"round {n + 1}: ingest {ours[-1]:,.0f}, bare producer {bare[-1]:,.0f} receipts per CPU-second"
                )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {
        "bench": "ingest",
        "ratio_bare_kafka_python": round(statistics.median(ours) / statistics.median(bare), 3),
        "receipts": receipts,
        "rounds": rounds,
        "receipts_per_cpu_second": round(statistics.median(ours)),
        "bare_per_cpu_second": round(statistics.median(bare)),
    }
    sys.stdout.write(json.dumps(result) + "\n")


def write(folder: Path, receipts: int) -> tuple[Path, Path]:
    """A file of receipts of twenty shops, and the products that they name. The same each time."""
    dice = random.Random(1)
    products = folder / "products-1.jsonl"
    units = {"each": "1", "case": "12"}
    made = ({"sku": f"{20_000 + n}", "base_unit": "each", "units": units} for n in range(SKUS))
    products.write_text("".join(json.dumps(one) + "\n" for one in made))
    feed = folder / "receipts.jsonl"
    with feed.open("w") as file:
        for n in range(receipts):
            file.write(json.dumps(_receipt(dice, n)) + "\n")
    return feed, products


def _receipt(dice: random.Random, n: int) -> dict[str, object]:
    lines: list[dict[str, object]] = []
    for _ in range(dice.randint(1, 2 * LINES - 1)):
        line: dict[str, object] = {
            "sku": f"{20_000 + dice.randrange(SKUS)}",
            "quantity": str(dice.randint(1, 4)),
            "unit": "each",
        }
        line["amount_cents"] = dice.randint(99, 9_999)
        if dice.random() < 0.2:
            line["discounts"] = [{"promotion": f"P{dice.randrange(50)}", "amount_cents": 50}]
        lines.append(line)
    told: dict[str, object] = {
        "store": f"S{n % 20:03d}",
        "till": str(n // 20 % 4),
        "clerk": f"C{n % 7}",
        "number": n // 80 + 1,
    }
    told |= {"at": f"2026-11-22T{8 + n % 12:02d}:30:00+08:00", "kind": "sale", "currency": "CNY", "lines": lines}
    told["tenders"] = [{"type": "mobile", "amount_cents": sum(int(str(line["amount_cents"])) for line in lines)}]
    if dice.random() < 0.4:
        told["identifiers"] = [{"type": "card", "value": f"88{dice.randrange(10**8):08d}"}]
    return told


def _ingest(settings: Settings, folder: Path, feed: Path, products: Path, n: int) -> tuple[list[str], dict[str, str]]:
    """The command with a home of its own: it has never seen the file."""
    environment = {
        "ZHONGTAI_HOME": str(folder / f"home-{n}"),
        "ZHONGTAI_KAFKA": settings.bootstrap,
        "ZHONGTAI_PRODUCTS": str(products),
    }
    return [sys.executable, "-m", "cli.main", "ingest", "pos", str(feed)], environment


def cpu(command: list[str], environment: dict[str, str]) -> float:
    """CPU seconds of a command, user and system. Raises `CalledProcessError` when it fails."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ZHONGTAI_")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=clean | environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
