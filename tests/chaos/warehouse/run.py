"""Storms over the warehouse run: `python -m tests.chaos.warehouse.run --trials 30 --seed 1 --resume`.

Each trial is a line in bench/chaos-warehouse.jsonl. With --resume a seed that this commit of what is judged has run is left
out. Progress goes to stderr; the last line of stdout is the result as JSON. `--only N` runs one seed and tells what it found.
"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.chaos.run import ROOT, _git
from tests.chaos.warehouse import scenes
from tests.chaos.warehouse.plants import PLANTS
from tests.chaos.warehouse.trial import as_line, trial

RESULTS = ROOT / "bench" / "chaos-warehouse.jsonl"
# All code that a trial comes through. Left out: the words of refusals and the settings, which grow with every other part.
JUDGED = (
    "pipelines/warehouse",
    "models",
    "onedata",
    *(f"connectors/{name}.py" for name in ("atomic", "processes", "published", "reference")),
    *(
        f"contracts/{name}.py"
        for name in ("dead_letters", "instants", "keys", "receipts", "schemas", "stock", "topics")
    ),
    "contracts/wire.py",
    "tests/chaos/warehouse",
    "tests/forks.py",
    "tests/warehouse/synthetic.py",
)


def commit() -> str:
    """The last commit of what is judged. With changes it is `…-dirty`, and its results are never taken for done."""
    return _git("log", "-1", "--format=%h", "--", *JUDGED) + (
        "-dirty" if _git("status", "--porcelain", "--", *JUDGED) else ""
    )


def done(at: str, results: Path = RESULTS) -> list[dict[str, Any]]:
    """The trials that this commit has already."""
    if at.endswith("-dirty") or not results.exists():
        return []
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    return [line for line in lines if line["commit"] == at]


def storms(first: int, trials: int, jobs: int, resume: bool) -> int:
    """Runs trials, then the plants. The exit status: 0 when nothing was violated and every plant was caught."""
    at = commit()
    wanted = range(first, first + trials)
    ran = [line for line in (done(at) if resume else []) if line["seed"] in wanted]
    for line in _run([seed for seed in wanted if seed not in {line["seed"] for line in ran}], jobs):
        ran.append(line)
        with RESULTS.open("a") as file:
            file.write(json.dumps({"commit": at} | line, ensure_ascii=False) + "\n")
    failed = [line for line in ran if line["violations"]]
    for line in failed:
        told = "; ".join(line["violations"][:3])
        print(
            f"seed {line['seed']}: {told}. Replay: python -m tests.chaos.warehouse.run --only {line['seed']}",
            file=sys.stderr,
        )
    caught = 0
    for name in PLANTS:
        found = scenes.violations(name, seed=first)
        print(f"planted: {name}: {'caught: ' + found[0] if found else 'NOT CAUGHT'}", file=sys.stderr)
        caught += bool(found)
    result = {
        "chaos": "warehouse",
        "trials": len(ran),
        "violations": len(failed),
        "planted": len(PLANTS),
        "caught": caught,
    }
    print(json.dumps(result))
    return int(bool(failed) or caught < len(PLANTS))


def _run(seeds: list[int], jobs: int) -> Any:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Threads: the work is done by the processes that they start.
    with Progress(*columns, console=Console(stderr=True)) as progress, ThreadPoolExecutor(jobs) as pool:
        bar, broken = progress.add_task("storms", total=len(seeds)), 0
        for future in as_completed([pool.submit(trial, seed) for seed in seeds]):
            line = as_line(future.result())
            broken += bool(line["violations"])
            progress.update(bar, advance=1, description=f"storms, {broken} failed")
            yield line


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.warehouse.run")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--jobs", type=int, default=1, help="trials at a time")
    parser.add_argument("--resume", action="store_true", help="leave out what this commit has run")
    parser.add_argument("--only", type=int, help="run this seed and tell what it found")
    wanted = parser.parse_args()
    if wanted.only is not None:
        print(json.dumps(as_line(trial(wanted.only)), ensure_ascii=False))
        return 0
    return storms(wanted.seed, wanted.trials, wanted.jobs, wanted.resume)


if __name__ == "__main__":
    sys.exit(main())
