"""Two storms on a real broker in every build; `make chaos NAME=oneid-stream` runs many, and all plants."""

import pytest

from connectors.settings import Settings
from tests.chaos.oneid_stream.trial import trial

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


@pytest.mark.parametrize("seed", [1, 2])
def test_members_are_those_of_f_though_their_owner_is_killed(kafka_broker: Settings, seed: int) -> None:
    verdict = trial(kafka_broker, seed)
    assert not verdict.violations, verdict
    assert verdict.evidence > 100
    assert sum(verdict.faults.values()) > 2
