"""Run chaos for as long as one likes: `python -m tests.chaos.run sim --seeds 20000 --from 1`.

Each chunk of seeds is a line in bench/chaos-sim.jsonl. What the same commit has run before is not run again. Progress goes to
stderr; the last line of stdout is the result as JSON. `sim --seed N --trace` replays one seed.
"""

import argparse
import json
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.chaos import plants
from tests.chaos.sim.plan import drawn
from tests.chaos.sim.world import World

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "chaos-sim.jsonl"
CHUNK = 100
JUDGED = ("pipelines/batch", "contracts", "tests/chaos")  # a result holds for a commit only when these are as committed
PLANT_SEEDS = (1, 2, 3)


def commit() -> str:
    """What is being judged. A tree with changes is `…-dirty`, and its results are never taken for done."""
    short = _git("rev-parse", "--short", "HEAD")
    return short + ("-dirty" if _git("status", "--porcelain", "--", *JUDGED) else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def run_chunk(first: int, last: int) -> dict[str, Any]:
    """Run the seeds `first` to `last`, both included."""
    started = time.monotonic()
    failed = [seed for seed in range(first, last + 1) if World(seed, drawn(seed)).run().violations]
    seconds = round(time.monotonic() - started, 2)
    return {
        "from": first,
        "to": last,
        "seeds": last - first + 1,
        "violations": len(failed),
        "seconds": seconds,
        "failed": failed,
    }


def done(at: str) -> list[dict[str, Any]]:
    """The lines that this commit has already."""
    if at.endswith("-dirty") or not RESULTS.exists():
        return []
    lines = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    return [line for line in lines if line["commit"] == at]


def chunks(first: int, count: int, ran: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """The ranges still to run, in steps of a chunk; a seed that is in `ran` is left out."""
    known = {seed for line in ran for seed in range(line["from"], line["to"] + 1)}
    found: list[tuple[int, int]] = []
    for seed in range(first, first + count):
        if seed in known:
            continue
        if found and found[-1][1] == seed - 1 and seed - found[-1][0] < CHUNK:
            found[-1] = found[-1][0], seed
        else:
            found.append((seed, seed))
    return found


def sim(first: int, count: int, jobs: int) -> int:
    """Run seeds, then the plants. Returns the process' exit code: 0 when nothing was violated and every plant caught."""
    at = commit()
    ran = [line for line in done(at) if line["from"] < first + count and line["to"] >= first]
    for line in _run(chunks(first, count, ran), jobs):
        ran.append(line)
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps({"commit": at} | line) + "\n")
    failed = sorted(seed for line in ran for seed in line["failed"])
    for seed in failed:
        print(f"seed {seed} failed; replay: python -m tests.chaos.run sim --seed {seed} --trace", file=sys.stderr)
    caught = sum(all(plants.violations(plant, seed) for seed in PLANT_SEEDS) for plant in plants.PLANTS)
    planted, trials = len(plants.PLANTS), sum(line["seeds"] for line in ran)
    print(
        json.dumps({"chaos": "sim", "trials": trials, "violations": len(failed), "planted": planted, "caught": caught})
    )
    return int(bool(failed) or caught < planted)


def _run(todo: list[tuple[int, int]], jobs: int) -> Any:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        ProcessPoolExecutor(jobs, max_tasks_per_child=None) as pool,
    ):
        bar = progress.add_task("seeds", total=sum(last - first + 1 for first, last in todo))
        broken = 0
        for future in as_completed([pool.submit(run_chunk, first, last) for first, last in todo]):
            line = future.result()
            broken += line["violations"]
            progress.update(bar, advance=line["seeds"], description=f"seeds, {broken} failed")
            yield line


def one(seed: int, trace: bool) -> int:
    """Replay a seed; with `trace`, tell everything that happened."""
    outcome = World(seed, drawn(seed), keep_lines=trace).run()
    print("\n".join([*outcome.lines, *outcome.violations]))
    result = {"chaos": "sim", "seed": seed, "violations": len(outcome.violations), "trace": outcome.trace}
    print(json.dumps(result))
    return int(bool(outcome.violations))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.run")
    command = parser.add_subparsers(required=True, dest="kind").add_parser("sim", help="the simulation in one process")
    command.add_argument("--seeds", type=int, default=500, help="how many")
    command.add_argument("--from", type=int, default=1, dest="first", help="the first one")
    command.add_argument("--jobs", type=int, default=1, help="processes")
    command.add_argument("--seed", type=int, help="replay this one only")
    command.add_argument("--trace", action="store_true", help="with --seed: tell what happened")
    wanted = parser.parse_args()
    if wanted.seed is not None:
        return one(wanted.seed, wanted.trace)
    return sim(wanted.first, wanted.seeds, wanted.jobs)


if __name__ == "__main__":
    sys.exit(main())
