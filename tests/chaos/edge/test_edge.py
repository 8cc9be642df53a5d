"""The shops' outboxes under chaos: a trial and two planted bugs in every build, fifty trials by `make chaos NAME=edge`.

A trial that fails is run again with

python -m tests.chaos.edge.run --trials 1 --seed N --receipts 600
"""

from collections.abc import Iterator

import pytest

from connectors.settings import Settings
from tests.chaos.edge import plans, run
from tests.chaos.edge.centre import centre
from tests.chaos.edge.plants import PLANTS

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]
RECEIPTS = 600


@pytest.fixture(scope="module")
def settings(kafka_broker: Settings) -> Iterator[Settings]:
    with centre(kafka_broker) as made:
        yield made


@pytest.mark.parametrize("seed", [2])
def test_every_receipt_arrives_once_and_payments_first(settings: Settings, seed: int) -> None:
    verdict = run.storm(settings, seed, RECEIPTS)
    assert not verdict.violations, verdict
    assert verdict.receipts + verdict.lost >= RECEIPTS
    assert sum(verdict.deaths.values()) > plans.SHOPS


@pytest.mark.parametrize("plant", ["synchronous_off", "epoch_kept"])
def test_a_planted_bug_is_caught(settings: Settings, plant: str) -> None:
    assert run.script(settings, plant, plant).violations


def test_every_plant_has_a_script() -> None:
    assert set(plans.SCRIPTS) == set(PLANTS)
