"""The process under test: `python -m tests.chaos.real.worker --trial FILE --slot a --name a-1 [--kill-at STEP:N] …`.

It is faust_host.work as in production, with shorter timeouts so that a trial takes seconds, and with one bug if asked.
"""

import argparse
import ctypes
import logging
import signal
from pathlib import Path
from typing import Any

import msgspec

from connectors.settings import Settings
from pipelines.batch import Job, faust_host, kafka_log
from tests.chaos.real.faults import WHAT, At, Fault
from tests.chaos.real.jobs import JOBS, topics

PR_SET_PDEATHSIG = 1


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What all workers of a trial share; written by the driver."""

    name: str
    job: str
    bootstrap: str
    horizon_s: int = 10**9
    session_s: float = 3.0
    transaction_timeout_s: float = 3.0
    interval_s: float = 0.05
    slow_s: float = 0.0
    plant: str = ""


def build(trial: Trial) -> Job:
    return JOBS[trial.job](f"{trial.job}.{trial.name}", topics(trial.name), trial.horizon_s)


def watched(job: Job, at: At) -> Job:
    """The job, with a step of its own name: that a slice has been applied is not seen from outside."""
    inner = job.step

    def step(state: Any, events: Any) -> Any:
        at("in step")
        return inner(state, events)

    return msgspec.structs.replace(job, step=step)


def hasten(trial: Trial) -> None:
    """Timeouts of seconds. The modules read them when they are used."""
    faust_host.SESSION_MS = int(trial.session_s * 1000)
    faust_host.COMMIT_INTERVAL_S = trial.interval_s
    kafka_log.TRANSACTION_TIMEOUT_MS = int(trial.transaction_timeout_s * 1000)


def main() -> None:
    # Whoever started us may be killed: then nobody would end us.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parser = argparse.ArgumentParser()
    parser.add_argument("--trial", type=Path, required=True)
    parser.add_argument("--slot", required=True)
    parser.add_argument("--name", required=True, help="of this process, for the files beside the trial's")
    for what in WHAT:
        parser.add_argument(f"--{what}-at", action="append", default=[], metavar="STEP:N")
    given = vars(parser.parse_args())
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s", level=logging.INFO)
    path: Path = given["trial"]
    trial = msgspec.json.decode(path.read_bytes(), type=Trial)
    faults = [Fault.parse(what, text) for what in WHAT for text in given[f"{what}_at"]]
    name = given["name"]
    at = At(path.with_name(f"{name}.steps"), path.with_name(f"{name}.hold"), faults, trial.slow_s)
    hasten(trial)
    if trial.plant:
        from tests.chaos.real import plants

        plants.plant(trial.plant)
    settings = Settings(home=path.parent, kafka=trial.bootstrap)
    faust_host.work([watched(build(trial), at)], settings, given["slot"], at)


if __name__ == "__main__":
    main()
