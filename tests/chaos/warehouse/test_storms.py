"""A few storms in every build; `make chaos NAME=warehouse` runs many, and all plants."""

import pytest

from tests.chaos.warehouse import events, oracle, scenes
from tests.chaos.warehouse.plants import PLANTS
from tests.chaos.warehouse.trial import trial

HERE = ("offsets before rows", "late facts left out", "pointer before the file")


# 41: the counter of versions is cut off to nothing.
@pytest.mark.parametrize("seed", [2, 41, 46])
def test_readers_see_whole_versions_and_the_end_is_as_without_faults(seed: int) -> None:
    outcome = trial(seed)
    assert not outcome.violations
    assert outcome.looks > 3
    assert sum(count for fault, count in outcome.faults.items() if fault != "none") > 1


@pytest.mark.parametrize("name", HERE)
def test_a_planted_bug_is_caught(name: str) -> None:
    assert scenes.violations(name)


def test_a_script_without_its_bug_is_clean() -> None:
    assert not scenes.violations(HERE[0], planted=False)


def test_events_of_a_phase_hold_those_of_the_phase_before() -> None:
    for phase in range(2, events.PHASES + 1):
        before, now = events.taken(5, phase - 1), events.taken(5, phase)
        assert now[: len(before)] == before
        assert {r.business_date for r in now[len(before) :]} & {r.business_date for r in before}, "late facts"
        assert oracle.phase_of(len(now)) == phase
    assert oracle.phase_of(events.RECEIPTS + 1) is None
    assert set(PLANTS) >= set(HERE)
