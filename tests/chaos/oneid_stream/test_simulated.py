import pytest

from tests.chaos.oneid_stream.simulated import PLANTS, judged

SEEDS = 50


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_map_is_that_of_f_whatever_becomes_of_the_workers(seed: int) -> None:
    assert judged(seed).violations == []


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_bug_is_caught(plant: str) -> None:
    assert any(judged(seed, PLANTS[plant]).violations for seed in range(SEEDS))
