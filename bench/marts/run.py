"""`make bench NAME=marts`: rounds of both builders, growth, queries. docs/bench.md says how to read it."""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from rich.console import Console

from bench.build import HERE, dbt_python
from bench.marts import dbt_project, grown, year
from bench.marts.rig import Builder
from bench.plan import cache
from bench.report import RESULTS, append, belongs
from connectors import published
from contracts.errors import NotReady

QUERIES = (
    "SELECT store, sum(sales_cents) FROM dws_trade_store_1d GROUP BY store ORDER BY 2 DESC LIMIT 20",
    "SELECT business_date, sum(sales_cents), sum(receipts) FROM dws_trade_store_1d GROUP BY 1 ORDER BY 1",
    "SELECT date_trunc('month', business_date) AS m, sum(sales_cents) FROM dws_trade_store_1d GROUP BY 1 ORDER BY 1",
    "SELECT store, sum(sales_cents) FROM dws_trade_store_1d WHERE business_date = '2026-11-19' GROUP BY 1",
    "SELECT sku, sum(amount_cents) FROM dwd_trade_receipt_line GROUP BY sku ORDER BY 2 DESC LIMIT 50",
    "SELECT department, sum(amount_cents) FROM dwd_trade_receipt_line JOIN dim_product USING (tenant, sku) GROUP BY 1",
    "SELECT count(*), sum(total_cents) FROM dwd_trade_receipt WHERE store = 'S0367' AND kind = 'return'",
    "SELECT hour(sold_at), count(*) FROM dwd_trade_receipt GROUP BY 1 ORDER BY 1",
    "SELECT location, sum(on_hand) FROM ads_stock_level GROUP BY 1 ORDER BY 2 LIMIT 20",
    "SELECT * FROM ads_stock_level WHERE location = 'S0367' ORDER BY sku LIMIT 100",
)
ASKED = 20
console = Console(stderr=True, width=max(150, Console().width))


class Round(msgspec.Struct, kw_only=True):
    """Seconds of one builder in one round; `cpu` of its process."""

    peer: str
    round: int
    build_s: float
    build_cpu_s: float
    increment_s: float = 0
    increment_cpu_s: float = 0
    publish_s: float = 0
    query_p95_ms: float = 0


class Different(Exception):
    """The two builders did not make the same tables."""


def marts(environment: Mapping[str, str], today: str) -> dict[str, object]:
    """Everything, in order; the last line. Raises `Different`."""
    rounds, seed = int(environment.get("ROUNDS") or 3), int(environment.get("SEED") or 1)
    days = int(environment.get("DAYS") or year.DAYS)
    kept = cache()
    home, records = year.lake(kept, seed, days, console.print)
    try:
        dbt = dbt_python(kept)
    except NotReady as error:
        dbt = None
        console.print(f"goes on without dbt: {error.wrong}")
    _read(home)
    found: list[Round] = []
    for number in range(1, rounds + 1):
        found += _round(number, home, records, dbt)
    growth = _growth(home, rounds)
    line = _summary(found, growth)
    append(line | _facts(home, seed, today, found, growth), RESULTS / "marts.jsonl")
    return line


def _read(home: Path) -> None:
    """Reads the lake once: otherwise whoever begins would pay for what the system no longer has in its memory."""
    for file in sorted((home / "lake").rglob("*.parquet")):
        file.read_bytes()


def _round(number: int, home: Path, records: Path, dbt: Path | None) -> list[Round]:
    with _copied(home) as here:
        project = here.parent / "dbt"
        dbt_project.write(project, here)
        builders = {"zhongtai": [sys.executable, "-m", "bench.marts.ours", str(here)]}
        if dbt:
            builders["dbt"] = [str(dbt), str(HERE / "dbt" / "peer.py"), str(project)]
        order = list(builders) if number % 2 else list(reversed(builders))
        running = {name: Builder(builders[name], here.parent / f"{name}.log") for name in order}
        made = {}
        for name in order:
            told = running[name].ask("build")
            made[name] = Round(peer=name, round=number, build_s=told["seconds"], build_cpu_s=told["cpu"])
        _same(running)
        days = _new_days(here, records)
        for name in order:
            told = running[name].ask("build" if name == "zhongtai" else f"build {','.join(days)}")
            made[name].increment_s, made[name].increment_cpu_s = told["seconds"], told["cpu"]
        _same(running)
        made["zhongtai"].publish_s = running["zhongtai"].ask("publish")["seconds"]
        made["zhongtai"].query_p95_ms = _query_p95_ms(here)
        for builder in running.values():
            builder.end()
        for one in made.values():
            console.print(
                f"round {number}: {one.peer:9} build {one.build_s:6.2f} s ({one.build_cpu_s:.2f} CPU), "
                f"increment {one.increment_s:6.3f} s ({one.increment_cpu_s:.3f} CPU), same tables"
            )
        return list(made.values())


@contextmanager
def _copied(home: Path) -> Iterator[Path]:
    """The home in a temporary folder. Files of a lake never change, so links are as good as copies."""
    folder = Path(tempfile.mkdtemp(prefix="zhongtai-marts-", dir=home.parent))
    try:
        shutil.copytree(home / "lake", folder / "home" / "lake", copy_function=os.link)
        shutil.copytree(home / "reference", folder / "home" / "reference")
        yield folder / "home"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _new_days(here: Path, records: Path) -> list[str]:
    """The last day arrives in the lake; the days on which its records fall. dbt is told them, we find them."""
    from pipelines.warehouse import duck
    from pipelines.warehouse.store import in_home

    folders = [duck.quoted(in_home(here).table(topic)) for topic in year.TOPICS]
    before = [_offsets(folder) for folder in folders]
    year.load_upto(here, records, len(list(records.glob("*.pickle"))), lambda _: None)
    days: set[str] = set()
    with duckdb.connect() as con:
        con.execute(duck.delta_sql())
        con.execute("SET TimeZone = 'UTC'")
        for folder, known, day in zip(folders, before, ("business_date", 'CAST("at" AS DATE)'), strict=True):
            new = " OR ".join(f"(kafka_partition = {p} AND kafka_offset > {n})" for p, n in known)
            # The names are ours.
            rows = con.execute(f"SELECT DISTINCT {day} FROM delta_scan('{folder}') WHERE {new}").fetchall()  # noqa: S608
            days |= {str(found) for (found,) in rows}
    return sorted(days)


def _offsets(folder: str) -> list[tuple[int, int]]:
    from pipelines.warehouse import duck

    with duckdb.connect() as con:
        con.execute(duck.delta_sql())
        sql = f"SELECT kafka_partition, max(kafka_offset) FROM delta_scan('{folder}') GROUP BY 1"  # noqa: S608
        return con.execute(sql).fetchall()


def _same(running: dict[str, Builder]) -> None:
    """Raises `Different` unless all have made the same rows."""
    tables = {name: builder.ask("tables")["tables"] for name, builder in running.items()}
    ours, others = tables.pop("zhongtai"), list(tables.values())
    for theirs in others:
        wrong = [f"{name}: {ours[name]} and {theirs.get(name)}" for name in ours if ours[name] != theirs.get(name)]
        if wrong:
            raise Different("; ".join(wrong))


def _query_p95_ms(home: Path) -> float:
    con = published.connect(home)
    times = []
    for sql in QUERIES * ASKED:
        began = time.perf_counter()
        con.execute(sql).fetchall()
        times.append(1000 * (time.perf_counter() - began))
    con.close()
    return statistics.quantiles(times, n=20)[-1]


def _growth(home: Path, rounds: int) -> dict[int, list[float]]:
    """Seconds of full builds of one quarter and of ten, interleaved."""
    seconds: dict[int, list[float]] = {1: [], 10: []}
    with _copied(home) as here:
        homes = {times: grown.quarters(here, here.parent / f"q{times}", times) for times in seconds}
        for _ in range(rounds):
            for times, folder in homes.items():
                for file in folder.glob("warehouse/*"):
                    shutil.rmtree(file) if file.is_dir() else file.unlink()
                command = [sys.executable, "-m", "bench.marts.ours", str(folder)]
                builder = Builder(command, folder / "ours.log")
                seconds[times].append(builder.ask("build")["seconds"])
                builder.end()
            console.print(f"growth: one quarter {seconds[1][-1]:.2f} s, ten quarters {seconds[10][-1]:.2f} s")
    return seconds


def _summary(found: list[Round], growth: dict[int, list[float]]) -> dict[str, object]:
    def median(peer: str, figure: Callable[[Round], float]) -> float | None:
        values = [figure(one) for one in found if one.peer == peer]
        return statistics.median(values) if values else None

    ours = {
        name: median("zhongtai", lambda one, name=name: getattr(one, name)) or 0.0
        for name in Round.__struct_fields__[2:]
    }
    theirs = {name: median("dbt", lambda one, name=name: getattr(one, name)) for name in ("build_s", "increment_s")}
    ratio = {name: round(value / ours[name], 2) if value else None for name, value in theirs.items()}
    return {
        "bench": "marts",
        "build_s": round(ours["build_s"], 2),
        "increment_s": round(ours["increment_s"], 3),
        "growth_10x": round(statistics.median(growth[10]) / statistics.median(growth[1]), 2),
        "ratio_dbt_build": ratio["build_s"],
        "ratio_dbt_increment": ratio["increment_s"],
        "query_p95_ms": round(ours["query_p95_ms"], 1),
        "publish_s": round(ours["publish_s"], 2),
    }


def _facts(home: Path, seed: int, today: str, found: list[Round], growth: dict[int, list[float]]) -> dict[str, Any]:
    return {
        **belongs(),
        "seed": seed,
        "date": today,
        "days": year.days_of(home),
        "versions": {name: _version(name) for name in ("duckdb", "sqlmesh", "deltalake")} | {"dbt-duckdb": "1.11.1"},
        "rounds": msgspec.to_builtins(found),
        "growth": growth,
    }


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)
