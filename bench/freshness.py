"""From a receipt at the till to a published mart: how long does it take, with `zhongtai run --every 10s`?

    python -m bench.freshness HOME [--receipts 60] [--pause 2]

HOME is a home that is up, such as a demo's. Sends new receipts one by one at moments that do not keep step with the runs,
and looks, as a reader does, when each is in the published marts. A receipt that was never seen counts as the longest wait.

Last line: {"bench": "freshness", "receipts": n, "p50_s": x, "p95_s": x, "max_s": x, "rounds": n, "round_p50_s": x}
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from connectors import published

WAIT_S = 90.0
EVERY = "10s"


def main() -> None:
    """Runs the bench and prints its last line."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("home", type=Path)
    given.add_argument("--receipts", type=int, default=60)
    given.add_argument("--pause", type=float, default=2.0, help="mean seconds between two receipts")
    given.add_argument("--seed", type=int, default=1)
    asked = given.parse_args()
    sys.stderr.write(f"seed {asked.seed}\n")
    environment = os.environ | {"ZHONGTAI_HOME": str(asked.home.absolute())}
    zhongtai = [sys.executable, "-m", "cli.main"]
    with tempfile.TemporaryFile("w+") as told:
        runs = subprocess.Popen([*zhongtai, "run", "--every", EVERY], env=environment, stdout=told)
        try:
            waits = _measure(asked.home, environment, zhongtai, asked.receipts, asked.pause, random.Random(asked.seed))
        finally:
            runs.send_signal(signal.SIGTERM)
            runs.wait(60)
        told.seek(0)
        rounds = [json.loads(line)["seconds"] for line in told if line.startswith("{")]
    sys.stdout.write(json.dumps(summary(waits, rounds)) + "\n")


def summary(waits: list[float], rounds: list[float]) -> dict[str, object]:
    """The figures of the last line."""
    ranked = sorted(waits)
    return {
        "bench": "freshness",
        "receipts": len(waits),
        "p50_s": round(statistics.median(ranked), 1),
        "p95_s": round(ranked[max(0, -(-95 * len(ranked) // 100) - 1)], 1),
        "max_s": round(ranked[-1], 1),
        "rounds": len(rounds),
        "round_p50_s": round(statistics.median(rounds), 1) if rounds else None,
    }


def _measure(
    home: Path, environment: dict[str, str], zhongtai: list[str], count: int, pause: float, dice: random.Random
) -> list[float]:
    """Seconds from the moment at which a receipt was handed in until a reader saw it."""
    sku, unit = _something(home)
    batch = f"F{time.time_ns()}"
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    for n in range(count):
        till = f"{batch}.{n}"
        sent[till] = time.monotonic()
        line = json.dumps(_receipt(till, sku, unit)) + "\n"
        command = [*zhongtai, "ingest", "pos", "-"]
        subprocess.run(command, env=environment, input=line, text=True, check=True, capture_output=True)
        _look(home, batch, sent, seen, time.monotonic() + dice.expovariate(1 / pause))
    last = time.monotonic() + WAIT_S
    while len(seen) < len(sent) and time.monotonic() < last:
        _look(home, batch, sent, seen, time.monotonic() + 1)
    return [seen.get(till, at + WAIT_S) - at for till, at in sent.items()]


def _look(home: Path, batch: str, sent: dict[str, float], seen: dict[str, float], until: float) -> None:
    """Reads the published marts as a reader does, every fifth of a second, until the moment."""
    while time.monotonic() < until:
        con = published.connect(home)
        rows = con.execute("SELECT till FROM dwd_trade_receipt WHERE starts_with(till, ?)", [batch]).fetchall()
        con.close()
        now = time.monotonic()
        seen |= {till: now for (till,) in rows if till not in seen and till in sent}
        time.sleep(0.2)


def _receipt(till: str, sku: str, unit: str) -> dict[str, object]:
    return {
        "store": "S001",
        "till": till,
        "clerk": "C1",
        "number": 1,
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kind": "sale",
        "currency": "CNY",
        "lines": [{"sku": sku, "quantity": "1", "unit": unit, "amount_cents": 100}],
        "tenders": [{"type": "cash", "amount_cents": 100}],
    }


def _something(home: Path) -> tuple[str, str]:
    """A product that the home knows: SKU and base unit."""
    con = published.connect(home)
    row = con.execute("SELECT sku, base_unit FROM dim_product ORDER BY sku LIMIT 1").fetchone()
    con.close()
    if row is None:
        raise SystemExit("The home has no products: run a demo first.")
    return str(row[0]), str(row[1])


if __name__ == "__main__":
    main()
