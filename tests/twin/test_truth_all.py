"""The truth of all four feeds is recounted from them by code that shares nothing with the twin."""

import json
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

from tests.twin import recount_all as again
from tests.twin.recount import read_csv
from twin.world import Counts


def truth(world: Path, table: str) -> list[list[str]]:
    return read_csv(world / "truth_all" / f"{table}.csv")[1:]


def test_every_web_order_ends_as_its_messages_say(world: Path) -> None:
    orders = again.web_orders(world).values()
    columns = ("number", "state", "payment", "fulfilment", "lines", "total", "refunded")
    assert truth(world, "web_orders") == sorted([str(order[c]) for c in columns] for order in orders)
    assert len(orders) > 150
    assert {order["state"] for order in orders} >= {"open", "cancelled"}


def test_orders_of_both_channels_are_those_of_receipts_and_messages(world: Path) -> None:
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    rows = [("pos", *order) for order in again.till_orders(world)]
    rows += [("web", o["state"], o["total"], o["refunded"]) for o in again.web_orders(world).values()]
    for channel, state, total, refunded in rows:
        sums = found[channel, state]
        found[channel, state] = [sums[0] + 1, sums[1] + total, sums[2] + refunded]
    assert truth(world, "orders") == again.rows_of(found)


def test_behaviour_is_counted_call_by_call(world: Path) -> None:
    found = Counter((call["type"], call.get("event") or call.get("name") or "") for call in again.calls(world))
    assert truth(world, "behaviours") == again.rows_of({k: (n,) for k, n in found.items()})


def test_identifiers_are_counted_as_they_were_shown_over_all_feeds(world: Path) -> None:
    found: dict[tuple[str], list[int]] = defaultdict(lambda: [0, 0])
    for (kind, _value), times in again.shown(world).items():
        found[kind,][0] += times
        found[kind,][1] += 1
    assert truth(world, "identifiers") == again.rows_of(found)


def test_warehouse_moves_are_those_of_the_events_that_stand(world: Path) -> None:
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for location, document, _sku, quantity, _at in again.moves(world):
        found[location, document][0] += 1
        found[location, document][1] += quantity
    assert truth(world, "warehouse_moves") == again.rows_of(found)
    steps = Counter(event["bizStep"] for event in again.warehouse_events(world).values())
    assert truth(world, "visibility") == again.rows_of({(step,): (n,) for step, n in steps.items()})


def test_stock_is_the_last_count_and_what_moved_after_it(world: Path) -> None:
    assert truth(world, "stock_levels") == again.rows_of(again.stock_levels(world))
    assert len(again.counts(world)) > 50


def test_purchase_orders_are_those_that_stand_in_the_database(world: Path) -> None:
    tables = again.erp_tables(world)
    found: dict[tuple[str], list[int]] = defaultdict(lambda: [0, 0, 0])
    status = {po: row["status"] for (po,), row in tables["purchase_order"].items()}
    for state in status.values():
        found[state,][0] += 1
    for (po, _), row in tables["purchase_order_line"].items():
        found[status[po],][1] += 1
        found[status[po],][2] += int(Decimal(row["quantity"]) * Decimal(row["price"]) * 100)
    assert truth(world, "purchase_orders") == again.rows_of(found)


def test_masters_are_those_of_the_database_and_the_drops(world: Path) -> None:
    tables = again.erp_tables(world)
    first, second, third = (again.drop(world, n) for n in (1, 2, 3))
    products = {row["sku"]: row for row in (*first["product"], *second["product"])}
    gone = sum(row["status"] == "discontinued" for row in products.values())
    prices = {(p["sku"], p["kind"]) for p in (*first["price"], *second.get("price", []))}
    found = {table: (len(rows), 0) for table, rows in tables.items()}
    found["organisation"] = len(tables["organisation"]), 1
    found["product"] = len(products) - gone, gone
    found["price"] = len(prices), 0
    found["category"] = len(third["category"]), len(first["category"]) - len(third["category"])
    found["account"] = len(first["account"]), 0
    assert truth(world, "masters") == again.rows_of({(table,): counts for table, counts in found.items()})


def test_dead_letters_of_every_feed_are_the_answers(world: Path) -> None:
    assert truth(world, "refused") == again.rows_of({k: (n,) for k, n in again.dead_letters(world).items()})


def test_the_counts_are_the_totals_of_all_feeds(world: Path, counts: Counts) -> None:
    totals = {name: int(value) for name, value in truth(world, "totals")}
    for name in ("orders", "web_lines", "behaviours", "warehouse_moves", "purchase_orders", "identifiers"):
        assert getattr(counts, name) == totals[name] > 0, name
    assert totals["dead_letters"] == sum(again.dead_letters(world).values())


def test_what_was_lost_is_told_and_in_no_feed(world: Path) -> None:
    lost = read_csv(world / "unseen" / "lost_demand.csv")
    assert lost[0] == ["sku", "location", "date", "lines", "quantity", "cents"]
    lines = sum(int(row[3]) for row in lost[1:])
    sold = int(dict(map(tuple, truth(world, "totals")))["lines"])  # type: ignore[arg-type]
    assert 0.04 < lines / (lines + sold) < 0.055


def test_repaired_forms_are_messages_that_were_sent_as_well(world: Path) -> None:
    for form, folder in (
        ("shopify", "ecommerce/shopify"),
        ("segment", "ecommerce/segment"),
        ("epcis", "wms"),
        ("debezium", "erp/debezium"),
    ):
        sent = [json.dumps(line, sort_keys=True) for line in again.good_lines(world, folder, form)]
        lines = (world / "repaired" / f"{form}.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(lines) == len(again.answers(world, form)) > 5
        assert {json.dumps(json.loads(line)["repaired"], sort_keys=True) for line in lines} <= set(sent)
