"""The runtime under chaos on a real broker, two trials at a time. A storm that fails is run again with

python -m tests.chaos.real.run stock --trials 1 --seed N
"""

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from connectors.settings import Settings
from contracts.keys import partition
from tests.chaos.real import run, scripts, trial
from tests.chaos.real.faults import Fault
from tests.chaos.real.scripts import PLANTED
from tests.chaos.real.trial import Verdict

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]
SHORT_S = (7.0, 9.0)
STORMS = [("stock", seed) for seed in range(1, 8)] + [("clerks", seed) for seed in range(1, 4)]
SCRIPTS = {planted.script.__name__: number for number, planted in enumerate(PLANTED)}
PLANTS = {plant: number for number, planted in enumerate(PLANTED) for plant in planted.plants}
HARMLESS = {plant: number for number, planted in enumerate(PLANTED) for plant in planted.harmless}

Outcomes = dict[object, Future[Verdict]]


@pytest.fixture(scope="module")
def outcomes(kafka_broker: Settings) -> Iterator[Outcomes]:
    """Everything is started at once, and runs two at a time while the tests wait, each for its own."""
    with run.pool() as workers:
        planned: Outcomes = {}
        for job, seed in STORMS:
            planned[job, seed] = workers.submit(trial.storm, kafka_broker, job, seed, SHORT_S)
        for name, number in SCRIPTS.items():
            planned[name] = workers.submit(run.script, kafka_broker, number, "")
        for plant, number in (PLANTS | HARMLESS).items():
            planned[plant] = workers.submit(run.script, kafka_broker, number, plant)
        yield planned
        workers.shutdown(cancel_futures=True)


@pytest.mark.parametrize(("job", "seed"), STORMS)
def test_every_event_counts_exactly_once_through_kills_stops_and_doubles(
    outcomes: Outcomes, job: str, seed: int
) -> None:
    verdict = outcomes[job, seed].result()
    assert not verdict.violations, verdict
    assert verdict.events > 1000


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_fault_at_a_fixed_point_does_no_harm(outcomes: Outcomes, name: str) -> None:
    verdict = outcomes[name].result()
    assert not verdict.violations, verdict


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_bug_is_caught(outcomes: Outcomes, plant: str) -> None:
    assert outcomes[plant].result().violations


@pytest.mark.parametrize("plant", HARMLESS)
def test_what_is_harmless_by_design_changes_nothing(outcomes: Outcomes, plant: str) -> None:
    verdict = outcomes[plant].result()
    assert not verdict.violations, verdict


def test_the_stores_of_the_scripts_lie_in_two_partitions() -> None:
    assert [partition(store.encode(), 2) for store in (scripts.FIRST, scripts.SECOND)] == [0, 1]


def test_a_fault_at_a_step_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no step is named"):
        Fault.parse("kill", "after lunch:1")
