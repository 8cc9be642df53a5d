"""The process under test: `python -m tests.chaos.real.worker --trial FILE --slot a --name a-1 [--kill-at STEP:N] …`.

It is faust_host.work as in production, with shorter timeouts so that a trial takes seconds, and with one bug if asked.
"""

import argparse
import ctypes
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from connectors.settings import Settings
from pipelines.batch import Job, faust_host, kafka_log
from tests.chaos.real.faults import WHAT, At, Fault
from tests.chaos.real.jobs import JOBS, topics

PR_SET_PDEATHSIG = 1


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """What the workers of every kind of trial share."""

    name: str
    bootstrap: str
    session_s: float = 3.0
    transaction_timeout_s: float = 3.0
    interval_s: float = 0.05
    slow_s: float = 0.0
    plant: str = ""


class Trial(Timed, frozen=True, kw_only=True):
    """What all workers of a trial share; written by the driver."""

    job: str
    horizon_s: int = 10**9


T = TypeVar("T", bound=Timed)


def build(trial: Trial) -> Job:
    return JOBS[trial.job](f"{trial.job}.{trial.name}", topics(trial.name), trial.horizon_s)


def watched(job: Job, at: At) -> Job:
    """The job, with a step of its own name: that a slice has been applied is not seen from outside."""
    inner = job.step

    def step(state: Any, events: Any) -> Any:
        at("in step")
        return inner(state, events)

    return msgspec.structs.replace(job, step=step)


def hasten(trial: Timed) -> None:
    """Timeouts of seconds. The modules read them when they are used."""
    faust_host.SESSION_MS = int(trial.session_s * 1000)
    faust_host.COMMIT_INTERVAL_S = trial.interval_s
    kafka_log.TRANSACTION_TIMEOUT_MS = int(trial.transaction_timeout_s * 1000)


def main() -> None:
    work(Trial, stocked)


def stocked(trial: Trial, at: At) -> Job:
    if trial.plant:
        from tests.chaos.real import plants

        plants.plant(trial.plant)
    return watched(build(trial), at)


def work(kind: type[T], job: Callable[[T, At], Job]) -> None:
    """Works as production does, on the job of the trial that the arguments name, and does to itself what they say."""
    # Whoever started us may be killed: then nobody would end us.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parser = argparse.ArgumentParser()
    parser.add_argument("--trial", type=Path, required=True)
    parser.add_argument("--slot", required=True)
    parser.add_argument("--name", required=True, help="of this process, for the files beside the trial's")
    for what in WHAT:
        parser.add_argument(f"--{what}-at", action="append", default=[], metavar="STEP:N")
    given: dict[str, Any] = vars(parser.parse_args())
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s", level=logging.INFO)
    path: Path = given["trial"]
    trial = msgspec.json.decode(path.read_bytes(), type=kind)
    faults = [Fault.parse(what, text) for what in WHAT for text in given[f"{what}_at"]]
    name = given["name"]
    at = At(path.with_name(f"{name}.steps"), path.with_name(f"{name}.hold"), faults, trial.slow_s)
    hasten(trial)
    faust_host.work([job(trial, at)], Settings(home=path.parent, kafka=trial.bootstrap), given["slot"], at)


if __name__ == "__main__":
    main()
