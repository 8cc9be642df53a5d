"""`zhongtai up` and `zhongtai down`: the broker, the topics and the worker of a home. `status` has its own file."""

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.status import Status

from cli.console import err, last_line, out
from cli.status import status
from connectors.settings import Settings, load
from contracts.errors import BadInput, NotReady

if TYPE_CHECKING:
    from pipelines.supervisor_state import State

__all__ = ["down", "status", "up"]

START_S = 180.0
WORKER_S = 90.0
# A worker that died so often while we looked on is not going to come up.
HOPELESS = 3
DOING = {
    "broker": "Starting Kafka",
    "topics": "Applying the topics",
    "worker": "Starting the worker",
    "running": "Starting the worker",
}


def up(
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Only the broker and the topics.")] = False,
) -> None:
    """Start everything: Kafka, its topics, and the worker that runs the stream jobs. What runs already is left alone.

    The first start fetches Apache Kafka (45 MB). It needs no Java, no root
    and no container. All that is stored lies in the home folder
    (ZHONGTAI_HOME, default .zhongtai). With ZHONGTAI_KAFKA set, your own
    cluster is used instead.

    A supervisor stays behind and starts the broker or the worker again when
    one of them dies. Stop it: zhongtai down
    """
    settings = load()
    _tell(settings, bring_up(settings, worker=not no_worker))


def bring_up(settings: Settings, *, worker: bool = True) -> "State":
    """Start what does not run yet, and wait until it works. Raises `NotReady` with the end of the log that tells."""
    command = [sys.executable, "-P", "-m", "pipelines.worker"] if worker else []
    with err.status("Looking at what runs") as progress:
        state = _start(settings, command, progress)
        if state.worker:
            _await_worker(settings, progress)
    return state


def down() -> None:
    """Stop everything that `zhongtai up` started for this home: first the worker, then the broker. Data stays."""
    from pipelines import supervisor_state as states

    home = load().home
    with err.status("Stopping the worker and the broker"):
        stopped = states.shut(home)
    err.print("Stopped." if stopped else "Nothing was running.")
    last_line(stopped=stopped)


def _start(settings: Settings, command: list[str], progress: Status) -> "State":
    from pipelines import supervisor_state as states

    state = states.running(settings.home)
    if state and state.kafka != settings.kafka:
        here = state.kafka or "the embedded broker"
        raise BadInput(
            f"This home already runs, with {here}.", "First: zhongtai down. Or choose another ZHONGTAI_HOME."
        )
    if state and (state.phase not in DOING or (command and not state.worker)):
        # It is about to end; or it was started without a worker, and what it keeps is settled when it starts.
        states.shut(settings.home)
        state = None
    if state:
        return _follow(settings, None, progress)
    if settings.embedded:
        _fetch(progress)
    return _follow(settings, states.launch(settings, command), progress)


def _fetch(progress: Status) -> None:
    from connectors.broker import ensure_jars

    ensure_jars(lambda done, all_: progress.update(f"Fetching Apache Kafka: {done} of {all_} files"))


def _follow(settings: Settings, launched: "subprocess.Popen[bytes] | None", progress: Status) -> "State":
    """Wait until the supervisor of this home, ours or the one that was faster, has everything running."""
    from pipelines import supervisor_state as states
    from pipelines.supervisor import HELD

    limit = time.monotonic() + START_S
    while time.monotonic() < limit:
        state = states.running(settings.home)
        if state and state.phase == "running":
            return state
        if state:
            progress.update(DOING.get(state.phase, "Waiting for the supervisor"))
        ended = launched.poll() if launched else (None if state else 1)
        if ended not in (None, HELD):
            raise _failure(settings, launched)
        time.sleep(0.05)
    raise NotReady("It takes too long to start.", f"See {states.log_file(settings.home)} and: zhongtai status")


def _failure(settings: Settings, launched: "subprocess.Popen[bytes] | None") -> NotReady:
    from pipelines import supervisor_state as states

    state = states.read(settings.home)
    if state and state.phase == "failed" and (launched is None or state.ticket.pid == launched.pid):
        return NotReady(state.error, state.do)
    return NotReady(
        f"The supervisor ended. Its last words:\n{states.last_words(states.log_file(settings.home))}",
        f"The whole log: {states.log_file(settings.home)}",
    )


def _await_worker(settings: Settings, progress: Status) -> None:
    """Wait until every job has its partitions. Raises `NotReady`, with the worker's last words, if it cannot."""
    from connectors import worker_metrics
    from pipelines import supervisor_state as states
    from pipelines.jobs import jobs

    wanted = set(jobs(settings))
    log = states.worker_log(settings.home)
    before: int | None = None
    limit = time.monotonic() + WORKER_S
    while time.monotonic() < limit:
        state = states.running(settings.home)
        worker = state.child("worker") if state else None
        if worker is None:
            raise _failure(settings, None)
        before = worker.restarts if before is None else before
        if worker.restarts - before >= HOPELESS:
            break
        if worker.ticket:
            told = worker_metrics.read(settings.home)
            ready = {job for job in wanted if told.get(job, {}).get("zhongtai_partitions_live", 0) > 0}
            if ready == wanted:
                return
            progress.update(f"Starting the worker: {len(ready)} of {len(wanted)} jobs at work")
        time.sleep(0.2)
    raise NotReady(
        f"The worker does not get to work. Its last words:\n{states.last_words(log)}", f"The whole log: {log}"
    )


def _tell(settings: Settings, state: "State") -> None:
    from contracts.topics import TOPICS

    broker = state.child("broker")
    worker = state.child("worker")
    whose = f"embedded, pid {broker.ticket.pid}" if broker and broker.ticket else "yours"
    out.print(f"Kafka    {settings.bootstrap} ({whose}), {len(TOPICS)} topics")
    out.print(
        f"Worker   pid {worker.ticket.pid}" if worker and worker.ticket else "Worker   none (zhongtai up starts one)"
    )
    out.print(f"Home     {settings.home}")
    out.print("Next     zhongtai ingest --help · zhongtai status · zhongtai down")
    last_line(kafka=settings.bootstrap, topics=len(TOPICS), worker=state.worker)
