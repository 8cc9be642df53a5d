"""The audit finds what is wrong in the map, and the demo's judgement counts what is wrong in the members."""

from pathlib import Path

import msgspec
import pytest

from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.evidence import Evidence, IdentityFact
from contracts.member_map import MemberOf
from contracts.wire import decoder, encode
from oneid.identifiers import nid
from pipelines.batch import Run, State
from pipelines.identity.auditing import audited
from pipelines.jobs import event_identity_to_state_member_map
from pipelines.verify_members import Truth, read_truth, score

AT = "2026-11-22T02:30:00Z"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, tenant="t")


def shown(*letters: str, cls: str = "B") -> Evidence:
    nids = tuple(f"{word.split('.')[0]}:{word.split('.')[1] * 32}" for word in letters)
    return Evidence(tenant="t", id="1", at=AT, source="test", about="1", cls=cls, nids=nids)


@pytest.fixture
def topics(settings: Settings) -> tuple[dict[bytes, IdentityFact], dict[bytes, MemberOf]]:
    """The facts and the map after a few events, two people's phones among them."""
    said = [
        shown("card.a", "phone.a"), shown("login.b", "email.b", cls="A"), shown("card.c", "phone.c", cls="C"),
        shown("card.c", "phone.d", cls="C"), shown("card.c", "phone.c", cls="C"), shown("cookie.e"),
    ]  # fmt: skip
    job = event_identity_to_state_member_map.job(settings)
    n = len(said)
    run = Run("event.identity", 0, 0, n, list(range(n)), [b"t|1"] * n, [encode(one) for one in said], [0] * n, [()] * n)
    effects = job.step(State(decoder(IdentityFact), {}), job.prepare(run))
    live = {o.key: o.record for o in effects.outputs if o.topic == "state.member_map"}
    return {key: fact for key, fact in effects.changes.items() if fact is not None}, live


def test_an_audit_of_what_the_owner_told_finds_nothing_and_shows_the_graph(settings, topics):
    found = audited(settings, *topics)
    assert found.different == 0
    shape = found.health
    assert (shape.identifiers, shape.members) == (8, 5)
    assert shape.by_type["phone"] == 3
    assert shape.sizes == {1: 2, 2: 3}
    assert shape.refused == {"limit:phone/4w": 1}


@pytest.mark.parametrize("wrong", ["another member", "another confidence", "missing", "one too many"])
def test_an_audit_finds_an_entry_that_is_wrong(settings, topics, wrong):
    facts, live = topics
    key = min(live)
    if wrong == "another member":
        live[key] = msgspec.structs.replace(live[key], member_id="m-aaaaaaaaaaaaaaaa")
    elif wrong == "another confidence":
        live[key] = msgspec.structs.replace(live[key], confidence=1)
    elif wrong == "missing":
        del live[key]
    else:
        live[b"t|card:" + b"f" * 32] = live[key]
    found = audited(settings, facts, live)
    assert found.different == 1
    assert len(found.examples) == 1


def test_versions_are_no_difference(settings, topics):
    facts, live = topics
    assert audited(settings, facts, {k: msgspec.structs.replace(v, version=99) for k, v in live.items()}).different == 0


OWNERS = {"a1": "A", "a2": "A", "a3": "A", "b1": "B", "b2": "B"}
TRUTH = Truth(
    {one: frozenset(who) for one, who in OWNERS.items()} | {"turn": frozenset("AB"), "home": frozenset("AB")},
    frozenset({"home"}),
)
SHOWN = [("a1", "a2"), ("a2", "a3"), ("b1", "b2"), ("home", "a1"), ("home", "b1"), ("kiosk", "a1")]


def members(*groups: str) -> dict[str, str]:
    return {one: str(n) for n, group in enumerate(groups) for one in group.split()}


@pytest.mark.parametrize(
    ("map_", "wanted"),
    [
        (members("a1 a2 a3 home", "b1 b2", "kiosk"), (0.0, 1.0, 1.0)),
        (members("a1 a2 a3 turn", "b1 b2"), (0.0, 1.0, 1.0)),  # a number that passed on is with one of its owners
        (members("a1 a2 a3 b1", "b2"), (0.5, 0.5, 0.75)),  # 3 of 6 pairs right, b1–b2 not found
        (members("a1", "a2 a3", "b1 b2"), (0.0, 1.0, 0.5)),  # of A's three pairs one is found
        (members("a1 a2 a3 kiosk", "b1 b2 kiosk"), (0.0, 1.0, 1.0)),  # what is nobody's does not count
    ],
)
def test_shares_are_of_what_can_be_known(map_, wanted):
    found = score(TRUTH, map_, SHOWN)
    assert (found.over_merged, found.precision, found.recall) == wanted


def test_a_link_through_what_two_people_use_at_once_is_not_asked_for():
    alone = score(TRUTH, members("a1", "b1", "home"), [("home", "a1"), ("home", "b1")])
    assert alone.recall == 0.0  # of no pairs at all
    assert alone.precision == 0.0
    assert not alone.good


def test_owners_are_read_with_those_who_use_anothers_for_lack_of_an_own(settings, tmp_path):
    (tmp_path / "people.csv").write_text(
        "person,phone,card,email,login,union_id,open_id,device,cookie,cookie2,takes_up\n"
        "1,13812345678,88001234,,,,,,cookie-of-the-family,,\n2,13912345678,,,,,,,cookie-of-the-family,,\n3,13912345678,,,,,,,,,12\n"
    )
    (tmp_path / "shown.csv").write_text(
        "person,type,value,whose\n2,card,88001234,family\n1,shop_customer,a.example/7,own\n1,phone,13712345678,mistyped\n"
    )
    truth = read_truth(settings, tmp_path)
    key = Keystore(settings.home, SystemClock()).tenant_key("t")
    card, cookie, recycled = (
        nid(key, *one)
        for one in (("card", "88001234"), ("cookie", "cookie-of-the-family"), ("phone", "+8613912345678"))
    )
    assert truth.owners[card] == {"1", "2"}
    assert truth.at_once == {card, cookie}
    assert truth.owners[recycled] == {"2", "3"}
    assert truth.owners[nid(key, "shop_customer", "a.example/7")] == {"1"}
    assert nid(key, "phone", "+8613712345678") not in truth.owners
