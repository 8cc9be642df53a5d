"""Rows of the ERP become master records, and only the newest of a key counts, whatever order they come in."""

import random
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from centers.masters.accept import accept
from contracts.erp import TABLES
from contracts.keys import key
from contracts.masters import (
    MASTERS,
    Barcode,
    BundlePart,
    DropEnd,
    Master,
    MasterMark,
    Position,
    Price,
    Product,
    PurchaseOrderLine,
    Row,
)
from contracts.products import Product as Known
from contracts.products import Products
from contracts.receipts import Origin
from contracts.refusals import Refused
from contracts.wire import decoder, encode
from pipelines.batch import State
from pipelines.jobs.raw_erp_to_event_masters import Taken, step

NOWHERE = Origin("raw.erp", 0, 0)
WATER = Known("P1", "each", {"each": 1, "case": 12})
PRODUCTS = Products(1, {"P1": WATER}, {})
GOOD: dict[str, dict[str, str]] = {
    "category": {"category": "10", "name": "食品"},
    "product": {
        "sku": "P1",
        "name": "水",
        "base_unit": "each",
        "units": "case=12;half=1/2",
        "barcodes": "690123;690124@case",
        "bundle": "P2*2;P3*0.5@kg",
    },
    "price": {
        "sku": "P1",
        "kind": "list",
        "currency": "CNY",
        "amount": "12.5",
        "unit": "case",
        "valid_from": "2026-11-22",
    },
    "supplier": {"supplier": "V1", "name": "Springs Ltd", "currency": "CNY", "lead_days": "7"},
    "purchase_order": {
        "po": "PO1",
        "supplier": "V1",
        "location": "DC",
        "currency": "CNY",
        "ordered_at": "2026-11-22T10:00:00+08:00",
        "status": "open",
    },
    "purchase_order_line": {
        "po": "PO1",
        "line": "1",
        "sku": "P1",
        "quantity": "2",
        "unit": "case",
        "currency": "CNY",
        "price": "99",
    },
    "store": {
        "store": "S1",
        "name": "静安店",
        "kind": "store",
        "organisation": "LE1",
        "zone": "Asia/Shanghai",
        "day_cut_hour": "4",
        "currency": "CNY",
        "gln": "9520000000028",
    },
    "organisation": {"organisation": "LE1", "name": "Co", "kind": "legal_entity"},
    "account": {"account": "1002", "name": "银行存款", "kind": "asset"},
}


def row(table: str, cells: dict[str, str], version: int = 1, source: Any = "csv", *, deleted: bool = False) -> Row:
    at = f"2026-11-22T00:00:{version:02}Z"
    names = tuple(cells.get(part, "") for part in TABLES[table].key)
    return Row(table, names, Position(source, (version,), at), deleted, cells)


def made(table: str, **changed: str) -> Master | Refused:
    one = row(table, {k: v for k, v in (GOOD[table] | changed).items() if v})
    return accept("t", one, PRODUCTS, change="upsert", known_at="", origin=NOWHERE, within=f"{table}.")


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_table_has_a_record_and_a_row_of_it_is_taken(table: str) -> None:
    record = made(table)
    assert isinstance(record, MASTERS[table])
    assert decoder(MASTERS[table])(encode(record)) == record


def test_units_barcodes_bundles_and_money_are_read_exactly() -> None:
    product, price, line = made("product"), made("price"), made("purchase_order_line")
    assert isinstance(product, Product)
    assert product.units == {"case": "12", "half": "1/2", "each": "1"}
    assert product.barcodes == (Barcode("690123", "each"), Barcode("690124", "case"))
    assert product.bundle == (BundlePart("P2", "2"), BundlePart("P3", "0.5", "kg"))
    assert isinstance(price, Price)
    assert (price.amount_cents, price.valid_to) == (1250, "")
    assert isinstance(line, PurchaseOrderLine)
    assert (line.base_quantity, line.price_cents) == (24, 9900)


@pytest.mark.parametrize(
    ("table", "changed", "code", "place"),
    [
        ("price", {"currency": "RMB"}, "unknown_currency", "price.currency"),
        ("price", {"amount": "12.505"}, "bad_amount", "price.amount"),
        ("price", {"amount": "-1"}, "bad_amount", "price.amount"),
        ("price", {"currency": "JPY", "amount": "12.5"}, "bad_amount", "price.amount"),
        ("price", {"unit": "pallet"}, "unknown_unit", "price.unit"),
        ("price", {"valid_from": "22/11/2026"}, "bad_time", "price.valid_from"),
        ("price", {"valid_to": "2026-11-22"}, "bad_value", "price.valid_to"),
        ("price", {"kind": "retail"}, "bad_value", "price.kind"),
        ("product", {"name": ""}, "missing", "product.name"),
        ("product", {"units": "case:12"}, "bad_conversion", "product.units"),
        ("product", {"units": "case=0"}, "bad_conversion", "product.units"),
        ("product", {"units": "each=2"}, "bad_conversion", "product.units"),
        ("product", {"barcodes": "690123@box"}, "unknown_unit", "product.barcodes"),
        ("product", {"sku": "A|B"}, "bad_value", "product.sku"),
        ("purchase_order_line", {"unit": "pallet"}, "unknown_unit", "purchase_order_line.unit"),
        ("purchase_order_line", {"unit": "each", "quantity": "0.5"}, "part_of_unit", "purchase_order_line.quantity"),
        ("purchase_order", {"ordered_at": "2026-11-22 10:00"}, "bad_time", "purchase_order.ordered_at"),
        ("store", {"zone": "+08:00"}, "unknown_zone", "store.zone"),
        ("store", {"zone": "Asia/Nowhere"}, "unknown_zone", "store.zone"),
        ("store", {"day_cut_hour": "24"}, "bad_value", "store.day_cut_hour"),
        ("store", {"gln": "9520000000029"}, "epcis_check_digit", "store.gln"),
    ],
)
def test_a_wrong_cell_is_refused_with_what_and_where(
    table: str, changed: dict[str, str], code: str, place: str
) -> None:
    assert made(table, **changed) == Refused(code, place)


class Worker:
    """The job as the runtime drives it: what one step changed is the state of the next, also through the wire."""

    def __init__(self) -> None:
        self.stored: dict[bytes, bytes] = {}
        self.out: list[Master] = []

    def take(self, *batch: Row | DropEnd) -> None:
        effects = step(State(decoder(MasterMark), dict(self.stored)), [_taken(one) for one in batch])
        self.stored |= {k: encode(v) for k, v in effects.changes.items()}
        self.out += [output.record for output in effects.outputs if output.topic.startswith("event.")]  # type: ignore[misc]

    def state(self) -> dict[str, tuple[str, str]]:
        return {c.category: (c.change, c.name) for c in self.out}  # type: ignore[attr-defined]


def _taken(one: Row | DropEnd) -> Taken:
    record = None
    if isinstance(one, Row) and not one.deleted:
        record = accept("t", one, PRODUCTS, change="upsert", known_at="", origin=NOWHERE)
        assert isinstance(record, Master)
    return Taken("t", one, record, "", NOWHERE)


def named(category: str, name: str, version: int, source: Any = "csv", *, deleted: bool = False) -> Row:
    return row("category", {"category": category, "name": name}, version, source, deleted=deleted)


def end(version: int, missing: Any = "deleted") -> DropEnd:
    return DropEnd("category", Position("csv", (version,), f"2026-11-22T00:00:{version:02}Z"), missing)


def test_a_late_version_never_overwrites_a_newer_one_in_any_order_and_any_batches() -> None:
    rows = [
        named("A", "one", 1, "debezium"),
        named("A", "two", 2, "debezium"),
        named("A", "three", 3, "debezium", deleted=True),
    ]
    for order in permutations([*rows, rows[1]]):
        for size in (1, 4):
            worker = Worker()
            for i in range(0, len(order), size):
                worker.take(*order[i : i + size])
            versions = [r.version for r in worker.out]
            assert versions == sorted(set(versions))
            assert all(mark.position.version == (3,) for mark in _marks(worker).values())


def _marks(worker: Worker) -> dict[bytes, MasterMark]:
    return {k: decoder(MasterMark)(v) for k, v in worker.stored.items() if k != key("t", "category")}


def test_a_row_that_changes_nothing_makes_no_event() -> None:
    worker = Worker()
    worker.take(named("A", "one", 1), named("A", "one", 2))
    worker.take(named("A", "one", 3), named("A", "new", 4))
    assert [(r.version, r.change) for r in worker.out] == [((1,), "upsert"), ((4,), "upsert")]


@pytest.mark.parametrize("missing", ["deleted", "discontinued", "ignored"])
def test_what_a_full_drop_does_not_hold_becomes_what_its_table_says(missing: str) -> None:
    worker = Worker()
    worker.take(named("A", "a", 1), named("B", "b", 1), end(1, missing))
    worker.take(named("A", "a", 2), end(2, missing), end(2, missing))
    gone = {"B": (missing, "b")} if missing != "ignored" else {"B": ("upsert", "b")}
    assert worker.state() == {"A": ("upsert", "a")} | gone
    assert len(worker.out) == (2 if missing == "ignored" else 3)
    worker.take(named("B", "b", 3))
    assert worker.state()["B"] == ("upsert", "b")


def test_a_full_drop_that_comes_late_takes_nothing_away_that_a_newer_one_brought() -> None:
    worker = Worker()
    worker.take(named("A", "a", 1), end(1), named("B", "b", 3))
    worker.take(named("A", "a", 3), end(3))
    worker.take(named("A", "old", 2), named("C", "c", 2), end(2))
    assert worker.state() == {"A": ("upsert", "a"), "B": ("upsert", "b")}


def test_a_delete_repeats_the_last_contents_and_of_an_unknown_key_says_nothing() -> None:
    worker = Worker()
    worker.take(
        named("A", "a", 1, "debezium"),
        named("A", "", 2, "debezium", deleted=True),
        named("Z", "", 5, "debezium", deleted=True),
    )
    assert [(r.change, r.version) for r in worker.out] == [("upsert", (1,)), ("deleted", (2,))]
    assert worker.state() == {"A": ("deleted", "a")}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.sampled_from("xy"), st.integers(1, 6)),
        min_size=1,
        max_size=12,
        unique_by=lambda r: (r[0], r[2]),
    ),
    st.integers(0, 2**32),
)
def test_the_last_state_depends_on_no_order(rows: list[tuple[str, str, int]], seed: int) -> None:
    changes = [named(c, n, v, "debezium") for c, n, v in rows]
    newest = {c: max((v, n) for cc, n, v in rows if cc == c)[1] for c, _, _ in rows}
    shuffled = changes[:]
    random.Random(seed).shuffle(shuffled)
    for order in (changes, shuffled, [*shuffled, *changes]):
        worker = Worker()
        for one in order:
            worker.take(one)
        assert {c: name for c, (_, name) in worker.state().items()} == newest
