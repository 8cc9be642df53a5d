"""What a worker does to itself at a named step: `kill-at`, `stop-at`, `hold-at`, `refuse-at`, `trouble-at` STEP:N."""

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import aiokafka.errors
from aiokafka.consumer.group_coordinator import GroupCoordinator
from confluent_kafka import KafkaError, KafkaException

WHAT = ("kill", "stop", "hold", "refuse", "trouble")
SLOW = ("after produce", "after offsets", "in step")  # asleep here with a transaction open, or with the loop blocked
IN_TRANSACTIONS = ("before begin", "after produce", "after offsets", "after commit")
TROUBLE_S = 1.0  # longer than the pause between two heartbeats, shorter than the session
STEPS = (*IN_TRANSACTIONS, "after committed", "in restore", "before revoke", "after revoke", "after assign", "in step")


class Fault(NamedTuple):
    """Do `what` when `step` is passed for the `nth` time in the life of the process."""

    what: str
    step: str
    nth: int

    @classmethod
    def parse(cls, what: str, text: str) -> "Fault":
        step, _, nth = text.rpartition(":")
        if step not in STEPS:
            raise ValueError(f"no step is named {step!r}; there are {', '.join(STEPS)}")
        return cls(what, step, int(nth))

    def arguments(self) -> list[str]:
        return [f"--{self.what}-at", f"{self.step}:{self.nth}"]


class At:
    """The callable that faust_host calls at each named step. Writes a line for each, then does what is due.

    A step is passed by one thread only. `killed` never returns; `stopped` returns when somebody sends SIGCONT; `held`
    returns when the file `hold` is gone: only the thread that passed is held, the event loop goes on.
    """

    def __init__(self, passed: Path, hold: Path, faults: list[Fault], slow_s: float) -> None:
        self._passed = os.open(passed, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._hold = hold
        self._faults = faults
        self._slow_s = slow_s
        self._counts: Counter[str] = Counter()

    def __call__(self, step: str) -> None:
        self._counts[step] += 1
        os.write(self._passed, f"{step}\n".encode())
        if step in SLOW:
            time.sleep(self._slow_s)
        for fault in self._faults:
            if fault.step == step and fault.nth == self._counts[step]:
                getattr(self, fault.what)()

    def kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(3600)

    def stop(self) -> None:
        # To this thread, which therefore goes no further before it is continued.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    def hold(self) -> None:
        while self._hold.exists():
            time.sleep(0.02)

    def refuse(self) -> None:
        """As if the broker refused what was sent last. Makes sense within a transaction."""
        raise KafkaException(KafkaError(KafkaError.INVALID_TXN_STATE, "refused by the script", False, False, True))

    def trouble(self) -> None:
        """The next heartbeat is due when this step is over, and gets an answer that aiokafka does not expect."""
        whole = GroupCoordinator._do_heartbeat

        async def heartbeat(self: GroupCoordinator) -> bool:
            GroupCoordinator._do_heartbeat = whole
            # As _do_heartbeat raises it itself, for example while a restarted broker loads its groups.
            raise aiokafka.errors.KafkaError("Unexpected exception in heartbeat task: GroupLoadInProgressError()")

        GroupCoordinator._do_heartbeat = heartbeat
        time.sleep(TROUBLE_S)
