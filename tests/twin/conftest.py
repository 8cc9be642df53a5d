from datetime import date
from pathlib import Path

import pytest

from twin.world import Counts, Recipe, make

RECIPE = Recipe(base_date=date(2026, 11, 22), days=3, scale=2, seed=7)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counts]:
    out = tmp_path_factory.mktemp("twin") / "world"
    return out, make(RECIPE, out)


@pytest.fixture
def world(made: tuple[Path, Counts]) -> Path:
    return made[0]


@pytest.fixture
def counts(made: tuple[Path, Counts]) -> Counts:
    return made[1]
