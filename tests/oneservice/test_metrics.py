"""Metrics: a figure says what it means, adds up to what plain Python finds, and is never added over what it cannot be."""

import io
from collections import Counter

import pyarrow as pa
import pytest

from oneservice.catalogue import described
from oneservice.metric_list import metrics
from tests.oneservice.conftest import World
from tests.warehouse.synthetic import receipts

TAKEN = receipts(300)


@pytest.mark.parametrize("name", sorted(metrics()))
def test_a_metric_is_made_of_columns_that_are_described(name: str) -> None:
    metric = metrics()[name]
    columns = described()[metric.table].columns
    assert {*metric.dimensions, *((metric.day,) if metric.day else ())} <= set(columns)
    money = metric.unit == "cent"
    assert money == ("_cents" in metric.measure)
    assert not money or "currency" in metric.always


def test_sales_by_shop_are_what_the_receipts_come_to(world: World) -> None:
    told = world.ask("/v1/metrics/sales?by=store").json()
    wanted: Counter[str] = Counter()
    for receipt in TAKEN:
        wanted[receipt.store] += receipt.total_cents
    assert {row["store"]: row["value"] for row in told["rows"]} == wanted
    assert {row["currency"] for row in told["rows"]} == {TAKEN[0].currency}
    assert told["unit"] == "cent"
    assert told["calibre"]["zh"]


def test_days_and_filters_cut_the_figure(world: World) -> None:
    told = world.ask("/v1/metrics/receipts?by=day&from=2026-11-03&to=2026-11-05&where=store:eq:S1").json()
    wanted = Counter(
        r.business_date for r in TAKEN if r.store == "S1" and "2026-11-03" <= r.business_date <= "2026-11-05"
    )
    assert {row["day"]: row["value"] for row in told["rows"]} == wanted


def test_units_are_those_of_the_lines(world: World) -> None:
    (row,) = world.ask("/v1/metrics/units").json()["rows"]
    assert row == {"unit": "each", "value": sum(line.quantity for r in TAKEN for line in r.lines)}


def test_a_role_sees_its_rows_and_its_metrics(world: World) -> None:
    rows = world.ask("/v1/metrics/sales?by=store", "manager").json()["rows"]
    assert [row["store"] for row in rows] == ["S1"]
    assert world.ask("/v1/metrics/orders", "manager").json()["code"] == "no_such_metric"
    named = {one["name"] for one in world.ask("/v1/metrics", "manager").json()["metrics"]}
    assert {"sales", "receipts", "stock_on_hand"} <= named
    assert "orders" not in named


def test_the_three_forms_say_the_same_and_cut_off_rows_are_told(world: World) -> None:
    path = "/v1/metrics/receipts?by=store&by=day&limit=4"
    told, csv, arrow = (world.ask(f"{path}&format={form}") for form in ("json", "csv", "arrow"))
    rows = told.json()["rows"]
    assert csv.text.splitlines()[1:] == [f"{r['store']},{r['day']},{r['value']}" for r in rows]
    values = pa.ipc.open_stream(io.BytesIO(arrow.content)).read_all().column("value").to_pylist()
    assert values == [r["value"] for r in rows]
    assert (len(rows), told.json()["truncated"], csv.headers["zhongtai-truncated"]) == (4, True, "true")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/metrics/nothing", 404, "no_such_metric"),
        ("/v1/metrics/sales?by=sku", 404, "no_such_dimension"),
        ("/v1/metrics/stock_on_hand?from=2026-11-01", 404, "no_such_dimension"),
        ("/v1/metrics/sales?from=yesterday", 422, "invalid"),
    ],
)
def test_what_cannot_be_asked_is_told(world: World, path: str, status: int, code: str) -> None:
    answer = world.ask(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
