"""One peer, one round, watched from outside by the same ruler for all.

wall      first event seen (the peer says when) → the group has committed the whole input. Outputs are in the same
          transactions, so they are readable then.
CPU       of the whole process and its children, from exec to that moment: start-up, imports and JIT included.
warm      the same two without the first third of the events.
RSS       the peak of the largest process.
"""

import contextlib
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil

from bench.cluster import Progress
from bench.setup import Setup

STOP_S = 20.0


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one trial."""

    peer: str
    round: int
    events: int
    wall_s: float
    cpu_s: float
    warm_wall: float
    warm_cpu: float
    rss_mb: float
    outputs: int
    commit_ms: int

    @property
    def wall(self) -> float:
        return self.events / self.wall_s

    @property
    def cpu(self) -> float:
        return self.events / self.cpu_s


class Sample(NamedTuple):
    at: float
    done: int
    cpu: float


class Child:
    """A peer's process. Its output goes to a file in its folder."""

    def __init__(self, command: list[str], setup: Setup, env: dict[str, str] | None = None) -> None:
        self._log = Path(setup.folder) / f"out-{setup.slot}.log"
        self.started = time.time()
        with self._log.open("wb") as out:
            argument = msgspec.json.encode(setup).decode()
            self._popen = subprocess.Popen([*command, argument], stdout=out, stderr=subprocess.STDOUT, env=env)
        self._process = psutil.Process(self._popen.pid)

    def said(self, word: str) -> float | None:
        """The moment that the peer printed as `word <epoch seconds>`, if it has."""
        for line in self._log.read_text(errors="replace").splitlines():
            parts = line.split()
            if len(parts) == 2 and parts[0] == word:
                return float(parts[1])
        return None

    def wait_for(self, word: str, timeout_s: float) -> float:
        limit = time.monotonic() + timeout_s
        while (at := self.said(word)) is None:
            if time.monotonic() > limit or not self.lives():
                raise RuntimeError(f"the peer never said {word!r}. Its last words:\n{self.last_words()}")
            time.sleep(0.02)
        return at

    def cpu(self) -> float:
        """Seconds of processor time so far, children included."""
        total = 0.0
        for process in [self._process, *self._process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self._popen.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def lives(self) -> bool:
        return self._popen.poll() is None

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self._popen.kill()
        self._popen.wait()

    def stop(self) -> None:
        """Politely, then by force."""
        self._popen.terminate()
        try:
            self._popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def last_words(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]


def watch(children: list[Child], progress: Progress, events: int, timeout_s: float) -> list[Sample]:
    """Look at the group's offsets until all events are committed. Raises `RuntimeError` when a peer dies or is late."""
    limit = time.monotonic() + timeout_s
    samples: list[Sample] = []
    while not samples or samples[-1].done < events:
        time.sleep(0.04)
        done = progress.committed()
        samples.append(Sample(time.time(), done, sum(child.cpu() for child in children)))
        dead = [child for child in children if not child.lives()]
        if dead or time.monotonic() > limit:
            words = (dead or children)[0].last_words()
            raise RuntimeError(f"{done} of {events} events after {timeout_s:.0f} s at most. Last words:\n{words}")
    return samples


def figures(children: list[Child], samples: list[Sample], peer: str, number: int, setup: Setup) -> Measured:
    """What the samples say. `outputs` is not known yet."""
    end = samples[-1]
    third = next(sample for sample in samples if sample.done >= end.done / 3)
    rest = end.done - third.done
    return Measured(
        peer=peer,
        round=number,
        events=end.done,
        wall_s=end.at - min(at for child in children if (at := child.said("first"))),
        cpu_s=end.cpu,
        warm_wall=rest / (end.at - third.at) if rest else 0.0,
        warm_cpu=rest / (end.cpu - third.cpu) if rest and end.cpu > third.cpu else 0.0,
        rss_mb=sum(child.peak_mb() for child in children),
        outputs=0,
        commit_ms=setup.commit_ms,
    )
