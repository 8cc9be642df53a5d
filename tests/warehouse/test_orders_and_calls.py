"""Orders, behaviour and purchase orders from their topics to the published tables."""

from pathlib import Path

import pytest

from centers.orders import join
from connectors import published
from connectors.settings import Settings
from contracts.behaviour import Behaviour, Item
from contracts.keys import key, partition
from contracts.masters import Organisation, PurchaseOrder, PurchaseOrderLine, Store
from contracts.orders import Order, OrderFact, OrderLine, Refund, Snapshot
from contracts.receipts import Origin, Token
from contracts.topics import PARTITIONS
from contracts.wire import Record as Contract
from contracts.wire import encode
from pipelines.warehouse.run import run
from tests.warehouse.synthetic import TENANT, Record, Tape, prepared, quiet, unjudged

ORIGIN = Origin("raw.ecommerce", 0, 1)
AT = "2026-11-01T08:00:00Z"


def record(topic: str, value: Contract | None, *parts: str) -> Record:
    by = key(TENANT, *parts)
    return Record(topic, partition(by, PARTITIONS), by, None if value is None else encode(value))


def fact(order: str, kind: str, **more: object) -> OrderFact:
    said = {"version": AT, "at": AT, "known_at": AT, "origin": ORIGIN, "source": "shopify", "shop": "w"} | more
    return OrderFact(tenant=TENANT, fact_id=f"{order}-{kind}", order_id=order, channel="web", kind=kind, **said)  # type: ignore[arg-type]


def created(order: str, cents: int) -> OrderFact:
    lines = (OrderLine(1, "a", 1, "P1", 2, "each", cents - 100, 7, "SET"), OrderLine(1, "a", 1, "P2", 1, "each", 100))
    snapshot = Snapshot(
        version=AT, rank=0, number=f"#{order}", placed_at=AT, payment="paid", currency="CNY", total_cents=cents,
        shipping_cents=0, tax_cents=0, other_cents=0, lines=lines, identifiers=(Token("phone", "NIDNID", "CIPHER"),),
    )  # fmt: skip
    return fact(order, "created", snapshot=snapshot)


def orders() -> list[Record]:
    """Each order after each of its facts, as the job writes it: many records of a key, the last one right; one is gone."""
    refund = Refund("r1", AT, AT, "CNY", 50)
    told = [created("1", 900), created("2", 500), fact("1", "refunded", refunds=(refund,)), created("9", 100)]
    told += [fact("2", "cancelled", cancelled_at=AT), fact("3", "refunded", refunds=(refund,))]
    held: dict[str, Order] = {}
    written = []
    for one in told:
        held[one.order_id] = join.add(held.get(one.order_id), one)
        written.append(record("state.order", held[one.order_id], one.order_id))
    return [*written, record("state.order", None, "9")]


def calls() -> list[Record]:
    def call(n: int, **more: object) -> Behaviour:
        given = {"at": AT, "received_at": AT, "kind": "track", "name": "Product Viewed", "origin": ORIGIN} | more
        return Behaviour(tenant=TENANT, event_id=f"e{n}", **given)  # type: ignore[arg-type]

    shown = (Token("phone", "NIDNID", "CIPHER"),)
    made = [call(1, identifiers=shown, items=(Item("P1"),)), call(2), call(3, at="2026-11-02T00:00:00Z")]
    return [record("event.behaviour", one, one.event_id) for one in made]


def purchases() -> list[Record]:
    def order(po: str, status: str, change: str = "upsert", **more: object) -> Record:
        about = {"source": "debezium", "version": (1,), "at": AT, "known_at": AT, "origin": ORIGIN} | more
        made = PurchaseOrder(
            tenant=TENANT, po=po, supplier="V1", location="DC1", currency="CNY", ordered_at=AT, expected_on="",
            status=status, change=change, **about,
        )  # type: ignore[arg-type]  # fmt: skip
        return record("event.purchase_order", made, po)

    def line(po: str, n: int, quantity: str) -> Record:
        made = PurchaseOrderLine(
            tenant=TENANT, po=po, line=n, sku="P1", quantity=quantity, unit="case", base_quantity=12, currency="CNY",
            price_cents=333, change="upsert", source="debezium", version=(1,), at=AT, known_at=AT, origin=ORIGIN,
        )  # fmt: skip
        return record("event.purchase_order_line", made, po, str(n))

    return [
        order("A", "open"), order("A", "closed"), order("B", "open"), order("B", "open", "deleted"),
        line("A", 1, "12.5"), line("A", 2, "2"), order("C", "cancelled"),
    ]  # fmt: skip


def masters() -> list[Record]:
    about = {"tenant": TENANT, "source": "debezium", "version": (1,), "at": AT, "known_at": AT, "origin": ORIGIN}

    def shop(store: str, name: str, change: str = "upsert", zone: str = "Asia/Shanghai") -> Record:
        made = Store(
            **about, change=change, store=store, name=name, kind="store", organisation="EAST", zone=zone, day_cut_hour=4,
            currency="CNY", gln="", opened_on="2020-05-01", closed_on="",
        )  # type: ignore[arg-type]  # fmt: skip
        return record("event.store", made, store)

    def organisation(name: str, parent: str, kind: str) -> Record:
        made = Organisation(**about, change="upsert", organisation=name, parent=parent, name=f"{name} Ltd", kind=kind)  # type: ignore[arg-type]
        return record("event.organisation", made, name)

    return [
        shop("S1", "Old"), shop("S1", "New"), shop("S2", "Gone"), shop("S2", "Gone", "deleted"),
        organisation("FIRM", "", "legal_entity"), organisation("EAST", "FIRM", "region"),
        shop("S3", "West", zone="Asia/Urumqi"),
    ]  # fmt: skip


@pytest.fixture(scope="module", params=[1, 1000], ids=["record by record", "at once"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home: Path = tmp_path_factory.mktemp("home")
    written = [*orders(), *calls(), *purchases(), *masters()]
    if request.param == 1:
        for upto in (len(written) // 2, len(written)):
            run(Settings(home=prepared(home)), quiet, source=Tape(written[:upto], size=1), check=unjudged)
    else:
        run(Settings(home=prepared(home)), quiet, source=Tape(written, size=1000), check=unjudged)
    return home


def asked(home: Path, sql: str) -> list[tuple[object, ...]]:
    con = published.connect(home)
    try:
        return con.execute(sql).fetchall()
    finally:
        con.close()


def test_orders_stand_as_their_facts_add_up_and_one_that_was_removed_is_gone(home: Path) -> None:
    columns = "order_id, number, state, payment, total_cents, refunded_cents, lines, discount_cents, identified"
    assert asked(home, f"SELECT {columns} FROM dwd_trade_order ORDER BY order_id") == [
        ("1", "#1", "open", "partially_refunded", 900, 50, 2, 7, True),
        ("2", "#2", "cancelled", "paid", 500, 0, 2, 7, True),
        ("3", "", "unknown", "unknown", 0, 50, 0, 0, False),
    ]
    lines = "SELECT order_id, position, line, sku, bundle, amount_cents FROM dwd_trade_order_line ORDER BY ALL LIMIT 2"
    assert asked(home, lines) == [("1", 1, 1, "P1", "SET", 800), ("1", 2, 1, "P2", "", 100)]
    day = "SELECT channel, shop, placed_on::VARCHAR, orders, cancelled, total_cents, cancelled_cents, refunded_cents"
    assert asked(home, f"{day} FROM dws_trade_channel_1d") == [("web", "w", "2026-11-01", 2, 1, 900, 500, 50)]


def test_calls_stand_on_their_days(home: Path) -> None:
    sql = "SELECT called_on::VARCHAR, calls, identified_calls, items FROM dws_behaviour_1d ORDER BY ALL"
    assert asked(home, sql) == [("2026-11-01", 2, 1, 1), ("2026-11-02", 1, 0, 0)]


def test_purchase_orders_stand_as_their_newest_change_says(home: Path) -> None:
    assert asked(home, "SELECT po, status FROM dwd_purchase_order ORDER BY po") == [("A", "closed"), ("C", "cancelled")]
    assert asked(home, "SELECT orders, cancelled, lines, amount_cents FROM dws_purchase_supplier_1d") == [
        (2, 1, 2, 4162 + 666)
    ]


def test_shops_stand_as_their_newest_change_says_with_their_legal_entity(home: Path) -> None:
    sql = "SELECT store, store_name, stands, legal_entity_name, zone, day_cut_hour FROM dim_store ORDER BY store"
    assert asked(home, sql) == [
        ("S1", "New", True, "FIRM Ltd", "Asia/Shanghai", 4),
        ("S2", "Gone", False, "FIRM Ltd", "Asia/Shanghai", 4),
        ("S3", "West", True, "FIRM Ltd", "Asia/Urumqi", 4),
    ]
    ((hour,),) = asked(home, f"SELECT hour(TIMESTAMPTZ '{AT}' AT TIME ZONE zone) FROM dim_store WHERE store = 'S3'")
    assert hour == 14


def test_no_table_holds_a_token(home: Path) -> None:
    file = published.current(home)
    assert file
    assert b"NIDNID" not in file.read_bytes()
