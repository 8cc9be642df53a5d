"""The runtime under simulated chaos: real engine, fake Kafka, virtual time. A seed that fails is replayed with

python -m tests.chaos.run sim --seed N --trace
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.plants import PLANTS, DropsPending, Plant, violations
from tests.chaos.scripts import Script
from tests.chaos.sim.plan import drawn
from tests.chaos.sim.world import Kit, World

ROOT = Path(__file__).parents[2]
CHUNK = 50
# Seeds that once failed: a restore that was overtaken by an assignment of other partitions died of a KeyError. The other find,
# a restore that ended during a revocation and brought a partition back to life, so that what was applied then went out twice,
# needs thousands of seeds. test_moments.py sets up both by hand.
ONCE_FAILED = (713, 934, 1298)


@pytest.mark.parametrize("first", range(1, 501, CHUNK))
def test_every_event_counts_exactly_once_through_storms_of_faults(first: int) -> None:
    for seed in range(first, first + CHUNK):
        assert not World(seed, drawn(seed)).run().violations, f"seed {seed}"


@pytest.mark.parametrize("seed", ONCE_FAILED)
def test_a_seed_that_once_failed_is_clean(seed: int) -> None:
    assert not World(seed, drawn(seed)).run().violations


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    traces = [World(seed, drawn(seed)).run().trace for seed in (7, 7, 8)]
    assert traces[0] == traces[1] != traces[2]


def test_the_same_seed_gives_the_same_run_in_another_python_process() -> None:
    code = "from tests.chaos.sim.plan import drawn; from tests.chaos.sim.world import World; "
    code += "print([World(s, drawn(s)).run().trace for s in range(1, 6)])"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(found) == 1


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_bug_is_caught_every_time(plant: Plant) -> None:
    assert [seed for seed in range(1, 11) if not violations(plant, seed)] == []


@pytest.mark.parametrize("script", dict.fromkeys(plant.script for plant in PLANTS))
def test_the_same_faults_without_a_plant_do_no_harm(script: Script) -> None:
    for seed in range(1, 11):
        assert not World(seed, script()).run().violations, f"seed {seed}"


def test_dropping_pending_work_at_a_revocation_is_harmless_because_the_offset_decides() -> None:
    for seed in range(1, 31):
        assert not World(seed, drawn(seed), Kit(engine=DropsPending)).run().violations, f"seed {seed}"
