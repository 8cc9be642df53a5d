"""Storms on the shops' outboxes: `python -m tests.chaos.edge.run --trials 50 --seed 1 [--resume] [--receipts 10000]`.

Each trial is a line in bench/chaos-edge.jsonl. With --resume, seeds that this commit of what is judged has there already are
not run again. After the storms come the scripts, each alone and with its planted bug. The last line of stdout is the result
as JSON; the exit status is 1 when anything was violated or a plant was not caught.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from connectors.settings import Settings
from tests.chaos.edge import plans, trial
from tests.chaos.edge.centre import ROOT, centre
from tests.chaos.edge.plants import PLANTS
from tests.chaos.edge.trial import Verdict
from tests.chaos.real.run import running

RESULTS = ROOT / "bench" / "chaos-edge.jsonl"
JUDGED = ("edge", "centers/edges", "contracts/edges.py", "tests/chaos/edge")
SCRIPT_PATIENCE_S = 30.0
PLANTED_PATIENCE_S = 12.0  # what never comes is waited for in vain


def commit() -> str:
    """The last commit of what is judged. With changes it is `…-dirty`, and its results are never taken for done."""
    last = _git("log", "-1", "--format=%h", "--", *JUDGED)
    return last + ("-dirty" if _git("status", "--porcelain", "--", *JUDGED) else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def done(at: str, receipts: int) -> dict[int, dict[str, Any]]:
    """The lines of this commit, by seed; the last one counts."""
    if at.endswith("-dirty") or not RESULTS.exists():
        return {}
    lines = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    return {line["seed"]: line for line in lines if line["commit"] == at and line["asked"] == receipts}


def storm(settings: Settings, seed: int, receipts: int) -> Verdict:
    return trial.run(settings, plans.drawn(seed, receipts), str(seed))


def script(settings: Settings, name: str, plant: str) -> Verdict:
    patience = PLANTED_PATIENCE_S if plant else SCRIPT_PATIENCE_S
    return trial.run(settings, [plans.SCRIPTS[name]], name, plant, patience)


def _keep(at: str, seed: int, receipts: int, verdict: Verdict) -> None:
    told = {field: getattr(verdict, field) for field in verdict.__struct_fields__ if field != "kept"}
    if not verdict.violations:
        del told["told"]
    with RESULTS.open("a") as file:
        file.write(json.dumps({"commit": at, "seed": seed, "asked": receipts, **told}) + "\n")


def scripts(settings: Settings, say: Callable[[str], None]) -> tuple[int, int]:
    """Runs every script alone and with its bug: violations without one, and how many bugs were caught."""
    unclean = caught = 0
    for name in PLANTS:
        clean, planted = script(settings, name, ""), script(settings, name, name)
        unclean += clean.violations
        caught += planted.violations > 0
        said = planted.told[0] if planted.told else "NOT CAUGHT"
        say("\n".join([f"{name}: {said}", *(f"  without it: {line} {clean.kept}" for line in clean.told)]))
    return unclean, caught


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.edge.run")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--receipts", type=int, default=plans.RECEIPTS, help="in a trial, over twenty shops")
    parser.add_argument("--resume", action="store_true", help="leave out what this commit has run already")
    wanted = parser.parse_args()
    at = commit()
    ran = done(at, wanted.receipts) if wanted.resume else {}
    seeds = range(wanted.seed, wanted.seed + wanted.trials)
    violations = sum(line["violations"] for seed, line in ran.items() if seed in seeds)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with running() as broker, centre(broker) as settings, Progress(*columns, console=Console(stderr=True)) as progress:
        say = lambda text: progress.console.print(text, highlight=False, markup=False)  # noqa: E731
        todo = [seed for seed in seeds if seed not in ran]
        bar = progress.add_task("storms", total=len(todo))
        for seed in todo:
            verdict = storm(settings, seed, wanted.receipts)
            violations += verdict.violations
            _keep(at, seed, wanted.receipts, verdict)
            faults = sum(verdict.deaths.values())
            say(
                f"seed {seed}: {verdict.receipts} receipts, {verdict.repeats} repeats, {faults} faults, {verdict.seconds} s"
            )
            for line in [*verdict.told, *([verdict.kept] if verdict.kept else [])]:
                say(f"  {line}")
            progress.advance(bar)
        unclean, caught = scripts(settings, say)
    violations += unclean
    result = {"chaos": "edge", "trials": wanted.trials, "violations": violations}
    print(json.dumps(result | {"planted": len(PLANTS), "caught": caught}))
    return int(violations > 0 or caught < len(PLANTS))


if __name__ == "__main__":
    sys.exit(main())
