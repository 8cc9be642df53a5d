"""What events add to profiles: each counts once, at its strongest identifier, in whatever order the facts come."""

import random
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest

from centers.orders import join
from centers.orders.receipts import fact
from contracts.behaviour import Behaviour, Consented
from contracts.members import Consent, ProfileFact, Seen, Sums
from contracts.orders import Order, OrderFact, OrderLine, Refund, Snapshot
from contracts.receipts import Discount, Origin, Receipt, ReceiptLine, Token
from oneid.contributions import Contributor
from oneid.profiles import distinct_skus, total, written
from pipelines.profiles import platform_rules

SAYS = Contributor(platform_rules().priority)
NOWHERE = Origin("", 0, 0)
CARD, PHONE, LOGIN = (
    Token(kind, f"{kind}:{'0' * 31}{n}", f"cipher {kind}") for n, kind in enumerate(("card", "phone", "login"))
)
DEPARTMENTS = {"WATER": "DRINKS", "APPLE": "FRUIT"}
AT = 1_795_314_600


def receipt(kind: str = "sale", **change: Any) -> Receipt:
    sign = 1 if kind == "sale" else -1
    lines = (
        ReceiptLine(1, "WATER", 2 * sign, "each", 400 * sign, (Discount("P7", 50),)),
        ReceiptLine(2, "APPLE", 5 * sign, "g", 100 * sign),
    )
    given = {
        "tenant": "t", "receipt_id": "r1", "kind": kind, "store": "S1", "till": "1", "clerk": "c", "number": 1,
        "business_date": "2026-11-22", "at": "2026-11-22T02:30:00Z", "currency": "CNY", "total_cents": 500 * sign, "lines": lines,
        "tenders": (), "identifiers": (PHONE, CARD), "products_version": 1,
        "received_at": "2026-11-22T03:00:00Z", "origin": NOWHERE,
    }  # fmt: skip
    return Receipt(**given | change)


def web(kind: str, second: int, **change: Any) -> OrderFact:
    given = {
        "tenant": "t", "fact_id": f"{kind} {second}", "order_id": "o1", "channel": "web", "source": "shopify", "shop": "shop",
        "kind": kind, "version": f"2026-11-22T02:30:{second:02}Z", "at": f"2026-11-22T02:30:{second:02}Z",
        "known_at": "2026-11-22T03:00:00Z", "origin": NOWHERE,
    }  # fmt: skip
    return OrderFact(**given | change)


def snapshot(second: int, cents: int, *tokens: Token, **change: Any) -> Snapshot:
    given = {
        "version": f"2026-11-22T02:30:{second:02}Z", "rank": 0, "number": "1", "placed_at": "2026-11-22T02:30:00Z",
        "payment": "paid",         "currency": "CNY", "total_cents": cents, "shipping_cents": 0, "tax_cents": 0, "other_cents": 0,
        "lines": (OrderLine(1, "1", 1, "WATER", 1, "each", cents),), "identifiers": tokens,
    }  # fmt: skip
    return Snapshot(**given | change)


def refund(second: int, cents: int) -> Refund:
    at = f"2026-11-22T02:30:{second:02}Z"
    return Refund(f"refund {second}", at, at, "CNY", cents)


def played(facts: Iterable[OrderFact]) -> list[ProfileFact]:
    """What the job that keeps orders sends on."""
    orders: dict[str, Order] = {}
    sent = []
    for one in facts:
        old = orders.get(one.order_id)
        new = orders[one.order_id] = join.add(old, one)
        sent += SAYS.of_order(old, new, one, DEPARTMENTS) + SAYS.of_web_order(one)
    return sent


def summed(facts: Sequence[ProfileFact]) -> dict[str, Sums]:
    sums = {nid: total(f.sums for f in facts if f.nid == nid) for nid in {f.nid for f in facts}}
    return {nid: found for nid, found in sums.items() if found != Sums()}


def at_till(*receipts: Receipt) -> dict[str, Sums]:
    adds = [add for one in receipts for add in SAYS.of_receipt(one, DEPARTMENTS)]
    return summed(adds + played(fact(one, NOWHERE) for one in receipts))


def test_a_receipt_counts_once_at_its_strongest_identifier_and_is_seen_at_each() -> None:
    found = at_till(receipt())
    card, phone = found[CARD.nid], found[PHONE.nid]
    assert (card.orders, card.visits, card.spend, card.stores) == (1, 1, {"CNY": 500}, {"S1": 1})
    assert (card.categories, card.coupons, distinct_skus(card)) == ({"DRINKS": 1, "FRUIT": 1}, frozenset({"P7"}), 2)
    assert phone == Sums(channels={"till": Seen(AT, AT)}, claims=phone.claims)
    assert phone.claims["phone"]["pos"][PHONE.nid].times == 1
    assert not card.claims
    assert total(found.values()).orders == 1


def test_no_profile_holds_another_identifier() -> None:
    for add in SAYS.of_receipt(receipt(), DEPARTMENTS):
        assert not {CARD.nid, PHONE.nid} - {add.nid} & set(written(add.sums).decode().split('"'))


@pytest.mark.parametrize("order", [0, 1])
def test_a_receipt_that_is_voided_or_comes_back_takes_its_money_with_it_in_any_order(order: int) -> None:
    back = receipt("return", receipt_id="r2", original_id="r1", number=2, total_cents=-400, identifiers=())
    pair = [receipt(), back][:: 1 if order else -1]
    assert (at_till(*pair)[CARD.nid].orders, at_till(*pair)[CARD.nid].spend) == (1, {"CNY": 100})
    void = receipt("void", receipt_id="r3", original_id="r1", number=3)
    pair = [receipt(), void][:: 1 if order else -1]
    assert (at_till(*pair)[CARD.nid].orders, at_till(*pair)[CARD.nid].spend) == (0, {})


def test_money_given_back_for_no_receipt_that_is_named_counts_where_it_was_given() -> None:
    found = at_till(receipt("return"))[CARD.nid]
    assert (found.orders, found.visits, found.spend) == (0, 1, {"CNY": -500})


def test_a_web_order_that_is_rung_up_at_a_till_is_not_counted_twice() -> None:
    placed = web("created", 1, snapshot=snapshot(1, 500, LOGIN))
    till = receipt(web_order_id="o1", identifiers=(CARD,))
    adds = SAYS.of_receipt(till, DEPARTMENTS) + played([placed, fact(till, NOWHERE)])
    found = summed(adds)
    assert (found[LOGIN.nid].orders, found[LOGIN.nid].spend) == (1, {"CNY": 500})
    assert (found[CARD.nid].orders, found[CARD.nid].spend, found[CARD.nid].visits) == (0, {}, 1)
    assert total(found.values()).categories == {"DRINKS": 1}


MESSAGES = [
    web("created", 1, snapshot=snapshot(1, 500, PHONE)),
    web("updated", 2, snapshot=snapshot(2, 700, PHONE, LOGIN)),
    web("updated", 3, snapshot=snapshot(3, 650, PHONE, LOGIN)),
    web("refunded", 4, refunds=(refund(4, 100),)),
    web("refunded", 5, refunds=(refund(5, 50),)),
]


def test_the_messages_of_an_order_come_to_the_same_in_any_order() -> None:
    ends = set()
    for seed in range(60):
        some = MESSAGES.copy()
        random.Random(seed).shuffle(some)
        ends.add(tuple(sorted((nid, written(sums)) for nid, sums in summed(played(some)).items())))
    assert len(ends) == 1
    found = summed(played(MESSAGES))
    assert (found[LOGIN.nid].orders, found[LOGIN.nid].spend) == (1, {"CNY": 500})
    # Who owned its first version keeps the sighting, and what was put into it; no money.
    assert (found[PHONE.nid].orders, found[PHONE.nid].spend, found[PHONE.nid].categories) == (0, {}, {})


def test_a_cancelled_order_is_none() -> None:
    cancelled = web("cancelled", 9, cancelled_at="2026-11-22T02:30:09Z", snapshot=snapshot(9, 500, LOGIN, rank=2))
    found = summed(played([*MESSAGES, cancelled]))[LOGIN.nid]
    assert (found.orders, found.spend) == (0, {})


def test_a_call_is_a_visit_for_a_page_and_a_sighting_for_anything_else() -> None:
    given: dict[str, Any] = {
        "tenant": "t", "name": "x", "at": "2026-11-22T02:30:00Z", "received_at": "2026-11-22T02:30:00Z", "origin": NOWHERE,
        "identifiers": (LOGIN, Token("device", "device:1", "c")),
    }  # fmt: skip
    page = SAYS.of_behaviour(Behaviour(event_id="e1", kind="page", **given))
    track = SAYS.of_behaviour(Behaviour(event_id="e2", kind="track", **given))
    found = summed([*page, *track])
    assert found[LOGIN.nid] == Sums(visits=1, channels={"app": Seen(AT, AT)})
    assert found["device:1"] == Sums(channels={"app": Seen(AT, AT)})


def test_the_latest_word_on_a_purpose_counts_at_the_strongest_identifier() -> None:
    given: dict[str, Any] = {
        "tenant": "t", "name": "", "kind": "identify", "received_at": "2026-11-22T02:30:00Z", "origin": NOWHERE,
        "identifiers": (LOGIN, Token("device", "device:1", "c")),
    }  # fmt: skip
    yes = Behaviour(event_id="e1", at="2026-11-22T02:30:00Z", consents=(Consented("marketing", True),), **given)
    no = Behaviour(event_id="e2", at="2026-11-22T02:30:09Z", consents=(Consented("marketing", False),), **given)
    found = summed([*SAYS.of_behaviour(no), *SAYS.of_behaviour(yes)])
    assert found[LOGIN.nid].consents == {"marketing": Consent(AT + 9, True, "ecommerce")}
    assert found["device:1"].consents == {}


def test_who_is_erased_leaves_orders_that_are_nobodys_and_who_was_only_named_stays_out_of_them() -> None:
    both = snapshot(1, 500, PHONE, LOGIN)
    assert SAYS.without(both, {LOGIN.nid}).identifiers == ()
    assert SAYS.without(both, {PHONE.nid}).identifiers == (LOGIN,)
    assert SAYS.without(both, {CARD.nid}) is both


def test_what_cannot_be_anybodys_adds_nothing() -> None:
    address = Token("name", "name:1", "c")
    assert SAYS.of_receipt(receipt(identifiers=(address,)), DEPARTMENTS) == []
    assert played([fact(receipt(identifiers=()), NOWHERE)]) == []
    assert SAYS.of_receipt(receipt("void", original_id="r1"), DEPARTMENTS) == []


def test_the_facts_of_an_event_have_ids_that_follow_from_it() -> None:
    first, again = (SAYS.of_receipt(receipt(), DEPARTMENTS) + played(MESSAGES) for _ in range(2))
    assert msgspec.json.encode(first, order="deterministic") == msgspec.json.encode(again, order="deterministic")
    assert len({add.fact_id for add in first}) == len(first)
