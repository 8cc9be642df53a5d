"""One seed: phases of events, each with faults drawn from the seed, a reader all along, and then the judgement.

Violations:
    half, back, path      a reader saw something that is not a whole version, or an older one, or a path used twice
    unreadable            a reader could not read, though no published file had been damaged
    missing, more, twice  the end is not what the oracle counts
    different             the end is not, row for row, what a run without faults makes
    liveness              a run without a fault did not end well, or a kill did not come
    leftover              something half-written lies there at the end
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from connectors import published
from pipelines.warehouse.run import STEPS
from tests.chaos.warehouse import events, oracle
from tests.forks import Forks
from tests.warehouse.synthetic import prepared, published_tables

KILLED = -9
TIMEOUT_S = 300
_ONE = threading.Lock()
ROLES = """
secret: []
roles:
  all: {title: {zh: 全部, en: All}, layers: [dwd, dws, meta]}
"""
# What may be damaged between two runs; the newest file of each kind. A damaged publication cannot be read until the next.
VICTIMS = {
    "commit": "lake/*/_delta_log/*.json",
    "rows": "lake/*/*/*.parquet",
    "warehouse": "warehouse/warehouse.duckdb",
    "state": "warehouse/state.duckdb",
    "counter": "marts/LAST",
    "look": "marts/LOOKED",
    "publication": "marts/marts_*.duckdb",
    "role": "marts/role_*.duckdb",
}


class Outcome(msgspec.Struct, frozen=True):
    seed: int
    faults: dict[str, int]
    looks: int
    violations: list[str]
    seconds: float


class Storm:
    """A home, a reader, and what was found wrong so far."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.home = _new_home("storm")
        self.violations: list[str] = []
        self.faults: Counter[str] = Counter()
        self.looks = 0
        self._damaged = False
        (self.home / "reference" / "roles.yml").write_text(ROLES, "utf-8")
        self._runs = Forks("tests.chaos.warehouse.worker")
        command = [sys.executable, "-m", "tests.chaos.warehouse.reader", str(self.home)]
        self._reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._reader.stdout
        self._reader.stdout.readline()

    def run(self, phase: int, **fault: object) -> int:
        """One run in a process of its own; its exit status."""
        given = json.dumps({"seed": self.seed, "phase": phase, "fault": fault})
        status = self._runs.run(self.home, given)
        self.faults["kill -9" if {"step", "dies"} & set(fault) else "disk full" if "bytes" in fault else "none"] += 1
        clean = not set(fault) - {"judge", "plant"}
        if clean and status:
            said = (self._runs.said.strip().splitlines() or ["nothing"])[-1]
            self.violations.append(f"liveness: phase {phase} ended with {status}: {said[:200]}")
        return status

    def damage(self, kind: str, dice: random.Random) -> None:
        """Cuts off, or flips a bit of, the newest file of a kind, if there is one."""
        found = [file for file in self.home.glob(VICTIMS[kind]) if file.stat().st_size]
        if not found:
            return
        newest = max(found, key=lambda file: (file.stat().st_mtime_ns, file.name))
        content = bytearray(newest.read_bytes())
        if dice.random() < 0.5 or kind == "counter":
            content = content[: dice.randrange(len(content))]
        else:
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        newest.write_bytes(content)
        self.faults[f"damaged {kind}"] += 1
        self._damaged |= kind in ("publication", "role")

    def end(self, phase: int) -> list[str]:
        """Stops the reader, judges, and removes the home. What is wrong."""
        (self.home / "stop").touch()
        out, _ = self._reader.communicate(timeout=TIMEOUT_S)
        *seen, last = out.splitlines() or ["unreadable: the reader died", "looked 0"]
        self.looks = int(last.split()[-1]) if last.startswith("looked") else 0
        self.violations += [line for line in seen if not (self._damaged and line.startswith("unreadable"))]
        if not self.violations or not any(v.startswith("liveness") for v in self.violations):
            self._judge(phase)
        self._runs.close()
        shutil.rmtree(self.home, ignore_errors=True)
        return self.violations

    def _judge(self, phase: int) -> None:
        self.violations += oracle.differences(self.home, self.seed, phase)
        expected = undisturbed(self.seed, phase, self._runs)
        found = published_tables(self.home)
        self.violations += [f"different: {name}" for name in expected if found.get(name) != expected[name]]
        folder = published.marts(self.home)
        left = [f.name for f in folder.iterdir() if "building" in f.name or f.name.startswith(".") or ".rows" in f.name]
        self.violations += [f"leftover: {name}" for name in left]


def undisturbed(seed: int, phase: int, runs: Forks) -> dict[str, list[tuple[object, ...]]]:
    """The tables that one run makes of everything at once, with no fault."""
    home = _new_home("calm")
    try:
        given = json.dumps({"seed": seed, "phase": phase})
        assert runs.run(home, given) == 0, runs.said
        return published_tables(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _new_home(name: str) -> Path:
    # The first one makes the template in this process, which has one DuckDB; trials are threads.
    with _ONE:
        return prepared(Path(tempfile.mkdtemp(prefix=f"zhongtai-{name}-")))


def trial(seed: int) -> Outcome:
    """A storm drawn from the seed."""
    started = time.monotonic()
    dice = random.Random(seed)
    storm = Storm(seed)
    for phase in range(1, events.PHASES + 1):
        for _ in range(dice.choice((0, 1, 1, 2))):
            _fault(storm, phase, dice)
        # The last run is undisturbed, and with the real checkpoint now and then. Others may be skipped altogether.
        if phase == events.PHASES or dice.random() < 0.6:
            storm.run(phase, **({"judge": True} if phase == events.PHASES and seed % 5 == 0 else {}))
    violations = storm.end(events.PHASES)
    return Outcome(seed, dict(storm.faults), storm.looks, violations, round(time.monotonic() - started, 1))


def _fault(storm: Storm, phase: int, dice: random.Random) -> None:
    kind = dice.choice(("kill", "kill", "kill", "full", "damage"))
    if kind == "kill":
        step = dice.choice(STEPS)
        times = dice.choice((1, 2, 3)) if step.startswith("load.") else 1
        status = storm.run(phase, step=step, times=times)
        # A step of a publication, or of new models, is only come to when there is something new.
        if status not in (KILLED, 0):
            storm.violations.append(f"liveness: a run that was to be killed at {step} ended with {status}")
    elif kind == "full":
        storm.run(phase, bytes=dice.randrange(2_000, 6_000_000))
    else:
        storm.damage(dice.choice(tuple(VICTIMS)), dice)


def as_line(outcome: Outcome) -> dict[str, Any]:
    return msgspec.to_builtins(outcome)
