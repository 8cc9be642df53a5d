"""Stewards' rulings on a real broker: together or not at all, the latest word stands, and nobody waits in vain without a word."""

import pytest

from connectors import kafka
from connectors.settings import Settings
from contracts.errors import NotReady
from contracts.evidence import Ruling
from contracts.wire import decoder
from pipelines.members import rulings
from pipelines.members.erasure import RULED
from pipelines.members.following import Follower
from pipelines.members.rulings import Steward, pair_id

pytestmark = pytest.mark.kafka
A, B, C = (f"card:{n:032x}" for n in range(3))


@pytest.fixture
def settings(kafka_broker: Settings, tenant: str) -> Settings:
    return Settings(home=kafka_broker.home, tenant=tenant, kafka=kafka_broker.bootstrap)


def written(settings: Settings) -> list[Ruling]:
    Follower(settings, 30, lambda _: None).decided(rulings.TOPIC)
    read = decoder(Ruling)
    mine = f"{settings.tenant}|".encode()
    return [read(m.value()) for _, ms, _ in kafka.read(settings, rulings.TOPIC) for m in ms if m.key().startswith(mine)]


def test_rulings_say_who_and_why_and_the_latest_word_stands(settings: Settings) -> None:
    steward = Steward(settings, "ann", "two sisters")
    rulings.send(settings, [steward.forbids(B, A), steward.erases(C)])
    assert [(r.kind, r.by, r.reason) for r in written(settings)] == [
        ("cannot_link", "ann", "two sisters"),
        ("erase", "ann", "two sisters"),
    ]
    said = rulings.standing(settings)
    assert said.keys() == {pair_id("cannot_link", A, B), f"erase|{C}"}
    assert A not in pair_id("cannot_link", A, B)
    later = Steward(settings, "bob", "no")
    later._seq += 1
    rulings.send(settings, [later.takes_back(said[pair_id("cannot_link", B, A)])])
    assert len(written(settings)) == 3
    assert rulings.standing(settings).keys() == {f"erase|{C}"}


def test_whoever_waits_for_jobs_that_do_not_run_is_told(settings: Settings) -> None:
    rulings.send(settings, [Steward(settings, "ann", "x").forbids(A, B)])
    told: list[str] = []
    with pytest.raises(NotReady) as late:
        Follower(settings, 0.5, told.append).through(RULED)
    assert "show_rulings" in late.value.wrong
    assert "zhongtai up" in late.value.do
    assert told
