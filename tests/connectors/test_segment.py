"""Segment's calls are read, told apart by their ids, set right in time, and hold no more than they may."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from cli.web_formats import segment_lines
from connectors.ecommerce.segment import Batch, Heard, batch, decode, partitioning_key, pieces
from connectors.feeds import Piece
from connectors.settings import Settings
from contracts.behaviour import Consented, Item, event_id
from contracts.refusals import Refused
from contracts.web import Shown
from tests.shopify_examples import call

UUID = "507f191e-810c-4972-9de8-60ea3d5ac0ab"


def read(headers: dict[str, str] | None = None, **change: Any) -> Heard:
    heard = decode(json.dumps(call(**change)).encode(), headers or {})
    assert isinstance(heard, Heard), heard
    return heard


def first_ways(heard: Heard) -> list[Shown]:
    return [way[0] for way in heard.shown]


def test_a_call_says_who_did_what_when_with_which_products() -> None:
    heard = read()
    assert (heard.message, heard.kind, heard.name, heard.at) == (
        "m-1",
        "track",
        "Product Added",
        "2026-11-22T02:30:00Z",
    )
    assert first_ways(heard) == [Shown("login", "anna"), Shown("cookie", UUID)]
    assert (heard.items, heard.currency, heard.cart) == ((Item("WATER", 2, 600),), "CNY", "c-1")


@pytest.mark.parametrize(
    ("user", "ways"),
    [
        ("anna", [("login", "anna"), ("login", "id:anna")]),
        ("7", [("login", "7"), ("login", "id:7")]),
        (7, [("login", "7"), ("login", "id:7")]),
        (7.0, [("login", "7"), ("login", "id:7")]),
        ("a@b.cn", [("email", "a@b.cn"), ("login", "a@b.cn"), ("login", "id:a@b.cn")]),
        ("13812345678", [("phone", "13812345678"), ("login", "13812345678"), ("login", "id:13812345678")]),
    ],
)
def test_a_user_id_is_read_as_what_it_most_likely_is(user: Any, ways: list[tuple[str, str]]) -> None:
    assert read(userId=user, anonymousId=None).shown == (tuple(Shown(*way) for way in ways),)


def test_traits_and_context_show_identifiers_and_nothing_else() -> None:
    heard = read(
        type="identify", event=None, traits={"email": "a@b.cn", "phone": 13812345678, "name": "王芳"},
        context={"device": {"id": "D-1", "advertisingId": "A-1"}, "traits": {"card": "88001234"},
                 "externalIds": [{"id": "o1", "type": "openid"}, {"id": "x", "type": "shoe size"}], "ip": "1.2.3.4"},
    )  # fmt: skip
    assert set(first_ways(heard)) >= {
        Shown("email", "a@b.cn"), Shown("phone", "13812345678"), Shown("card", "88001234"),
        Shown("device", "D-1"), Shown("device", "A-1"), Shown("wechat_openid", "o1"),
    }  # fmt: skip
    assert len(heard.shown) == 8
    assert heard.person == "王芳"
    assert "1.2.3.4" not in repr(heard)


@pytest.mark.parametrize(
    ("traits", "person"),
    [
        ({"firstName": "Anna", "lastName": "Müller"}, "Anna Müller"),
        ({"firstName": "芳", "lastName": "王"}, "王芳"),
        ({"name": 7, "firstName": ["x"]}, ""),
        ({"name": "x" * 256}, ""),
    ],
)
def test_a_name_is_read_where_it_is_one_and_costs_nobody_a_call(traits: dict[str, Any], person: str) -> None:
    assert read(type="identify", event=None, traits=traits).person == person


def test_only_a_true_consent_is_one_and_whatever_else_stands_there_is_a_refusal() -> None:
    said = {
        "Marketing": True,
        "analytics": False,
        "Calls": "yes",
        "MARKETING": True,
        "calls": True,
        "not a purpose!": True,
    }
    heard = read(context={"consent": {"categoryPreferences": said}})
    assert heard.consents == (Consented("analytics", False), Consented("calls", False), Consented("marketing", True))
    assert read(context={}).consents == ()


def test_properties_of_commerce_events_alone_are_read() -> None:
    own = read(event="Price asked", properties={"price": "ask", "sku": {"a": 1}, "secret": "s"})
    assert (own.items, own.amount) == ((), None)
    listed = [{"sku": "A", "price": 1, "quantity": "2"}, {"product_id": "B"}, {"name": "no code"}]
    done = read(
        event="Order Completed", properties={"products": listed, "total": 12.1, "currency": "CNY", "order_id": "#9"}
    )
    assert (done.items, done.amount, done.order) == ((Item("A", 2, 100), Item("B", 1, None)), 1210, "#9")
    assert read(properties={"sku": "A", "price": 0.30000000000000004, "currency": "CNY"}).items[0].amount_cents == 30


def test_what_may_be_somebodys_number_is_not_in_a_name() -> None:
    assert read(event="Called 138 1234 5678 for a@b.cn twice").name == "Called … for … twice"


def test_a_wrong_clock_is_set_right_by_when_the_call_was_sent() -> None:
    at = {"zt_received_at": "2026-11-22T02:30:05Z"}
    assert read(at | {"zt_sent_at": "2026-11-22T02:30:04Z"}).at == "2026-11-22T02:30:00Z"
    ahead = read(at | {"zt_sent_at": "2027-01-01T00:00:05Z"}, timestamp="2027-01-01T00:00:00Z")
    assert ahead.at == "2026-11-22T02:30:00Z"
    assert read(at, timestamp=None).at == "2026-11-22T02:30:05Z"
    assert read({}, timestamp=None).at == ""


def test_a_call_without_an_id_has_the_receivers_or_that_of_its_bytes() -> None:
    assert read({"zt_message_id": "r-1"}, messageId=None).message == "r-1"
    assert (
        read(messageId=None).message
        == read(messageId=None).message
        != read(messageId=None, event="Cart Viewed").message
    )


def test_a_call_sent_again_meets_its_first_sending() -> None:
    keys = {partitioning_key("t", b"", read(timestamp=t)) for t in ("2026-11-22T02:30:00Z", "2026-11-22T02:31:00Z")}
    assert keys == {f"t|{event_id('t', 'm-1')}".encode()}


def test_an_alias_gives_up_what_it_was_called_before() -> None:
    assert read(type="alias", event=None, previousId=UUID).previous[0] == Shown("cookie", UUID)
    assert read(type="alias", event=None, previousId="annie").previous[0] == Shown("login", "annie")


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"type": "buy"}, "bad_value", "type"),
        ({"type": None}, "missing", "type"),
        ({"userId": None, "anonymousId": None}, "no_identity", "userId"),
        ({"userId": " ", "anonymousId": ""}, "no_identity", "userId"),
        ({"userId": ["a"]}, "wrong_type", "userId"),
        ({"event": None}, "missing", "event"),
        ({"event": "x" * 200}, "bad_value", "event"),
        ({"type": "alias"}, "missing", "previousId"),
        ({"type": "group"}, "missing", "groupId"),
        ({"timestamp": "yesterday"}, "bad_time", "timestamp"),
        ({"timestamp": "2026-11-22T02:30:00"}, "bad_time", "timestamp"),
        ({"properties": []}, "wrong_type", "properties"),
        ({"properties": {"currency": "RMB"}}, "unknown_currency", "properties.currency"),
        ({"properties": {"sku": "A", "price": "6,00", "currency": "CNY"}}, "bad_amount", "properties.price"),
        ({"properties": {"sku": "A", "quantity": 1.5}}, "bad_value", "properties.quantity"),
        ({"properties": {"sku": "A B"}}, "bad_value", "properties.sku"),
        ({"properties": {"products": {"sku": "A"}}}, "wrong_type", "properties.products"),
        ({"properties": {"products": [{"sku": "A"}, {"sku": "?"}]}}, "bad_value", "properties.products[2].sku"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(change: dict[str, Any], code: str, place: str) -> None:
    assert decode(json.dumps(call(**change)).encode(), {}) == Refused(code, place)


@pytest.mark.parametrize(
    ("value", "code"),
    [(b"", "not_json"), (b"[1]", "not_json"), (b'{"type": "track"', "not_json"), (b'{"type": "\xff"}', "not_utf8"),
     (b'{"x": ' + b"[" * 40 + b"]" * 40 + b', "type": "page", "userId": "u"}', "too_deep"),
     (b'{"type": "page", "userId": "u", "userId": "v"}', "written_twice")],
)  # fmt: skip
def test_what_is_no_call_is_refused(value: bytes, code: str) -> None:
    found = decode(value, {})
    assert isinstance(found, Refused)
    assert found.code == code


def test_a_batch_falls_into_calls_byte_for_byte() -> None:
    body = b'{"sentAt": "2026-11-22T02:30:04Z", "batch": [ {"type" :"page"},\n1 ], "writeKey": "k", "context": {"a":1}}'
    assert batch(body) == Batch([b'{"type" :"page"}', b"1"], "2026-11-22T02:30:04Z", b'{"a":1}', "k")
    assert batch(b'{"batch": {}}') == Refused("wrong_type", "batch")
    assert batch(b'{"calls": []}') == Refused("missing", "batch")


def test_a_mended_batch_falls_into_its_calls(tmp_path: Path) -> None:
    form = segment_lines(Settings(home=tmp_path, tenant="t"))
    calls = [call(messageId="1"), call(messageId="2")]
    found = form.falls(Piece(json.dumps({"batch": calls}).encode(), 1))
    assert [json.loads(piece.value) for piece in found] == calls
    assert [form.judge(piece).refused for piece in found] == [None, None]


def test_a_file_holds_calls_and_batches() -> None:
    one, two, three = (json.dumps(call(messageId=f"m-{n}")).encode() for n in range(3))
    shared = b'{"device": {"id": "D-1"}}'
    file = io.BytesIO(
        one + b"\n\n" + b'{"batch": [' + two + b", " + three + b'], "context": ' + shared + b'}\n{"batch": 7}'
    )
    found = list(pieces(file, Path("calls.jsonl")))
    assert [(p.value, p.line) for p in found] == [(one, 1), (two, 3), (three, 3), (b'{"batch": 7}', 4)]
    heard = decode(found[1].value, {name: value.decode() for name, value in found[1].headers})
    assert isinstance(heard, Heard)
    assert Shown("device", "D-1") in first_ways(heard)
    assert decode(found[3].value, {}) == Refused("missing", "type")
