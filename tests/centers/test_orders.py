"""Orders end the same whatever order their facts came in; sets fall into SKUs; a till that hands over sells nothing twice."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from centers.orders import join
from centers.orders.accept import accept
from centers.orders.receipts import fact
from centers.receipts.accept import accept as accept_receipt
from connectors.ecommerce.shopify import decode
from connectors.pos.receipts_jsonl import decode as decode_receipt
from contracts.money import DECIMALS, minor, shares
from contracts.orders import Order, OrderFact, order_id
from contracts.pos import PosReceipt
from contracts.receipts import Origin, Receipt, Token, receipt_id
from contracts.refusals import Refused
from contracts.web import Shown, WebFact
from tests.pos_examples import REFERENCE, text
from tests.pos_examples import line as till_line
from tests.shopify_examples import SHOP, WEB_PRODUCTS, delivery, fulfilment, line, order, refund

NOWHERE = Origin("", -1, -1)
ID = order_id("t", SHOP, "450789469")
HANDED_OVER = {"shop": SHOP, "id": "450789469"}


def web(topic: str, body: dict[str, Any], tokens: dict[Shown, Token] | None = None) -> OrderFact:
    said = decode(delivery(topic, body), {})
    assert isinstance(said, WebFact), said
    found = accept("t", said, WEB_PRODUCTS, tokens or {}, known_at="", origin=NOWHERE)
    assert isinstance(found, OrderFact), found
    return found


def till(**change: Any) -> OrderFact:
    written = decode_receipt(text(**change))
    assert isinstance(written, PosReceipt), written
    receipt = accept_receipt("t", written, REFERENCE, {}, received_at="2026-11-22T03:00:00Z", origin=NOWHERE)
    assert isinstance(receipt, Receipt)
    return fact(receipt, NOWHERE)


def joined(*facts: OrderFact) -> Order:
    found: Order | None = None
    for one in facts:
        found = join.add(found, one)
    assert found is not None
    return found


CREATED = web("orders/create", order())
SENT = web("fulfillments/create", fulfilment())
BACK = web("refunds/create", refund())


def test_an_order_goes_from_open_to_completed_to_paid_back() -> None:
    assert (joined(CREATED).state, joined(CREATED).fulfilment) == ("open", "none")
    assert (joined(CREATED, SENT).state, joined(CREATED, SENT).fulfilment) == ("completed", "fulfilled")
    half = joined(CREATED, SENT, BACK)
    assert (half.payment, half.refunded_cents, half.state) == ("partially_refunded", 600, "completed")
    whole = joined(CREATED, SENT, BACK, web("refunds/create", refund(id=2)))
    assert (whole.payment, whole.refunded_cents, whole.state) == ("refunded", 1200, "refunded")


def test_a_part_of_what_is_wanted_is_partial_and_what_was_cancelled_is_not_wanted() -> None:
    one = web("fulfillments/create", fulfilment(line_items=[{"id": 1, "quantity": 1}]))
    assert joined(CREATED, one).fulfilment == "partial"
    never_sent = [{"line_item_id": 1, "quantity": 1, "subtotal": 6.0, "restock_type": "cancel"}]
    assert joined(CREATED, one, web("refunds/create", refund(refund_line_items=never_sent))).fulfilment == "fulfilled"
    undone = web("fulfillments/update", fulfilment(status="cancelled", updated_at="2026-11-22T16:00:00+08:00"))
    assert joined(CREATED, SENT, undone).fulfilment == "none"


def test_a_cancelled_order_stays_cancelled_whatever_comes_later() -> None:
    cancelled = web(
        "orders/cancelled", order(cancelled_at="2026-11-22T11:00:00+08:00", updated_at="2026-11-22T11:00:00+08:00")
    )
    assert joined(cancelled, CREATED, SENT).state == "cancelled"
    assert joined(CREATED, cancelled).cancelled_at == "2026-11-22T03:00:00Z"


def test_of_a_refund_without_its_order_only_the_refund_is_known() -> None:
    alone = joined(BACK)
    assert (alone.state, alone.payment, alone.refunded_cents, alone.currency) == ("unknown", "unknown", 600, "CNY")
    assert joined(BACK, CREATED) == joined(CREATED, BACK)


def test_a_refund_in_another_currency_is_listed_and_not_summed() -> None:
    euros = refund(id=3, transactions=[{"kind": "refund", "status": "success", "amount": "1.00", "currency": "EUR"}])
    found = joined(CREATED, BACK, web("refunds/create", euros))
    assert (len(found.refunds), found.refunded_cents) == (2, 600)


def test_the_newest_version_counts_and_among_equals_the_one_nearest_to_the_end() -> None:
    def version(topic: str, second: str, total: str) -> OrderFact:
        return web(topic, order(updated_at=f"2026-11-22T10:30:{second}+08:00", total_price=total))

    old, new = version("orders/updated", "01", "13.00"), version("orders/updated", "01.5", "14.00")
    assert joined(new, old).total_cents == 1400
    same = version("orders/cancelled", "01.5", "15.00")
    assert joined(same, new).total_cents == joined(new, same).total_cents == 1500


def test_money_that_no_line_explains_is_told() -> None:
    snapshot = web("orders/create", order(total_price="15.00", total_tax="1.00")).snapshot
    assert snapshot is not None
    assert (snapshot.tax_cents, snapshot.other_cents) == (100, 200)


def test_a_set_is_its_parts_and_they_share_its_price_to_the_cent() -> None:
    snapshot = web("orders/create", order(line_items=[line(quantity=3, price="33.37", sku="CRATE")])).snapshot
    assert snapshot is not None
    parts = [(p.sku, p.quantity, p.unit, p.amount_cents, p.bundle, p.line) for p in snapshot.lines]
    assert parts == [("WATER", 36, "each", 6674, "CRATE", 1), ("APPLE", 1500, "g", 3337, "CRATE", 1)]


def test_a_variant_is_a_unit_of_its_product() -> None:
    lines = [line(quantity=3, sku=None, variant_id=808), line(2, quantity=1, sku="whatever", variant_id=809)]
    snapshot = web("orders/create", order(line_items=lines)).snapshot
    assert snapshot is not None
    assert [(p.sku, p.quantity) for p in snapshot.lines] == [("APPLE", 3000), ("WATER", 12)]


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"sku": "PEAR"}, "unknown_sku", "line_items[1].sku"),
        ({"sku": None}, "unknown_sku", "line_items[1].sku"),
        ({"sku": "APPLE"}, "unknown_unit", "line_items[1].sku"),
        ({"variant_id": 808, "quantity": 10**9}, None, ""),
    ],
)
def test_what_no_product_is_sold_as_is_refused(change: dict[str, Any], code: str | None, place: str) -> None:
    said = decode(delivery("orders/create", order(line_items=[line(**change)])), {})
    assert isinstance(said, WebFact)
    found = accept("t", said, WEB_PRODUCTS, {}, known_at="", origin=NOWHERE)
    assert found == Refused(code, place) if code else isinstance(found, OrderFact)


def test_an_identifier_that_cannot_be_read_costs_its_type_and_not_the_order() -> None:
    login, mail = Shown("shop_customer", f"{SHOP}/207119551"), Shown("email", "wang@example.cn")
    tokens = {login: Token("shop_customer", "shop_customer:1", "c"), mail: Token("email", "email:1", "c")}
    snapshot = web("orders/create", order(), tokens).snapshot
    assert snapshot is not None
    assert (snapshot.identifiers, snapshot.unreadable) == (tuple(tokens.values()), ("phone",))


# -- tills -------------------------------------------------------------------------------------------------------------


def test_a_sale_is_an_order_that_was_handed_over_there_and_then() -> None:
    found = joined(till())
    assert found.order_id == receipt_id("t", "S001", "1", "2026-11-22", 17)
    assert (found.channel, found.shop, found.state, found.total_cents) == ("pos", "S001", "completed", 400)


def test_a_return_pays_its_receipt_back_in_whatever_shop_it_comes() -> None:
    original = {"store": "S001", "till": "1", "number": 17, "business_date": "2026-11-22"}
    back = till(kind="return", store="S002", number=3, original=original, lines=[till_line("1", 200)])
    found = joined(back, till())
    assert found == joined(till(), back)
    assert (found.shop, found.payment, found.refunded_cents, found.state) == (
        "S001",
        "partially_refunded",
        200,
        "completed",
    )
    undone = till(kind="void", number=18, original=original)
    assert joined(till(), undone).state == joined(undone, till()).state == "cancelled"


def test_a_return_that_names_nothing_is_known_by_itself() -> None:
    alone = joined(till(kind="return", number=9))
    assert (alone.state, alone.refunded_cents, alone.total_cents) == ("unknown", 400, 0)


def test_a_web_order_rung_up_at_the_till_is_one_order_sold_once() -> None:
    rung_up = till(web_order=HANDED_OVER, lines=[till_line("2", 1200)])
    assert rung_up.order_id == ID
    found = joined(CREATED, rung_up)
    assert found == joined(rung_up, CREATED)
    assert (found.channel, found.shop, found.total_cents, found.state) == ("web", SHOP, 1200, "completed")
    assert [one.total_cents for one in found.rung_up] == [1200]


def test_a_void_at_the_till_takes_the_hand_over_back_and_not_the_order() -> None:
    undone = till(kind="void", number=18, web_order=HANDED_OVER, lines=[till_line("2", 1200)])
    found = joined(CREATED, till(web_order=HANDED_OVER, lines=[till_line("2", 1200)]), undone)
    assert (found.state, found.fulfilment, found.payment) == ("open", "none", "paid")


def test_a_hand_over_told_by_shop_and_till_is_one() -> None:
    half_sent = web(
        "fulfillments/create", fulfilment(line_items=[{"id": 1, "quantity": 1}], shipment_status="picked_up")
    )
    half_rung_up = till(web_order=HANDED_OVER, lines=[till_line("1", 600)])
    assert joined(CREATED, half_sent, half_rung_up).fulfilment == "partial"


def test_a_return_at_the_till_pays_a_web_order_back() -> None:
    back = till(kind="return", web_order=HANDED_OVER, lines=[till_line("2", 1200)])
    assert joined(CREATED, SENT, back).state == "refunded"


# -- any order, any number of times ------------------------------------------------------------------------------------

SECONDS = st.integers(0, 3)
FACTS = st.one_of(
    st.builds(
        lambda topic, s, total, paid, cancelled: web(
            topic,
            order(
                updated_at=f"2026-11-22T10:30:0{s}+08:00",
                total_price=f"{total}.00",
                financial_status=paid,
                cancelled_at="2026-11-22T11:00:00+08:00" if cancelled else None,
            ),
        ),
        st.sampled_from(["orders/create", "orders/updated", "orders/cancelled"]),
        SECONDS,
        st.integers(11, 13),
        st.sampled_from(["pending", "paid", "partially_refunded", "voided"]),
        st.booleans(),
    ),
    st.builds(
        lambda id, restock, amount: web(
            "refunds/create",
            refund(
                id=id,
                refund_line_items=[{"line_item_id": 1, "quantity": 1, "subtotal": 6.0, "restock_type": restock}],
                transactions=[{"kind": "refund", "status": "success", "amount": f"{amount}.00", "currency": "CNY"}],
            ),
        ),
        st.integers(1, 3),
        st.sampled_from(["no_restock", "cancel", "return"]),
        st.integers(0, 12),
    ),
    st.builds(
        lambda id, status, s, q: web(
            "fulfillments/update",
            fulfilment(
                id=id, status=status, updated_at=f"2026-11-22T15:00:0{s}+08:00", line_items=[{"id": 1, "quantity": q}]
            ),
        ),
        st.integers(1, 2),
        st.sampled_from(["pending", "success", "cancelled"]),
        SECONDS,
        st.integers(0, 3),
    ),
    st.builds(
        lambda n, q, kind: till(number=n, kind=kind, web_order=HANDED_OVER, lines=[till_line(str(q), 600 * q)]),
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from(["sale", "return", "void"]),
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FACTS, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_any_order_and_any_repeats_end_in_the_same_order(facts: list[OrderFact], dice: random.Random) -> None:
    once = msgspec.json.encode(joined(*facts))
    shuffled = [*facts, *dice.choices(facts, k=len(facts))]
    dice.shuffle(shuffled)
    assert msgspec.json.encode(joined(*shuffled)) == once


@settings(max_examples=100, deadline=None)
@given(st.lists(FACTS, min_size=2, max_size=8))
def test_a_fact_that_was_counted_changes_nothing(facts: list[OrderFact]) -> None:
    whole = joined(*facts)
    assert all(join.add(whole, one) == whole for one in facts)


# -- money -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [("12.30", "CNY", 1230), ("-0.5", "CNY", -50), ("12.300", "CNY", 1230), ("12.305", "CNY", None), ("12", "JPY", 12),
     ("12.5", "JPY", None), ("1.234", "KWD", 1234), ("1e2", "CNY", None), ("", "CNY", None), ("1 000", "CNY", None),
     ("9" * 15, "CNY", None), ("１２", "CNY", None)],
)  # fmt: skip
def test_amounts_are_exact_or_none(text: str, currency: str, amount: int | None) -> None:
    assert minor(text, currency) == amount


def test_currencies_have_the_decimals_of_iso_4217() -> None:
    assert [DECIMALS[c] for c in ("CNY", "USD", "JPY", "KWD")] == [2, 2, 0, 3]
    assert all(len(code) == 3 and code.isupper() for code in DECIMALS)


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 1000), min_size=1, max_size=9).filter(any))
def test_shares_add_up_and_none_is_off_by_a_unit(amount: int, weights: list[int]) -> None:
    parts = shares(amount, tuple(weights))
    assert sum(parts) == amount
    assert all(
        abs(part * sum(weights) - amount * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True)
    )
