"""Storms on a real broker for as long as one likes: `python -m tests.chaos.real.run stock --trials 100 --seed 1 [--resume]`.

Each trial is a line in bench/chaos-<job>.jsonl. With --resume, seeds that this commit of pipelines/batch has there already are
not run again. After the storms come the scripts, each alone and with its plants. The last line of stdout is the result as JSON;
the exit status is 1 when anything was violated or a plant was not caught.
"""

import argparse
import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from connectors import broker
from connectors.settings import Settings
from tests.chaos.real import trial
from tests.chaos.real.jobs import JOBS
from tests.chaos.real.process import ROOT, Unexpected
from tests.chaos.real.scripts import PLANTED
from tests.chaos.real.trial import Verdict
from tests.conftest import KEEPER

AT_ONCE = 2
JUDGED = "pipelines/batch"


def results(job: str) -> Path:
    return ROOT / "bench" / f"chaos-{job}.jsonl"


def commit() -> str:
    """The last commit of what is judged. With changes it is `…-dirty`, and its results are never taken for done."""
    last = _git("log", "-1", "--format=%h", "--", JUDGED)
    return last + ("-dirty" if _git("status", "--porcelain", "--", JUDGED) else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def done(job: str, at: str) -> dict[int, dict[str, Any]]:
    """The lines of this commit, by seed; the last one counts."""
    if at.endswith("-dirty") or not results(job).exists():
        return {}
    lines = [json.loads(line) for line in results(job).read_text().splitlines()]
    return {line["seed"]: line for line in lines if line["commit"] == at}


@contextmanager
def running() -> Iterator[Settings]:
    """A broker in a home of its own. It ends with us, however we end."""
    home = Path(tempfile.mkdtemp(prefix="zhongtai-chaos-broker-"))
    keeper = subprocess.Popen([sys.executable, "-c", KEEPER, str(home)], stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield Settings(home=home, kafka=broker.start(home).address)
    finally:
        keeper.communicate(timeout=60)
        shutil.rmtree(home, ignore_errors=True)


def pool() -> ProcessPoolExecutor:
    """Trials side by side, each in a process with Kafka clients of its own."""
    return ProcessPoolExecutor(AT_ONCE, mp_context=multiprocessing.get_context("spawn"))


def script(settings: Settings, number: int, plant: str) -> Verdict:
    """Run a script; once more when the script itself did not come true."""
    try:
        return trial.script(settings, PLANTED[number], plant)
    except Unexpected as error:
        sys.stderr.write(f"once more: {error}\n")
        return trial.script(settings, PLANTED[number], plant)


class Runner:
    """Runs trials side by side under a progress bar."""

    def __init__(self, settings: Settings, workers: ProcessPoolExecutor, progress: Progress) -> None:
        self._settings = settings
        self._workers = workers
        self._progress = progress

    def _each(self, name: str, futures: dict[Future[Any], Any], tell: Callable[[Any, Any], str]) -> None:
        bar = self._progress.add_task(name, total=len(futures))
        for future in as_completed(futures):
            told = tell(futures[future], future.result())
            self._progress.console.print(told, highlight=False, markup=False)
            self._progress.advance(bar)

    def storms(self, job: str, seeds: Sequence[int], at: str) -> int:
        """Run the seeds and write a line for each. Returns the sum of their violations."""
        violations = 0

        def tell(seed: int, verdict: Verdict) -> str:
            nonlocal violations
            violations += verdict.violations
            _append(job, at, seed, verdict)
            told = f"seed {seed}: {verdict.events} events, {sum(verdict.actions.values())} actions, {verdict.seconds} s"
            return "\n".join([told, *(f"  {line}" for line in verdict.told), *([verdict.kept] if verdict.kept else [])])

        self._each(job, {self._workers.submit(trial.storm, self._settings, job, seed): seed for seed in seeds}, tell)
        return violations

    def plants(self) -> tuple[int, int, int]:
        """Run every script alone and with its plants: violations without a plant, plants, plants caught."""
        outcomes: list[tuple[str, bool]] = []
        wanted = [(n, p, kind) for n, one in enumerate(PLANTED) for p, kind in _kinds(one)]

        def tell(what: tuple[str, str, bool], verdict: Verdict) -> str:
            name, plant, to_be_caught = what
            outcomes.append((plant, (verdict.violations > 0) == to_be_caught))
            return f"{name}, {plant or 'no plant'}: {verdict.violations} violations {verdict.kept}"

        futures = {
            self._workers.submit(script, self._settings, n, p): (PLANTED[n].script.__name__, p, kind)
            for n, p, kind in wanted
        }
        self._each("plants", futures, tell)
        to_catch = {p for _, p, kind in wanted if kind}
        unclean = sum(not right for plant, right in outcomes if plant not in to_catch)
        return unclean, len(to_catch), sum(right for plant, right in outcomes if plant in to_catch)


def _kinds(planted: Any) -> list[tuple[str, bool]]:
    """The plants of a script, none and the harmless ones included, and whether each must be caught."""
    return [("", False), *((p, False) for p in planted.harmless), *((p, True) for p in planted.plants)]


def _append(job: str, at: str, seed: int, verdict: Verdict) -> None:
    line = {
        "commit": at,
        "seed": seed,
        "partitions": verdict.partitions,
        "actions": verdict.actions,
        "events": verdict.events,
        "keys": verdict.keys,
        "violations": verdict.violations,
        "seconds": verdict.seconds,
    } | ({"told": verdict.told} if verdict.told else {})
    results(job).parent.mkdir(exist_ok=True)
    with results(job).open("a") as file:
        file.write(json.dumps(line) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.real.run")
    parser.add_argument("job", choices=sorted(JOBS))
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--resume", action="store_true", help="leave out what this commit has run already")
    wanted = parser.parse_args()
    at = commit()
    ran = done(wanted.job, at) if wanted.resume else {}
    seeds = range(wanted.seed, wanted.seed + wanted.trials)
    violations = sum(line["violations"] for seed, line in ran.items() if seed in seeds)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with running() as settings, pool() as workers, Progress(*columns, console=Console(stderr=True)) as progress:
        runner = Runner(settings, workers, progress)
        violations += runner.storms(wanted.job, [seed for seed in seeds if seed not in ran], at)
        unclean, planted, caught = runner.plants()
    result = {"chaos": wanted.job, "trials": wanted.trials, "violations": violations + unclean}
    print(json.dumps(result | {"planted": planted, "caught": caught}))
    return int(violations + unclean > 0 or caught < planted)


if __name__ == "__main__":
    sys.exit(main())
