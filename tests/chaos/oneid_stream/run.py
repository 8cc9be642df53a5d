"""Members through a real stream whose owner is killed: `python -m tests.chaos.oneid_stream.run --trials 100 --seed 1`.

Each trial is a line in bench/chaos-oneid-stream.jsonl. After the storms come the planted bugs, each of which must be caught. The
last line of stdout is the result as JSON; the exit status is 1 when anything was violated or a plant was not caught.
"""

import argparse
import json
import sys
from concurrent.futures import as_completed
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.chaos.oneid.run import ASIDE
from tests.chaos.oneid_stream.simulated import PLANTS
from tests.chaos.oneid_stream.trial import Verdict, trial
from tests.chaos.real.run import ROOT, _git, pool, running

RESULTS = ROOT / "bench" / "chaos-oneid-stream.jsonl"
JUDGED = (
    "pipelines/batch",
    "oneid",
    "pipelines/jobs/event_identity_to_state_member_map.py",
    "tests/chaos/oneid/cases.py",
    "tests/chaos/oneid_stream",
    *ASIDE,
)
PLANT_SEEDS = 20  # storms in which a planted bug must show at least once; six were seen to be too few for one of them


def commit() -> str:
    """The last commit of what is judged. With changes it is `…-dirty`, and its results are never taken for done."""
    last = _git("log", "-1", "--format=%h", "--", *JUDGED)
    return last + ("-dirty" if _git("status", "--porcelain", "--", *JUDGED) else "")


def done(at: str) -> dict[int, dict[str, Any]]:
    """The lines of this commit, by seed; the last one counts."""
    if at.endswith("-dirty") or not RESULTS.exists():
        return {}
    lines = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    return {line["seed"]: line for line in lines if line["commit"] == at}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.oneid_stream.run")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--resume", action="store_true", help="leave out what this commit has run already")
    wanted = parser.parse_args()
    at = commit()
    ran = done(at) if wanted.resume else {}
    seeds = range(wanted.seed, wanted.seed + wanted.trials)
    violations = sum(line["violations"] for seed, line in ran.items() if seed in seeds)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    caught: set[str] = set()
    with running() as settings, pool() as workers, Progress(*columns, console=Console(stderr=True)) as progress:
        todo = {workers.submit(trial, settings, seed): "" for seed in seeds if seed not in ran}
        todo |= {workers.submit(trial, settings, seed, plant): plant for plant in PLANTS for seed in range(PLANT_SEEDS)}
        bar = progress.add_task("trials", total=len(todo))
        for future in as_completed(todo):
            verdict: Verdict = future.result()
            plant = todo[future]
            progress.advance(bar)
            if plant:
                caught |= {plant} if verdict.violations else set()
                continue
            violations += verdict.violations
            with RESULTS.open("a") as file:
                file.write(json.dumps({"commit": at} | msgspec.to_builtins(verdict)) + "\n")
            said = f"seed {verdict.seed}: {verdict.evidence} facts, {sum(verdict.faults.values())} faults, {verdict.seconds} s"
            told = [said, *(f"  {line}" for line in verdict.told), *([verdict.kept] if verdict.kept else [])]
            progress.console.print("\n".join(told), highlight=False, markup=False)
    result = {"chaos": "oneid-stream", "trials": wanted.trials, "violations": violations}
    print(json.dumps(result | {"planted": len(PLANTS), "caught": len(caught)}))
    return int(violations > 0 or len(caught) < len(PLANTS))


if __name__ == "__main__":
    sys.exit(main())
