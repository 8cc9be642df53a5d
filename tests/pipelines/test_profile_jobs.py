"""The jobs that keep profiles: each fact adds up, and what is erased neither stays nor comes back. No broker is needed."""

from pathlib import Path
from typing import Any

import pytest

from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.evidence import Ruling
from contracts.keys import key
from contracts.members import Profile, ProfileFact, Sums
from contracts.orders import Order, OrderFact
from contracts.receipts import Origin, Token
from contracts.wire import Record, decoder, encode
from pipelines.batch import Run, State
from pipelines.jobs import event_order_to_state_order as orders
from pipelines.jobs import event_profile_fact_to_state_profile as profiles
from pipelines.jobs import event_receipt_to_event_profile_fact as of_receipts
from pipelines.jobs import event_ruling_to_event_profile_fact as of_rulings
from tests.oneid.test_contributions import CARD, LOGIN, PHONE, receipt, snapshot, web
from tests.pos_examples import StillClock

MINE = key("t", CARD.nid)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, tenant="t")


def run(*records: Record) -> Run:
    n = len(records)
    return Run("x", 0, 0, n, list(range(n)), [b""] * n, [encode(r) for r in records], [0] * n, [()] * n)


def adds(fact_id: str, cents: int, cipher: str = "") -> ProfileFact:
    return ProfileFact(
        tenant="t", fact_id=fact_id, nid=CARD.nid, at="2026-11-22T02:30:00Z", source="event.receipt", about="r1",
        sums=Sums(orders=1, spend={"CNY": cents}), cipher=cipher,
    )  # fmt: skip


def destroy(settings: Settings, *nids: str) -> None:
    store = Keystore(settings.home, StillClock())
    store.destroy(nids)
    store.close()


def applied(job: Any, state: State[Any], *records: Record) -> Any:
    effects = job.step(state, job.prepare(run(*records)))
    state.change(effects.changes)
    state.take()
    return effects


def test_facts_add_up_to_what_an_identifier_has_gathered(settings: Settings) -> None:
    job, state = profiles.job(settings), State(decoder(Profile), {})
    applied(job, state, adds("f1", 100, "sealed"), adds("f2", -30))
    applied(job, state, adds("f3", 5))
    found = state.get(MINE)
    assert (found.sums.orders, found.sums.spend, found.cipher) == (3, {"CNY": 75}, "sealed")


def test_what_is_erased_is_a_tombstone_and_a_fact_that_comes_late_does_not_bring_it_back(settings: Settings) -> None:
    job, state = profiles.job(settings), State(decoder(Profile), {})
    applied(job, state, adds("f1", 100))
    destroy(settings, CARD.nid)
    said = Ruling(tenant="t", id=f"erase|{CARD.nid}", seq=1, kind="erase", at="2026-11-23T00:00:00Z", a=CARD.nid)
    (erasure,) = (output.record for output in applied(of_rulings.JOB, State(decoder(Profile), {}), said).outputs)
    assert applied(job, state, erasure).changes == {MINE: None}
    assert applied(job, state, adds("f2", 100)).changes == {}
    assert len(state) == 0
    assert applied(profiles.job(settings), State(decoder(Profile), {}), adds("f3", 1)).changes == {}  # after a restart


def test_a_receipt_is_told_to_each_of_its_identifiers_where_the_profile_is_kept(settings: Settings) -> None:
    outputs = applied(of_receipts.job(settings), State(decoder(Profile), {}), receipt()).outputs
    assert [(o.topic, o.by) for o in outputs] == [("event.profile_fact", key("t", t.nid)) for t in (PHONE, CARD)]
    assert len({o.key for o in outputs}) == 2


def test_an_order_forgets_who_is_erased_and_a_message_that_comes_late_does_not_remind_it(settings: Settings) -> None:
    job, state = orders.job(settings), State(decoder(Order), {})
    applied(job, state, web("created", 1, snapshot=snapshot(1, 500, PHONE, LOGIN)))
    destroy(settings, LOGIN.nid)
    effects = applied(job, state, web("updated", 0, forgets=(LOGIN.nid,)))
    order = state.get(key("t", "o1"))
    assert (order.snapshot.identifiers, order.total_cents) == ((), 500)
    assert [(o.record.nid, o.record.sums.spend) for o in effects.outputs] == [(LOGIN.nid, {"CNY": -500})]
    applied(job, state, web("updated", 2, snapshot=snapshot(2, 700, PHONE, Token("login", LOGIN.nid, ""))))
    assert LOGIN.nid.encode() not in encode(state.get(key("t", "o1")))
    assert state.get(key("t", "o1")).total_cents == 700


def test_an_order_fact_of_before_has_nothing_to_forget() -> None:
    old = encode(web("created", 1)).replace(b',"forgets":[]', b"")
    assert decoder(OrderFact)(old).forgets == ()
    assert decoder(OrderFact)(old).origin == Origin("", 0, 0)
