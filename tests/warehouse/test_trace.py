import pytest

from contracts.errors import BadInput
from contracts.receipts import receipt_id
from pipelines.trace import Wanted, masked, parse


@pytest.mark.parametrize(
    ("value", "shown"),
    [("13812345678", "138****5678"), ("12345678", "12****78"), ("1234", "1****4"), ("12", "****"), ("", "****")],
)
def test_identifiers_are_masked(value: str, shown: str) -> None:
    assert masked(value) == shown


def test_a_long_value_shows_seven_characters_at_most() -> None:
    assert masked("x" * 64) == "xxx****xxxx"


def test_the_three_ways_to_name_a_receipt() -> None:
    id = receipt_id("demo", "lane", "1", "2026-03-01", 7)
    assert parse("lane/1/2026-03-01/7", "demo") == Wanted(id=id, store="lane")
    assert parse(id, "demo") == Wanted(id=id)
    assert parse("a/day-1.jsonl:12", "demo") == Wanted(file="a/day-1.jsonl", line=12)


@pytest.mark.parametrize("text", ["", "lane", "lane/1/2026-03-01", "lane/1/1 March/7", "day.jsonl"])
def test_anything_else_names_no_receipt(text: str) -> None:
    with pytest.raises(BadInput, match="names no receipt"):
        parse(text, "demo")
