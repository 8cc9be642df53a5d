"""What a decoded receipt becomes: products, base units, signs, times and ids."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centers.receipts.accept import accept, refusal, to_base_units
from connectors.pos.receipts_jsonl import decode
from contracts.pos import PosReceipt, ShownIdentifier
from contracts.receipts import Origin, Receipt, Token, receipt_id
from contracts.refusals import Refused
from tests.pos_examples import PHONE, PRODUCTS, REFERENCE, line, text

ORIGIN = Origin("raw.pos", 2, 41, "day.jsonl", 7)
SHOWN = ShownIdentifier(type="phone", value=PHONE)
TOKEN = Token("phone", "phone:00", "sealed")


def accepted(**change: Any) -> Receipt | Refused:
    decoded = decode(text(**change))
    assert isinstance(decoded, PosReceipt), decoded
    return accept("t", decoded, REFERENCE, {SHOWN: TOKEN}, received_at="2026-11-22T12:00:00Z", origin=ORIGIN)


def receipt_of(**change: Any) -> Receipt:
    found = accepted(**change)
    assert isinstance(found, Receipt), found
    return found


@pytest.mark.parametrize(
    ("change", "sku", "quantity", "unit"),
    [
        ({}, "WATER", 2, "each"),
        ({"unit": "case", "quantity": "1"}, "WATER", 12, "each"),
        ({"unit": "case", "quantity": "0.5"}, "WATER", 6, "each"),
        ({"sku": None, "barcode": "6901234567892"}, "WATER", 2, "each"),
        ({"sku": "APPLE", "unit": "kg", "quantity": "1.5"}, "APPLE", 1500, "g"),
        ({"sku": "APPLE", "unit": "kg", "quantity": "0.001"}, "APPLE", 1, "g"),
        ({"sku": "APPLE", "unit": "jin", "quantity": "2"}, "APPLE", 1000, "g"),
        ({"sku": "PIE", "unit": "third", "quantity": "3"}, "PIE", 8, "slice"),
        ({"sku": "PIE", "unit": "third", "quantity": "0.375"}, "PIE", 1, "slice"),
        ({"quantity": "0"}, "WATER", 0, "each"),
    ],
)
def test_quantities_come_in_whole_base_units(change: dict[str, Any], sku: str, quantity: int, unit: str) -> None:
    found = receipt_of(lines=[line(**change)]).lines[0]
    assert (found.line, found.sku, found.quantity, found.unit) == (1, sku, quantity, unit)


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"lines": [line(), line(sku="NONE")]}, "unknown_sku", "lines[2].sku"),
        ({"lines": [line(sku=None, barcode="1")]}, "unknown_barcode", "lines[1].barcode"),
        ({"lines": [line(unit="kg")]}, "unknown_unit", "lines[1].unit"),
        ({"lines": [line("0.5")]}, "part_of_unit", "lines[1].quantity"),
        ({"lines": [line("1", sku="PIE", unit="third")]}, "part_of_unit", "lines[1].quantity"),
        ({"lines": [line("999999999999", sku="SAND", unit="t")]}, "bad_value", "lines[1].quantity"),
        ({"identifiers": [{"type": "phone", "value": PHONE}, {"type": "phone", "value": "12"}]}, "bad_identifier",
         "identifiers[2]"),
    ],
)  # fmt: skip
def test_what_the_reference_does_not_know_is_refused(change: dict[str, Any], code: str, place: str) -> None:
    assert accepted(**change) == Refused(code, place)


@pytest.mark.parametrize("kind", ["return", "void"])
def test_what_undoes_a_receipt_is_negative_throughout(kind: str) -> None:
    undone = line("2", 400, discounts=[{"promotion": "P", "amount_cents": 30}])
    found = receipt_of(kind=kind, lines=[undone, line("1", 100)])
    assert found.kind == kind
    assert [(one.quantity, one.amount_cents) for one in found.lines] == [(-2, -400), (-1, -100)]
    assert found.lines[0].discounts[0].amount_cents == -30
    assert [t.amount_cents for t in found.tenders] == [-500]
    assert found.total_cents == -500


def test_a_sale_is_as_written_goods_taken_back_included() -> None:
    found = receipt_of(lines=[line("-1", -550), line("3", 600)])
    assert [(one.line, one.quantity, one.amount_cents) for one in found.lines] == [(1, -1, -550), (2, 3, 600)]
    assert found.total_cents == 50


@pytest.mark.parametrize(
    ("at", "utc", "day"),
    [
        ("2026-11-22T10:30:00+08:00", "2026-11-22T02:30:00Z", "2026-11-22"),
        ("2026-11-22T00:00:10+08:00", "2026-11-21T16:00:10Z", "2026-11-22"),
        ("2026-12-31T23:30:00-08:00", "2027-01-01T07:30:00Z", "2026-12-31"),
        ("2026-11-22T10:30:00.250+08:00", "2026-11-22T02:30:00.250000Z", "2026-11-22"),
        ("2026-11-22T10:30:00.000Z", "2026-11-22T10:30:00Z", "2026-11-22"),
    ],
)
def test_times_are_utc_and_the_business_date_is_the_shops_own(at: str, utc: str, day: str) -> None:
    found = receipt_of(at=at)
    assert (found.at, found.business_date) == (utc, day)


def test_ids_follow_from_store_till_day_and_number() -> None:
    original = {"store": "S9", "till": "2", "number": 5, "business_date": "2026-11-20"}
    found = receipt_of(kind="return", original=original)
    assert found.receipt_id == receipt_id("t", "S001", "1", "2026-11-22", 17)
    assert found.original_id == receipt_id("t", "S9", "2", "2026-11-20", 5)
    assert receipt_of().original_id is None


def test_an_identifier_shown_twice_is_one_token_and_no_value_is_left() -> None:
    found = receipt_of(identifiers=[{"type": "phone", "value": PHONE}] * 2)
    assert found.identifiers == (TOKEN,)
    assert PHONE not in repr(found)


def test_the_event_tells_where_and_by_which_products_it_was_read() -> None:
    found = receipt_of()
    assert (found.origin, found.products_version, found.received_at) == (ORIGIN, 7, "2026-11-22T12:00:00Z")


def test_the_same_arguments_give_the_same_event() -> None:
    assert accepted() == accepted()


@given(st.decimals(-(10**11), 10**11, places=6), st.integers(1, 10**6), st.integers(1, 1000))
def test_conversion_is_exact(quantity: Any, numerator: int, denominator: int) -> None:
    factor = Fraction(numerator, denominator)
    exact = Fraction(quantity) * factor
    assert to_base_units(f"{quantity:f}", factor) == (exact.numerator if exact.denominator == 1 else None)


LINES = st.builds(
    line,
    quantity=st.sampled_from(["0", "1", "2", "0.5", "1.25", "-2", "999999999999"]),
    amount=st.sampled_from([0, 400, -400]),
    sku=st.sampled_from([*PRODUCTS, "NONE"]),
    unit=st.sampled_from(["each", "case", "kg", "t", "third", "jin", "stone"]),
)


@given(
    lines=st.lists(LINES, min_size=1, max_size=4),
    kind=st.sampled_from(["sale", "return", "void"]),
    identifiers=st.lists(
        st.sampled_from([{"type": "phone", "value": PHONE}, {"type": "card", "value": "!"}]), max_size=2
    ),
)
def test_who_only_counts_refuses_what_the_job_refuses_for_the_same_reason(
    lines: Any, kind: str, identifiers: Any
) -> None:
    decoded = decode(text(lines=lines, kind=kind, identifiers=identifiers))
    if isinstance(decoded, PosReceipt):
        event = accept("t", decoded, REFERENCE, {SHOWN: TOKEN}, received_at="", origin=ORIGIN)
        assert refusal(decoded, REFERENCE, {SHOWN}) == (event if isinstance(event, Refused) else None)
