"""Processes that outlive the one that started them, and locks that do not.

A process id alone proves nothing: the machine hands it out again. Whoever writes one down for later writes a `Ticket`,
and nothing here signals a process that does not fit its ticket.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil

# One tick of the kernel's process clock is 10 ms.
TICK_S = 0.011


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A process, told from all others that had or will have its id by the second after boot at which it started.

    Counted from boot and not from the epoch, because a corrected clock moves every start time told by the epoch.
    """

    pid: int
    since_boot: float


def ticket(pid: int) -> Ticket:
    """The ticket of a process that runs now. Raises `psutil.NoSuchProcess` when it does not."""
    return Ticket(pid=pid, since_boot=_since_boot(psutil.Process(pid)))


def find(wanted: Ticket, mark: str = "") -> psutil.Process | None:
    """The process that the ticket means, if it still runs. With a `mark`, its command line must also hold that text.

    A zombie does not run: it is dead, and only waits for a parent that may never ask.
    """
    try:
        process = psutil.Process(wanted.pid)
        if abs(_since_boot(process) - wanted.since_boot) > TICK_S or process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process if any(mark in word for word in process.cmdline()) or not mark else None
    except psutil.Error:
        return None


def end(wanted: Ticket, mark: str = "", grace_s: float = 20.0) -> bool:
    """Stop a process: politely, then, after `grace_s`, by force. Returns False when it was not running.

    A process that does not fit the ticket is never signalled (psutil checks once more just before each signal).
    """
    process = find(wanted, mark)
    if process is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
        if not _gone(wanted, grace_s):
            process.kill()
            _gone(wanted, grace_s)
    return True


def _gone(wanted: Ticket, within_s: float) -> bool:
    # Not psutil's wait: it waits for zombies too, and those wait for a parent that need not be us.
    limit = time.monotonic() + within_s
    while find(wanted):
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True


def _since_boot(process: psutil.Process) -> float:
    return round(float(process.create_time()) - float(psutil.boot_time()), 2)


class Held(Exception):
    """Somebody else holds the lock."""


@contextlib.contextmanager
def lock(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock file for the length of the block. Raises `Held` when another process has it and `wait` is off.

    The kernel lets go when the holder dies, however it dies; children do not inherit the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise Held(str(path)) from None
        yield
    finally:
        os.close(descriptor)
