"""Fuzz identity for as long as one likes: `python -m tests.chaos.oneid.run --cases 100000 --seed 1`.

Each chunk of cases is a line in bench/chaos-oneid.jsonl. What the same commit has judged before is not judged again. Progress
goes to stderr; the last line of stdout is the result as JSON. `--case N` judges one, and says what differs.
"""

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from subprocess import CalledProcessError
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.chaos.oneid import plants
from tests.chaos.oneid.judging import differences
from tests.chaos.run import ROOT, _git, chunks

RESULTS = ROOT / "bench" / "chaos-oneid.jsonl"
# What no case runs is left out: a result holds while the rest is as it was.
ASIDE = (":!oneid/plan.py", ":!oneid/why.py", ":!oneid/reasons.py", ":!oneid/scoring.py")
_OURS = (":!tests/chaos/oneid/run.py", ":!tests/chaos/oneid/histories.py", ":!tests/chaos/oneid/records.py")
JUDGED = ("oneid", "tests/chaos/oneid", *ASIDE, *_OURS)
SHUFFLED_OFTEN, SHUFFLES = 50, 20  # one case in so many is tried in twenty orders
console = Console(stderr=True)


def judge(first: int, last: int) -> dict[str, Any]:
    """The cases `first` to `last`, both included."""
    started = time.monotonic()
    failed = {}
    for case in range(first, last + 1):
        found = differences(case, SHUFFLES if case % SHUFFLED_OFTEN == 0 else 1)
        if found:
            failed[case] = found[0]
    seconds = round(time.monotonic() - started, 2)
    return {"from": first, "to": last, "cases": last - first + 1, "failed": failed, "seconds": seconds}


def commit(judged: tuple[str, ...] = JUDGED) -> str:
    """What is being judged. A tree with changes is `…-dirty`, and its results are never taken for done."""
    short = _git("log", "-1", "--format=%h", "--", *judged)
    return short + ("-dirty" if _git("status", "--porcelain", "--", *judged) else "")


def _same(commit: str) -> bool:
    """Whether nothing that is judged has changed since a commit. A clone may lack it."""
    try:
        return not _git("diff", "--name-only", commit, "HEAD", "--", *JUDGED)
    except CalledProcessError:
        return False


def done(at: str) -> list[dict[str, Any]]:
    if at.endswith("-dirty") or not RESULTS.exists():
        return []
    lines = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    same = {commit for commit in {line["commit"] for line in lines} if commit == at or _same(commit)}
    return [line for line in lines if line["commit"] in same]


def run(cases: int, seed: int, jobs: int) -> int:
    at = commit()
    ran = [line for line in done(at) if seed <= line["from"] and line["to"] < seed + cases]
    console.print(f"oneid: cases {seed} to {seed + cases - 1} of commit {at}; SEED={seed} replays them")
    failed: dict[Any, str] = {case: what for line in ran for case, what in line["failed"].items()}
    columns = (TextColumn("cases"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress, ProcessPoolExecutor(jobs) as pool:
        task = progress.add_task("", total=cases, completed=sum(line["cases"] for line in ran))
        for future in as_completed([pool.submit(judge, *chunk) for chunk in chunks(seed, cases, ran)]):
            line = future.result()
            failed |= line["failed"]
            for case, what in line["failed"].items():
                console.print(f"case {case}: {what}")
            if not at.endswith("-dirty"):
                with RESULTS.open("a") as file:
                    file.write(json.dumps({"commit": at, **line}) + "\n")
            progress.advance(task, line["cases"])
    caught = 0
    for plant in plants.PLANTS:
        case = plants.caught(plant, seed)
        caught += case is not None
        console.print(f"planted, {plant.title}: {'not caught' if case is None else f'caught by case {case}'}")
    result = {"chaos": "oneid", "cases": cases, "differences": len(failed)}
    print(json.dumps(result | {"planted": len(plants.PLANTS), "caught": caught}))
    return int(bool(failed) or caught < len(plants.PLANTS))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.oneid.run")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--case", type=int)
    wanted = parser.parse_args()
    if wanted.case is not None:
        found = differences(wanted.case, SHUFFLES)
        print("\n".join(found) or f"case {wanted.case}: nothing differs")
        return int(bool(found))
    return run(wanted.cases, wanted.seed, wanted.jobs)


if __name__ == "__main__":
    sys.exit(main())
