"""A sample of the long runs of `make chaos NAME=oneid`, and the bugs planted to prove that it can fail."""

import pytest

from tests.chaos.oneid import plants
from tests.chaos.oneid.judging import differences


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_the_live_map_f_and_the_oracle_agree_on_every_person_and_id_in_any_order(first):
    found = [what for case in range(first, first + 50) for what in differences(case, 3 if case % 50 == 0 else 1)]
    assert found == [], "replay: .venv/bin/python -m tests.chaos.oneid.run --case N"


@pytest.mark.parametrize("plant", [*plants.PLANTS, *plants.READING], ids=lambda plant: plant.title)
def test_a_planted_bug_is_caught(plant):
    assert plants.caught(plant, 1) is not None
