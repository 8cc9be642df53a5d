"""The supervisor: one small process a home, which `zhongtai up` starts, and which keeps the others alive.

    1. Take the home's lock; the kernel gives it back however this process dies. Somebody has it: end, in peace.
    2. End what a supervisor that was killed left behind.
    3. Start the embedded broker (unless ZHONGTAI_KAFKA names a cluster), wait until it answers, apply the topics.
    4. Start the worker.
    5. Start again whichever dies, after a growing, jittered pause. Until SIGTERM:
    6. stop the worker, then the broker.

It notices a death, `kill -9` included, and not a process that hangs. It decides nothing about records.
"""

import argparse
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from connectors import broker, topics
from connectors.clock import SystemClock
from connectors.processes import Held, end, lock, ticket
from connectors.settings import Settings, load
from contracts.errors import ZhongtaiError
from pipelines import supervisor_state as states
from pipelines.supervisor_state import Child, State

TICK_S = 0.1
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
# A child that lived so long has got over what killed it before.
HEALTHY_S = 60.0
WORKER_STOP_S = 20.0
LOG_BYTES = 10 << 20
HELD = 3

log = logging.getLogger("zhongtai.supervisor")


def pause(failures: int, roll: float) -> float:
    """Seconds to wait before the next start, after so many failures in a row; `roll` in [0, 1) spreads the herd."""
    return min(LONGEST_PAUSE_S / 1.5, FIRST_PAUSE_S * 2.0 ** min(failures, 10)) * (1 + roll / 2)


class Kept:
    """A child process and its history."""

    def __init__(self, name: str, spawn: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.name = name
        self._spawn = spawn
        self.process: subprocess.Popen[bytes] | None = None
        self.record = Child(name=name, ticket=None, started_at=None, restarts=0, last_exit="")
        self._born = 0.0
        self._failures = 0
        self._due = 0.0

    def start(self) -> None:
        self.process = self._spawn()
        self._born = time.monotonic()
        self.record = msgspec.structs.replace(
            self.record, ticket=ticket(self.process.pid), started_at=SystemClock().now()
        )

    def look(self) -> bool:
        """Notice a death; start again what is due. Returns whether anything changed."""
        if self.process is not None:
            status = self.process.poll()
            if status is None:
                return False
            self._died(_how(status))
            return True
        if time.monotonic() < self._due:
            return False
        self.record = msgspec.structs.replace(self.record, restarts=self.record.restarts + 1)
        try:
            self.start()
        except (ZhongtaiError, OSError) as error:
            self._died(str(error))
        return True

    def stop(self, grace_s: float) -> None:
        if self.process is not None and self.record.ticket is not None:
            end(self.record.ticket, grace_s=grace_s)
            self.process.wait()
            self.process = None
            self.record = msgspec.structs.replace(self.record, ticket=None)

    def _died(self, how: str) -> None:
        self._failures = 1 if time.monotonic() - self._born > HEALTHY_S else self._failures + 1
        wait = pause(self._failures - 1, random.random())
        self._due = time.monotonic() + wait
        self.process = None
        self.record = msgspec.structs.replace(self.record, ticket=None, last_exit=how)
        log.warning("the %s ended (%s); it starts again in %.1f s", self.name, how, wait)


class Supervisor:
    def __init__(self, settings: Settings, worker: Sequence[str]) -> None:
        self.settings = settings
        self.home = settings.home
        self.stopping = False
        self._broker = Kept("broker", self._spawn_broker) if settings.embedded else None
        self._worker = Kept("worker", lambda: _spawn_worker(self.home, worker)) if worker else None
        self._port = 0
        self.state = State(
            ticket=ticket(os.getpid()),
            phase="broker",
            kafka=settings.kafka,
            worker=bool(worker),
            started_at=SystemClock().now(),
        )

    def run(self) -> None:
        """Steps 3 to 6. Returns after SIGTERM. Raises `ZhongtaiError` when the first start fails; nothing is left."""
        try:
            self._tell("broker")
            if self._broker:
                self._first_broker(self._broker)
            self._tell("topics")
            if not self.stopping:
                topics.apply(self.settings)
            self._tell("worker")
            if self._worker and not self.stopping:
                self._worker.start()
            self._tell("running")
            self._watch()
        finally:
            self._tell("stopping")
            if self._worker:
                self._worker.stop(WORKER_STOP_S)
            if self._broker:
                self._broker.stop(broker.STOP_S)
            self._tell("stopped")

    def _watch(self) -> None:
        children = [child for child in (self._broker, self._worker) if child]
        next_look_at_logs = 0.0
        while not self.stopping:
            port = self._port
            # Every child is looked at: one that keeps dying must not hide another.
            if sum(self._look(child) for child in children):
                self._tell("running")
            if self._port != port and self._worker and self._worker.process:
                log.warning("the broker has another port; the worker is started again to find it")
                self._worker.process.terminate()
            if time.monotonic() > next_look_at_logs:
                next_look_at_logs = time.monotonic() + 5
                bound(states.worker_log(self.home))
                bound(states.log_file(self.home))
            time.sleep(TICK_S)

    def _look(self, child: Kept) -> bool:
        if child is not self._worker or states.pauser(self.home) is None:
            return child.look()
        was = child.record.ticket is not None
        child.stop(WORKER_STOP_S)
        return was

    def _first_broker(self, kept: Kept) -> None:
        kept.start()
        self._tell("broker")
        found = broker.alive(self.home)
        if found:
            try:
                broker.wait_ready(self.home, found, give_up=lambda: self.stopping)
            except ZhongtaiError:
                if not self.stopping:
                    raise

    def _spawn_broker(self) -> subprocess.Popen[bytes]:
        process, found = broker.spawn(self.home)
        self._port = found.port
        return process

    def _tell(self, phase: str) -> None:
        children = tuple(child.record for child in (self._broker, self._worker) if child)
        self.state = msgspec.structs.replace(self.state, phase=phase, children=children)
        states.write(self.home, self.state)


def bound(path: Path, limit: int = LOG_BYTES) -> None:
    """Keep a log that others append to, and what it held before, below `limit` each.

    Copied and cut, not renamed: the writer has the file open. A line written at that very moment may be lost.
    """
    if path.exists() and path.stat().st_size > limit:
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        os.truncate(path, 0)


def _spawn_worker(home: Path, command: Sequence[str]) -> subprocess.Popen[bytes]:
    path = states.worker_log(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as out:
        out.write(f"{SystemClock().now():%Y-%m-%d %H:%M:%S}Z {states.BEGINS} worker\n".encode())
        out.flush()
        return subprocess.Popen(
            command,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def _how(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def supervise(settings: Settings, worker: Sequence[str]) -> int:
    """Steps 1 to 6. Returns the exit status of the process."""
    try:
        with lock(settings.home / "supervisor.lock"):
            states.end_orphans(settings.home)
            supervisor = Supervisor(settings, worker)

            def stop(*_: object) -> None:
                supervisor.stopping = True

            signal.signal(signal.SIGTERM, stop)
            signal.signal(signal.SIGINT, stop)
            try:
                supervisor.run()
            except ZhongtaiError as error:
                log.error("%s", error.wrong)
                failed = msgspec.structs.replace(supervisor.state, phase="failed", error=error.wrong, do=error.do)
                states.write(settings.home, failed)
                return error.exit_status
    except Held:
        return HELD
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description="Keep the broker and the worker of a home alive until SIGTERM.")
    parser.add_argument(
        "--home", type=Path, required=True, help="as in ZHONGTAI_HOME; given to be seen in a process list"
    )
    parser.add_argument("worker", nargs="*", help="the worker's command; none: no worker")
    chosen = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("kafka").setLevel(logging.ERROR)
    log.info("%s supervisor", states.BEGINS)
    sys.exit(supervise(load(), chosen.worker))


if __name__ == "__main__":
    main()
