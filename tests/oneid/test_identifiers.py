"""Identifiers have one spelling and one name, for ever. The literal values here may never change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneid.identifiers import nid, normalise

KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("value", "spelt"),
    [
        ("6200 1234 5678 0001", "6200123456780001"),
        ("6200-1234-5678-0001", "6200123456780001"),
        ("６２００　１２３４", "62001234"),
        ("vip‑00 a7", "VIP00A7"),
        ("ABCD", "ABCD"),
        ("A" * 32, "A" * 32),
        ("ABC", None),
        ("A" * 33, None),
        ("", None),
        ("Straße12", None),
        ("1234_5678", None),
        ("1234\x005678", None),
        ("٤٤٤٤", None),
    ],
)
def test_a_card_number_has_one_spelling(value: str, spelt: str | None) -> None:
    assert normalise("card", value, "CN") == spelt


@pytest.mark.parametrize(
    ("value", "region", "spelt"),
    [
        ("13812345678", "CN", "+8613812345678"),
        ("138 1234 5678", "CN", "+8613812345678"),
        ("+86 138-1234-5678", "US", "+8613812345678"),
        ("0086 13812345678", "CN", "+8613812345678"),
        ("１３８１２３４５６７８", "CN", "+8613812345678"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("12", "CN", None),
        ("99912345678", "CN", None),
        ("not a number", "CN", None),
        ("", "CN", None),
    ],
)
def test_a_phone_number_has_one_spelling(value: str, region: str, spelt: str | None) -> None:
    assert normalise("phone", value, region) == spelt


def test_names_of_identifiers_are_frozen() -> None:
    assert nid(KEY, "phone", "+8613812345678") == "phone:cbcb71830ec093685fa2b66143a79fc9"
    assert nid(KEY, "card", "6200123456780001") == "card:75c78b70a06aedc25c7f6a84b3b0d444"


def test_names_tell_types_tenants_and_values_apart() -> None:
    names = {nid(k, t, v) for k in (KEY, KEY[::-1]) for t in ("card", "phone") for v in ("1234", "12345")}
    assert len(names) == 8


def test_a_type_that_nobody_defined_has_no_spelling() -> None:
    assert normalise("fax", "a@example.com", "CN") is None


@given(st.sampled_from(["card", "phone"]), st.text(max_size=64))
def test_no_text_makes_it_raise_and_one_spelling_is_its_own(type: str, value: str) -> None:
    spelt = normalise(type, value, "CN")
    if spelt is not None:
        assert normalise(type, spelt, "CN") == spelt
