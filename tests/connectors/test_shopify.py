"""Shopify's messages are read exactly or refused with the place of what is wrong; nothing personal is read but identifiers."""

import json
from typing import Any

import pytest

from connectors.ecommerce.shopify import TOPICS, decode, partitioning_key
from contracts.orders import order_id
from contracts.refusals import Refused
from contracts.web import Receiver, Shown, WebFact
from tests.shopify_examples import SHOP, delivery, fulfilment, line, order, refund

BY_HTTP = {"zt_topic": "orders/create", "zt_shop": SHOP}


def read(topic: str, body: dict[str, Any]) -> WebFact:
    fact = decode(delivery(topic, body), {})
    assert isinstance(fact, WebFact), fact
    return fact


def snapshot(**change: Any) -> Any:
    return read("orders/create", order(**change)).snapshot


def test_a_line_of_a_file_and_a_request_say_the_same() -> None:
    body = json.dumps(order()).encode()
    assert decode(body, BY_HTTP) == decode(b"\xef\xbb\xbf" + delivery("orders/create", order()), {})


def test_an_order_is_read_in_minor_units_and_in_utc() -> None:
    fact = read("orders/create", order())
    assert (fact.order, fact.shop, fact.kind, fact.version) == ("450789469", SHOP, "created", "2026-11-22T02:30:00Z")
    assert fact.snapshot is not None
    assert (fact.snapshot.total, fact.snapshot.lines[0].amount, fact.snapshot.placed_at) == (
        1200, 1200, "2026-11-22T02:30:00Z",
    )  # fmt: skip


def test_money_counts_in_the_units_of_its_currency() -> None:
    yen = snapshot(currency="JPY", total_price="1200", line_items=[line(price="600.0")])
    dinar = snapshot(currency="KWD", total_price="1.234", line_items=[line(quantity=1, price="1.234")])
    assert (yen.total, yen.lines[0].amount, dinar.total) == (1200, 1200, 1234)


def test_a_line_owes_its_price_without_what_was_taken_off_it() -> None:
    allocated = line(discount_allocations=[{"amount": "1.00"}, {"amount": "0.50"}], total_discount="9.00")
    lines = snapshot(line_items=[allocated, line(2, total_discount="2.00")]).lines
    assert [(one.amount, one.discount) for one in lines] == [(1050, 150), (1000, 200)]


def test_shipping_and_tax_are_read_once() -> None:
    ships = [{"code": "express", "price": "10.00", "discounted_price": "8.00"}]
    assert snapshot(shipping_lines=ships).shipping == 800
    assert snapshot(shipping_lines=ships, total_shipping_price_set={"shop_money": {"amount": "7.00"}}).shipping == 700
    assert snapshot(total_tax="1.00", taxes_included=True).tax == 0
    assert snapshot(total_tax="1.00").tax == 100


def test_a_pick_up_names_the_shop() -> None:
    assert snapshot(note_attributes=[{"name": "pickup_store", "value": "S001"}]).pickup_store == "S001"
    assert snapshot(shipping_lines=[{"code": "pickup:S002", "price": "0.00"}]).pickup_store == "S002"
    assert snapshot(shipping_lines=[{"code": "express", "price": "0.00"}]).pickup_store == ""
    assert read("fulfillments/create", fulfilment(shipment_status="picked_up")).fulfilments[0].pickup


def test_identifiers_are_those_of_the_customer_and_addresses_are_not_read() -> None:
    personal = {"first_name": "芳", "last_name": "王"}
    shown = snapshot(phone="+86 139 1234 5678", customer={"id": 7, "email": "a@b.cn"} | personal).shown
    assert set(shown) == {
        Shown("shop_customer", f"{SHOP}/7"),
        Shown("email", "a@b.cn"),
        Shown("phone", "+86 139 1234 5678"),
    }
    address = {"name": "李 伟", "phone": "13900001111", "address1": "科苑路15号"}
    told = read("orders/create", order(customer=personal, shipping_address=address))
    assert (told.customer, told.receiver) == ("王芳", Receiver("李 伟", Shown("phone", "13900001111")))
    assert "科苑路" not in repr(told)
    plain = read("orders/create", order(customer=personal))
    assert (plain.digest, plain.receiver) == (told.digest, None)


@pytest.mark.parametrize("odd", [7, ["a"], {"name": 7, "phone": {"a": 1}}, {"name": "x" * 256}, "text", None])
def test_whatever_stands_for_a_name_costs_nobody_an_order(odd: Any) -> None:
    told = read("orders/create", order(customer={"first_name": odd}, shipping_address=odd))
    assert (told.kind, told.receiver) == ("created", None)


def test_a_refund_counts_what_was_paid_back_and_not_what_was_tried() -> None:
    tried = {"kind": "refund", "status": "failure", "amount": "99.00", "currency": "CNY"}
    other = {"kind": "sale", "status": "success", "amount": "98.00", "currency": "CNY"}
    fact = read("refunds/create", refund(transactions=[*refund()["transactions"], tried, other]))
    (one,) = fact.refunds
    assert (one.amount, one.currency, one.lines[0].restock, one.lines[0].amount) == (600, "CNY", "return", 600)
    assert read("refunds/create", refund(transactions=[])).refunds[0].amount == 0


def test_an_order_carries_its_refunds_and_fulfilments() -> None:
    fact = read("orders/updated", order(refunds=[refund()], fulfillments=[fulfilment()]))
    assert fact.refunds == read("refunds/create", refund()).refunds
    assert fact.fulfilments == read("fulfillments/create", fulfilment()).fulfilments


def test_messages_about_one_order_share_a_partition_and_the_unreadable_are_spread() -> None:
    keys = {
        partitioning_key("t", b"", decode(delivery(topic, body), {}))
        for topic, body in (
            ("orders/create", order()),
            ("refunds/create", refund()),
            ("fulfillments/create", fulfilment()),
        )
    }
    assert keys == {f"t|{order_id('t', SHOP, '450789469')}".encode()}
    assert partitioning_key("t", b"{", Refused("not_json")) != partitioning_key("t", b"[", Refused("not_json"))


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_every_topic_is_read(topic: str) -> None:
    body = refund() if topic.startswith("refunds") else fulfilment() if topic.startswith("fulf") else order()
    assert read(topic, body).kind == TOPICS[topic]


@pytest.mark.parametrize(
    ("topic", "body", "code", "place"),
    [
        ("products/create", order(), "unknown_topic", "topic"),
        ("orders/create", order(currency="RMB"), "unknown_currency", "body.currency"),
        ("orders/create", order(total_price="12.005"), "bad_amount", "body.total_price"),
        ("orders/create", order(total_price="1e3"), "bad_amount", "body.total_price"),
        ("orders/create", order(total_price={"amount": 1}), "bad_amount", "body.total_price"),
        ("orders/create", order(line_items=[line(), line(2, price="x")]), "bad_amount", "body.line_items[2].price"),
        ("orders/create", order(line_items=[line(quantity=-1)]), "bad_value", "body.line_items[1].quantity"),
        ("orders/create", order(line_items=[line(quantity="2")]), "wrong_type", "body.line_items[1].quantity"),
        ("orders/create", order(updated_at="2026-11-22T10:30:00"), "bad_time", "body.updated_at"),
        ("orders/create", order(updated_at="2026-13-22T10:30:00+08:00"), "bad_time", "body.updated_at"),
        ("orders/create", order(financial_status="bought"), "bad_value", "body.financial_status"),
        ("orders/create", {k: v for k, v in order().items() if k != "id"}, "missing", "body.id"),
        ("orders/create", order(note_attributes=[{"name": "pickup_store", "value": "a|b"}]), "bad_value",
         "body.note_attributes.pickup_store"),
        ("refunds/create", refund(order_id=None), "missing", "body.order_id"),
        ("refunds/create", refund(transactions=[refund()["transactions"][0], refund()["transactions"][0] | {"currency": "EUR"}]),
         "mixed_currencies", "body.transactions"),
        ("refunds/create", refund(refund_line_items=[{"line_item_id": 1, "quantity": 1, "restock_type": "shelf"}]),
         "bad_value", "body.refund_line_items[1].restock_type"),
        ("fulfillments/create", fulfilment(status="gone"), "bad_value", "body.status"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_place(topic: str, body: Any, code: str, place: str) -> None:
    assert decode(delivery(topic, body), {}) == Refused(code, place)


@pytest.mark.parametrize(
    ("value", "code", "place"),
    [
        (b"", "not_json", ""),
        (delivery("orders/create", order())[:-9], "not_json", ""),
        (b"[]", "not_json", ""),
        (delivery("orders/create", order()).replace(b"#1001", b"#\xff"), "not_utf8", ""),
        (delivery("orders/create", order(), by="x"), "unknown_field", "by"),
        (delivery("orders/create", order(), shop="a b"), "bad_value", "shop"),
        (delivery("orders/create", order()).replace(b'"name":', b'"name": "#1", "name":'), "written_twice", "name"),
        (delivery("orders/create", order(note="NEST")).replace(b'"NEST"', b"[" * 40 + b"]" * 40), "too_deep", ""),
        (b'{"topic": "orders/create", "shop": "a.b"}', "missing", "body"),
    ],
)  # fmt: skip
def test_what_is_no_delivery_is_refused(value: bytes, code: str, place: str) -> None:
    assert decode(value, {}) == Refused(code, place)


def test_a_number_that_python_would_not_read_is_passed_over_where_nobody_asks_for_it() -> None:
    body = json.dumps(order(note="N")).replace('"N"', "1" * 5000).encode()
    assert isinstance(decode(body, BY_HTTP), WebFact)


def test_two_messages_of_one_version_differ_if_they_say_something_else() -> None:
    first, again, other = (read("orders/updated", order(total_price=p)) for p in ("12.00", "12.00", "13.00"))
    assert first.digest == again.digest != other.digest
    assert first.digest == read("orders/updated", order(note="call me", email="other@example.cn")).digest
