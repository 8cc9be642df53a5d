"""A worker as the driver sees it: started, signalled by its pid, and watched through the steps that it passes."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.chaos.real.faults import Fault

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60.0


class Unexpected(Exception):
    """The script's own expectation did not come true: that says nothing about the runtime."""


def wait(true: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return when it is true. Raises `Unexpected` after a time that is generous on a loaded machine."""
    if not within(true, patience_s):
        raise Unexpected(f"waited {patience_s:.0f} s in vain for: {what}")


def within(true: Callable[[], bool], patience_s: float) -> bool:
    """Whether it becomes true in that time."""
    limit = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


class Process:
    """One worker process, from its start to its end. Only ever signals the child that it started."""

    MODULE = "tests.chaos.real.worker"

    def __init__(self, trial: Path, slot: str, name: str, faults: tuple[Fault, ...] = ()) -> None:
        self.slot = slot
        self.name = name
        self.faults = faults
        self._steps = trial.with_name(f"{name}.steps")
        self._hold = trial.with_name(f"{name}.hold")
        self._hold.touch()
        command = [sys.executable, "-m", self.MODULE]
        command += ["--trial", str(trial), "--slot", slot, "--name", name]
        for fault in faults:
            command += fault.arguments()
        with trial.with_name(f"{name}.log").open("wb") as log:
            self._child = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it lives."""
        return self._child.poll()

    @property
    def stopped(self) -> bool:
        try:
            return self.alive and psutil.Process(self._child.pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False

    def send(self, number: signal.Signals) -> None:
        """Does nothing when it has ended: the child is not reaped before, so the pid is still its own."""
        if self.alive:
            self._child.send_signal(number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self._child.wait()

    def cont(self) -> None:
        self.send(signal.SIGCONT)

    def release(self) -> None:
        """End every `hold`, those to come included."""
        self._hold.unlink(missing_ok=True)

    def passed(self, step: str) -> int:
        """How often a step was passed."""
        try:
            return self._steps.read_text().split("\n").count(step)
        except FileNotFoundError:
            return 0

    def wait_passed(self, step: str, times: int) -> None:
        wait(
            lambda: self.passed(step) >= times or not self.alive, f"{self.name} passes {step!r} for the {times}th time"
        )
        if self.passed(step) < times:
            raise Unexpected(f"{self.name} ended with {self.status} before it passed {step!r} for the {times}th time")

    def wait_stopped(self) -> None:
        wait(lambda: self.stopped, f"{self.name} stops itself")

    def wait_killed(self) -> None:
        wait(lambda: not self.alive, f"{self.name} ends")
        if self.status != -signal.SIGKILL:
            raise Unexpected(f"{self.name} ended with {self.status}, and not by its own kill")
