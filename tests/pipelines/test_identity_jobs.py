"""The jobs of identity: what each event says, and the owner of a tenant's evidence beside its state. No broker is needed."""

import gc
from pathlib import Path

import msgspec
import pytest

from connectors.keystore import Keystore
from connectors.settings import Settings
from connectors.tokens import Tokeniser
from contracts.behaviour import Behaviour
from contracts.evidence import Evidence, IdentityFact, Ruling
from contracts.member_map import MemberChange, MemberOf
from contracts.orders import OrderFact, Receiver, Snapshot
from contracts.receipts import Origin, Receipt, Token
from contracts.web import Shown
from contracts.wire import decoder, encode
from oneid.identifiers import nid, normalise
from oneid.resolve import member_id
from oneid.showing import of_behaviour, of_order, of_receipt
from pipelines.batch import Run, State
from pipelines.jobs import (
    event_behaviour_to_event_identity,
    event_identity_to_state_member_map,
    event_receipt_to_event_identity,
    event_ruling_to_event_identity,
)
from tests.pos_examples import StillClock

AT = "2026-11-22T02:30:00Z"
HERE = Origin("raw.x", 0, 0)


def token(type: str, letter: str) -> Token:
    return Token(type, f"{type}:{letter * 32}", "")


def receipt(*shown: Token, at: str = AT) -> Receipt:
    return Receipt(
        tenant="t", receipt_id="r", kind="sale", store="S1", till="T1", clerk="", number=1, business_date="2026-11-22", at=at,
        currency="CNY", total_cents=0, lines=(), tenders=(), identifiers=shown, products_version=1, received_at=AT, origin=HERE,
    )  # fmt: skip


def call(*shown: Token, previous: Token | None = None, name: str = "", kind: str = "track") -> Behaviour:
    return Behaviour(
        tenant="t", event_id="e", kind=kind, name="x", at=AT, received_at=AT, identifiers=shown, previous=previous,
        name_tokens=name, origin=HERE,
    )  # fmt: skip


def order(*shown: Token, receiver: Receiver | None = None, name: str = "", channel: str = "web") -> OrderFact:
    snapshot = Snapshot(
        "1", 0, "#1", "2026-11-20T02:30:00Z", "paid", "CNY", 0, 0, 0, 0, (), shown, name_tokens=name, receiver=receiver
    )
    return OrderFact(
        tenant="t", fact_id="f", order_id="o", channel=channel, source="shopify", shop="s", kind="updated", version="1",
        at=AT, known_at=AT, snapshot=snapshot, origin=HERE,
    )  # fmt: skip


def said(found: list[Evidence]) -> list[tuple[str | None, list[str], str]]:
    return [(one.cls, [nid.partition(":")[0] for nid in one.nids], one.name) for one in found]


PHONE, CARD, EMAIL, LOGIN = (token(type, "a") for type in ("phone", "card", "email", "login"))
COOKIE, DEVICE, CUSTOMER, OPENID = (token(type, "a") for type in ("cookie", "device", "shop_customer", "wechat_openid"))


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (of_receipt(receipt(CARD, PHONE)), [("C", ["card", "phone"], "")]),
        (of_receipt(receipt()), []),
        (of_receipt(receipt(CARD, at="1969-12-31T23:59:59Z")), []),
        (of_receipt(receipt(CARD, at="2106-02-08T00:00:00Z")), []),
        (of_receipt(receipt(CARD, PHONE), {PHONE.nid}), [("C", ["card"], "")]),
        (of_order(order(CUSTOMER, EMAIL, name="zN")), [("B", ["shop_customer", "email"], "zN")]),
        (of_order(order(CARD, channel="pos")), []),
        (
            of_order(order(CUSTOMER, PHONE, receiver=Receiver((PHONE,), "zR"))),
            [("B", ["shop_customer", "phone"], ""), ("B", ["phone"], "zR")],
        ),
        (
            of_order(order(CUSTOMER, receiver=Receiver((PHONE,), "zR"))),
            [("B", ["shop_customer"], ""), ("B", ["phone"], "zR"), ("C", ["shop_customer", "phone"], "")],
        ),
        (of_behaviour(call(COOKIE, DEVICE)), [("C", ["cookie", "device"], "")]),
        (of_behaviour(call(LOGIN, COOKIE, name="zN")), [("A", ["login", "cookie"], "zN")]),
        (
            of_behaviour(call(LOGIN, COOKIE, EMAIL, OPENID, name="zN")),
            [("A", ["login", "wechat_openid", "cookie"], ""), ("B", ["login", "wechat_openid", "email"], "zN")],
        ),
        (of_behaviour(call(COOKIE, EMAIL)), [("B", ["cookie", "email"], "")]),
        (of_behaviour(call(LOGIN, EMAIL)), [("B", ["login", "email"], "")]),
        (of_behaviour(call(LOGIN, previous=COOKIE, kind="alias")), [("A", ["login", "cookie"], "")]),
        (of_behaviour(call()), []),
    ],
)
def test_an_event_says_what_its_kind_means(found, wanted):
    assert said(found) == wanted


def test_evidence_has_an_id_of_its_own_that_is_the_same_again():
    both = of_behaviour(call(LOGIN, COOKIE, EMAIL)) * 2
    assert len({one.id for one in both}) == 2
    assert of_order(order(EMAIL))[0].at == "2026-11-20T02:30:00Z"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, tenant="t")


def run(topic: str, *records: msgspec.Struct, start: int = 0) -> Run:
    n = len(records)
    return Run(
        topic,
        0,
        start,
        start + n,
        list(range(start, start + n)),
        [b"t|x"] * n,
        [encode(r) for r in records],
        [0] * n,
        [()] * n,
    )


def test_what_the_rules_block_is_in_no_evidence_be_it_listed_or_matched(settings: Settings):
    keystore = Keystore(settings.home, StillClock())
    shown = [
        Shown("phone", "13800000000"),
        Shown("card", "99999999"),
        Shown("email", "li@example.com"),
        Shown("card", "88001234"),
    ]
    tokens = Tokeniser(keystore, "t", "CN", normalise=normalise, nid=nid).tokens(shown)
    (phone, nobodys_card, test_email, card) = (tokens[one] for one in shown)
    job = event_receipt_to_event_identity.job(settings)
    (only,) = job.prepare(run("event.receipt", receipt(phone, nobodys_card, card)))
    assert only.nids == (card.nid,)
    calls = event_behaviour_to_event_identity.job(settings)
    assert said(calls.prepare(run("event.behaviour", call(LOGIN, test_email)))) == [("A", ["login"], "")]
    keystore.destroy([card.nid])
    (output,) = job.step(None, job.prepare(run("event.receipt", receipt(card, PHONE)))).outputs
    assert (output.topic, output.by, len(output.record.nids)) == ("event.identity", b"t", 2)


class Topics:
    """The job with its state, and what it wrote, as a broker would hold it."""

    def __init__(self, settings: Settings) -> None:
        self.job = event_identity_to_state_member_map.job(settings)
        self.kept: dict[bytes, bytes] = {}
        self.map: dict[bytes, MemberOf] = {}
        self.changes: list[MemberChange] = []
        self.offset = 0
        self.restore()

    def restore(self) -> None:
        self.state = State(decoder(IdentityFact), dict(self.kept))

    def take(self, *said: Evidence, committed: bool = True) -> None:
        events = self.job.prepare(run("event.identity", *said, start=self.offset))
        effects = self.job.step(self.state, events)
        self.state.change(effects.changes)
        self.state.take()
        if not committed:
            return
        self.offset += len(said)
        self.kept |= {k: encode(fact) for k, fact in effects.changes.items() if fact is not None}
        self.kept = {k: v for k, v in self.kept.items() if k not in effects.changes or effects.changes[k] is not None}
        for output in effects.outputs:
            if output.topic == "event.member_change":
                self.changes.append(output.record)
            elif output.record is None:
                self.map.pop(output.key)
            else:
                self.map[output.key] = output.record


def word(kind: str, a: str, b: str = "", seq: int = 1) -> Evidence:
    ruling = Ruling(tenant="t", id=f"{kind}{a}{b}", seq=seq, kind=kind, at=AT, a=a, b=b)
    job = event_ruling_to_event_identity.JOB
    (output,) = job.step(None, job.prepare(run("event.ruling", ruling))).outputs
    return output.record


def test_the_map_names_the_member_by_the_tenants_key_and_forgets_who_is_erased(settings: Settings):
    topics = Topics(settings)
    topics.take(*of_receipt(receipt(CARD, PHONE)))
    born = min((CARD.nid, PHONE.nid), key=lambda n: (n.partition(":")[2], n))
    key = Keystore(settings.home, StillClock()).tenant_key("t")
    assert {entry.member_id for entry in topics.map.values()} <= {member_id(key, CARD.nid), member_id(key, PHONE.nid)}
    assert {entry.confidence for entry in topics.map.values()} == {80}
    assert born
    topics.take(word("erase", PHONE.nid))
    assert set(topics.map) == {f"t|{CARD.nid}".encode()}
    assert PHONE.nid.encode() not in repr(topics.kept).encode()


def test_what_was_aborted_is_forgotten_with_its_state(settings: Settings):
    topics = Topics(settings)
    topics.take(*of_receipt(receipt(CARD)))
    topics.take(word("must_link", CARD.nid, PHONE.nid), *of_receipt(receipt(PHONE)), committed=False)
    topics.restore()
    topics.take(*of_receipt(receipt(PHONE)))
    assert len({entry.member_id for entry in topics.map.values()}) == 2
    topics.take(word("must_link", CARD.nid, PHONE.nid))
    assert len({entry.member_id for entry in topics.map.values()}) == 1
    assert [change.kind for change in topics.changes] == ["new", "new", "merge"]


def test_a_shard_goes_with_the_state_that_it_stands_beside(settings: Settings):
    topics = Topics(settings)
    topics.take(*of_receipt(receipt(CARD)))
    beside = topics.job.step.__self__._shards
    assert len(beside) == 1
    topics.restore()
    gc.collect()
    assert len(beside) == 0


def test_two_tenants_in_one_partition_know_nothing_of_each_other(settings: Settings):
    topics = Topics(settings)
    theirs = [msgspec.structs.replace(one, tenant="u") for one in of_receipt(receipt(CARD, PHONE))]
    topics.take(*of_receipt(receipt(CARD)), *theirs)
    mine, other = topics.map[f"t|{CARD.nid}".encode()], topics.map[f"u|{CARD.nid}".encode()]
    assert mine.member_id != other.member_id
    assert len(topics.map) == 3
