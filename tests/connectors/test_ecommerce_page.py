"""docs/feeds/ecommerce.md holds what it promises: its examples load, and it names every topic, field and refusal."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from cli.docs import DOCS
from cli.web_formats import segment_lines, shopify_lines
from connectors.ecommerce import shopify_json as js
from connectors.ecommerce.segment import CALLS
from connectors.ecommerce.shopify import TOPICS
from connectors.feeds import Format
from connectors.http.metrics import METRICS
from connectors.settings import Settings
from contracts.products import Part, Product, Products
from contracts.refusals import REASONS

PAGE = (DOCS / "feeds" / "ecommerce.md").read_text("utf-8")
APPLE = Product("20001", "g", {"g": 1, "kg": 1000})
PRODUCTS = Products(
    1,
    {"20001": APPLE, "30001": Product("30001", "each", {"each": 1}, bundle=(Part("20001", 2000),))},
    {},
    {"808950810": (APPLE, "kg")},
)


@pytest.fixture(params=["shopify", "segment"])
def form(request: pytest.FixtureRequest, tmp_path: Path) -> Format:
    settings = Settings(home=tmp_path, tenant="t")
    return shopify_lines(settings, PRODUCTS) if request.param == "shopify" else segment_lines(settings)


def test_the_example_files_are_good(form: Format) -> None:
    path = DOCS / "feeds" / f"ecommerce-{form.name}-example.jsonl"
    with path.open("rb") as file:
        verdicts = [form.judge(piece) for piece in form.pieces(file, path)]
    assert [v.refused for v in verdicts] == [None] * len(verdicts)
    assert len({v.mark for v in verdicts}) == len(verdicts) > 6


def test_the_examples_show_every_kind() -> None:
    folder = DOCS / "feeds"
    topics = {json.loads(one)["topic"] for one in (folder / "ecommerce-shopify-example.jsonl").read_text().splitlines()}
    assert topics >= {"orders/create", "orders/updated", "orders/cancelled", "refunds/create", "fulfillments/create"}
    lines = [json.loads(one) for one in (folder / "ecommerce-segment-example.jsonl").read_text().splitlines()]
    assert {call["type"] for line in lines for call in line.get("batch", [line])} == set(CALLS)


def test_the_page_names_every_topic_field_and_metric() -> None:
    for name in (*TOPICS, *METRICS):
        assert f"`{name}`" in PAGE
    for part in (js.Order, js.LineItem, js.Refund, js.RefundedItem, js.Transaction, js.Fulfillment):
        for field in msgspec.structs.fields(part):
            assert f"`{field.name}`" in PAGE, field.name


def test_every_code_on_the_page_exists() -> None:
    section = PAGE.split("## What is refused")[1].split("## On Kafka")[0]
    codes = re.findall(
        r"`([a-z_0-9]+)`", "".join(row.split("|")[1] for row in section.splitlines() if row.startswith("| `"))
    )
    assert len(codes) > 15
    assert set(codes) <= set(REASONS)
