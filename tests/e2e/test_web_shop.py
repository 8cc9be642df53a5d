"""A web shop beside a till, on the real broker with the real worker: one order over both, refusals repaired, calls counted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka import read
from contracts.behaviour import Behaviour
from contracts.orders import Order, OrderFact, order_id
from contracts.wire import decoder
from tests.installation import Installation, running
from tests.pos_examples import line as till_line
from tests.pos_examples import receipt
from tests.shopify_examples import SHOP, call, delivery, fulfilment, order, refund

PRODUCTS = [
    {"sku": "WATER", "base_unit": "each", "units": {"each": "1"}},
    {"sku": "APPLE", "base_unit": "g", "units": {"g": "1", "kg": "1000"}, "variants": {"808": "kg"}},
]
WEB_ORDER = {"shop": SHOP, "id": "450789469"}
BAD = delivery("orders/create", order(id=9, currency="RMB"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("web") / "home"
    (home / "reference").mkdir(parents=True)
    (home / "reference" / "products-1.jsonl").write_text("\n".join(map(json.dumps, PRODUCTS)))
    with running(home) as place:
        yield place


def write(folder: Path, name: str, *lines: bytes) -> Path:
    (folder / name).write_bytes(b"\n".join(lines) + b"\n")
    return folder / name


def values(shop: Installation, topic: str, record: Any) -> list[Any]:
    decode = decoder(record)
    return [decode(m.value()) for _, messages, _ in read(shop.settings, topic) for m in messages if b"|" in m.key()]


def orders(shop: Installation) -> dict[str, Order]:
    """The newest of each key, as whoever reads a compacted topic does."""
    return {one.order_id: one for one in values(shop, "state.order", Order)}


@pytest.mark.kafka
def test_a_web_shop_and_a_till_are_one(shop: Installation, tmp_path: Path) -> None:
    # Backwards, and the creation twice: nothing depends on the order in which it comes.
    sent = write(
        tmp_path, "web.jsonl",
        delivery("refunds/create", refund()),
        delivery("fulfillments/create", fulfilment(shipment_status="picked_up")),
        delivery("orders/create", order(), webhook_id="1"),
        delivery("orders/create", order(), webhook_id="2"),
        delivery("orders/create", order(id=8, line_items=[{"id": 1, "variant_id": 808, "quantity": 2, "price": "6.00"}])),
        BAD,
    )  # fmt: skip
    said = shop.zhongtai("ingest", "ecommerce", "--format", "shopify", sent, expect=3)
    assert said.last == {"accepted": 4, "refused": 1, "duplicates": 1}
    assert "unknown_currency" in said.err
    rung_up = receipt(web_order=WEB_ORDER, lines=[till_line("2", 1200)])
    other = receipt(number=18)
    till = write(tmp_path, "till.jsonl", json.dumps(rung_up).encode(), json.dumps(other).encode())
    assert shop.zhongtai("ingest", "pos", till).last["accepted"] == 2
    shop.settle()

    found = orders(shop)
    assert len(found) == 3
    web = found[order_id("demo", SHOP, "450789469")]
    assert (web.channel, web.state, web.payment, web.fulfilment) == (
        "web",
        "completed",
        "partially_refunded",
        "fulfilled",
    )
    assert (web.total_cents, web.refunded_cents, len(web.rung_up)) == (1200, 600, 1)
    apples = found[order_id("demo", SHOP, "8")].snapshot
    assert apples is not None
    assert [(one.sku, one.quantity, one.unit) for one in apples.lines] == [("APPLE", 2000, "g")]
    # Sold once: of the two receipts, one is an order of its own.
    assert sum(one.total_cents for one in found.values()) == 1200 + 1200 + 400
    assert len(values(shop, "event.order", OrderFact)) == 6

    assert shop.zhongtai("ingest", "ecommerce", "--format", "shopify", sent, expect=3).last["duplicates"] == 5


@pytest.mark.kafka
def test_a_refused_order_is_repaired(shop: Installation, tmp_path: Path) -> None:
    (letter,) = json.loads(shop.zhongtai("dlq", "list", "--feed", "ecommerce", "--format", "json").out)
    assert (letter["code"], letter["place"], letter["file"], letter["line"]) == (
        "unknown_currency",
        "body.currency",
        "web.jsonl",
        6,
    )
    assert "13812345678" not in json.dumps(letter)
    mended = json.loads(BAD) | {"body": order(id=9)}
    repair = json.dumps({"original_text": BAD.decode(), "repaired": mended}).encode()
    said = shop.zhongtai("dlq", "replay", "--feed", "ecommerce", "--with", write(tmp_path, "mended.jsonl", repair))
    assert said.last == {"replayed": 1, "already": 0, "refused": 0, "unknown": 0}
    shop.settle()
    (letter,) = json.loads(shop.zhongtai("dlq", "list", "--feed", "ecommerce", "--format", "json").out)
    assert letter["status"] == "repaired"
    assert order_id("demo", SHOP, "9") in orders(shop)


@pytest.mark.kafka
def test_calls_are_counted_once_and_show_nobody(shop: Installation, tmp_path: Path) -> None:
    calls = [call(messageId=str(n), userId="13812345678") for n in range(3)]
    lines = [json.dumps(one).encode() for one in calls]
    batch = json.dumps({"batch": calls, "sentAt": "2026-11-22T02:30:00Z"}).encode()
    sent = write(tmp_path, "calls.jsonl", *lines, batch)
    assert shop.zhongtai("ingest", "ecommerce", "--format", "segment", sent).last == {
        "accepted": 3,
        "refused": 0,
        "duplicates": 3,
    }
    shop.settle()
    events = values(shop, "event.behaviour", Behaviour)
    assert len(events) == 3
    assert {token.type for one in events for token in one.identifiers} == {"phone", "cookie"}
    for topic in ("event.behaviour", "event.order", "state.order", "dlq.ecommerce", "log.accept_orders"):
        for _, messages, _ in read(shop.settings, topic):
            assert not any(b"13812345678" in (m.value() or b"") + repr(m.headers()).encode() for m in messages)
