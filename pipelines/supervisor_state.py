"""What everybody may know of the supervisor, and how to start and end one. It itself is in `pipelines.supervisor`.

`<home>/supervisor.json` is written by the supervisor alone. What it says counts while the process on its ticket runs.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from connectors import atomic, broker
from connectors.processes import Ticket, end, find, ticket
from connectors.settings import Settings
from contracts.errors import NotReady

# Long enough for what it stops in turn: the worker, then the broker.
STOP_S = 75.0
# Stands in a log where a process begins: its last words are not those of the one before it.
BEGINS = "zhongtai starts the"


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """A process that the supervisor keeps alive. `ticket` is None while it waits to be started again."""

    name: str
    ticket: Ticket | None
    started_at: datetime | None
    restarts: int
    last_exit: str


class State(msgspec.Struct, frozen=True, kw_only=True):
    """`phase`: broker, topics, worker (being started), running, stopping, stopped, failed (see `error`)."""

    ticket: Ticket
    phase: str
    kafka: str
    worker: bool
    started_at: datetime
    children: tuple[Child, ...] = ()
    error: str = ""
    do: str = ""

    def child(self, name: str) -> Child | None:
        return next((child for child in self.children if child.name == name), None)


def read(home: Path) -> State | None:
    """The state that was last written, by a supervisor that may be gone."""
    try:
        return msgspec.json.decode(_file(home).read_bytes(), type=State)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write(home: Path, state: State) -> None:
    atomic.write(_file(home), msgspec.json.encode(state))


def running(home: Path) -> State | None:
    """The state of the supervisor of this home, if it runs."""
    state = read(home)
    return state if state and find(state.ticket, mark(home)) else None


def mark(home: Path) -> str:
    """The argument by which the supervisor of a home is recognised."""
    return f"--home={home.resolve()}"


def launch(settings: Settings, worker: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a supervisor that outlives the caller. It keeps the broker (if embedded) and `worker` (if not empty) alive.

    It is not yet ready: follow its phase with `running`. It ends at once when this home already has one.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with log_file(settings.home).open("ab") as log:
        return subprocess.Popen(
            # -P: a folder named `pipelines` where the user happens to stand is not ours.
            [sys.executable, "-P", "-m", "pipelines.supervisor", mark(settings.home), "--", *worker],
            env=os.environ | {"ZHONGTAI_HOME": str(settings.home)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def shut(home: Path) -> bool:
    """Stop the supervisor of this home and everything that it, or one before it, started. False: nothing ran."""
    state = read(home)
    stopped = state is not None and end(state.ticket, mark(home), STOP_S)
    return end_orphans(home) or stopped


def end_orphans(home: Path) -> bool:
    """Stop what a supervisor that was killed left behind: the worker first, then the broker. False: there was nothing.

    Orphans are ended and not adopted: only a parent learns at once, and for certain, that its child died and how.
    """
    state = read(home)
    tickets = [child.ticket for child in state.children if child.name != "broker"] if state else []
    ended = [end(ticket) for ticket in tickets if ticket]
    return broker.stop(home) or any(ended)


@contextmanager
def paused(home: Path) -> Iterator[None]:
    """The worker of this home stands still inside: it has committed what it did, and ended. Then it is started again.

    The pause ends with the process that asked for it, however that ends. Raises `NotReady` when the worker does not stop, or
    when somebody else has it paused. Without a supervisor there is nothing to pause.
    """
    if (state := running(home)) is None or not state.worker:
        yield
        return
    if pauser(home):
        raise NotReady("The worker is paused already, by another rebuild.", "Wait until that has ended.")
    atomic.write(_pause(home), msgspec.json.encode(ticket(os.getpid())))
    try:
        until = time.monotonic() + STOP_S
        while (now := running(home)) and (child := now.child("worker")) and child.ticket:
            if time.monotonic() > until:
                raise NotReady("The worker did not stop.", "See: zhongtai status")
            time.sleep(0.1)
        yield
    finally:
        _pause(home).unlink(missing_ok=True)


def pauser(home: Path) -> Ticket | None:
    """The process that has the worker paused, if it lives."""
    try:
        asked = msgspec.json.decode(_pause(home).read_bytes(), type=Ticket)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return asked if find(asked) else None


def _pause(home: Path) -> Path:
    return home / "worker.paused"


def log_file(home: Path) -> Path:
    return home / "supervisor.log"


def last_words(log: Path, lines: int = 20) -> str:
    """The last lines in a log of the supervisor or the worker that began last; empty when there is no log."""
    try:
        told = log.read_text(errors="replace").rpartition(BEGINS)[2]
    except FileNotFoundError:
        return ""
    return "\n".join(told.splitlines()[1:][-lines:])


def worker_log(home: Path) -> Path:
    return home / "worker" / "worker.log"


def _file(home: Path) -> Path:
    return home / "supervisor.json"
