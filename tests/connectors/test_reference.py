"""The product reference file: the newest version, exact factors, and the line number of what is wrong."""

import json
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from connectors.reference import load_products
from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.products import Part
from tests.pos_examples import REFERENCE_LINES

WATER, APPLE = REFERENCE_LINES


def settings(tmp_path: Path, *lines: Any, version: int = 1) -> Settings:
    folder = tmp_path / "reference"
    folder.mkdir(exist_ok=True)
    written = [one if isinstance(one, str) else json.dumps(one) for one in lines]
    (folder / f"products-{version}.jsonl").write_text("\n".join(written))
    return Settings(home=tmp_path)


def test_the_newest_version_counts_by_number(tmp_path: Path) -> None:
    settings(tmp_path, WATER, version=9)
    settings(tmp_path, WATER, version=2)
    (tmp_path / "reference" / "products-99.jsonl.tmp").write_text("not yet")
    found = load_products(settings(tmp_path, WATER, APPLE, "", version=10))
    assert (found.version, set(found.by_sku), set(found.by_barcode)) == (10, {"WATER", "APPLE"}, {"6901234567892"})
    assert found.by_barcode["6901234567892"] is found.by_sku["WATER"]


def test_a_file_may_be_named(tmp_path: Path) -> None:
    settings(tmp_path, WATER, version=9)
    other = tmp_path / "products-3.jsonl"
    other.write_text(json.dumps(APPLE))
    assert load_products(Settings(home=tmp_path, products=str(other))).version == 3


def test_factors_are_exact_and_whole_ones_are_integers(tmp_path: Path) -> None:
    units = {"a": "12", "b": "0.1", "c": "1/3", "d": "2.0"}
    found = load_products(settings(tmp_path, WATER | {"units": units})).by_sku["WATER"].units
    assert found == {"each": 1, "a": 12, "b": Fraction(1, 10), "c": Fraction(1, 3), "d": 2}
    assert type(found["d"]) is int


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "truncated"),
        (APPLE | {"sku": "WATER"}, "SKU WATER is there twice"),
        (APPLE | {"barcodes": ["6901234567892"]}, "barcode 6901234567892 is there twice; the other product is WATER"),
        (APPLE | {"units": {"g": "1000"}}, "base unit must have the factor 1"),
        (APPLE | {"units": {"kg": 1000}}, "Expected `str`"),
        (APPLE | {"units": {"kg": "0"}}, "above zero"),
        (APPLE | {"units": {"kg": "1/0"}}, "above zero"),
        (APPLE | {"units": {"kg": "-1"}}, "above zero"),
        (APPLE | {"units": {"kg": "1e3"}}, "above zero"),
        (APPLE | {"colour": "red"}, "unknown field `colour`"),
        (APPLE | {"sku": ""}, "length >= 1"),
        (APPLE | {"variants": {"1": "lb"}}, "variant 1 is sold in the unit lb"),
        (APPLE | {"variants": {"7": "kg"}}, "variant 7 is there twice; the other product is WATER"),
        (APPLE | {"bundle": [{"sku": "PEAR", "quantity": "1", "unit": "g"}]}, "holds PEAR, which is no product"),
        (APPLE | {"bundle": [{"sku": "APPLE", "quantity": "1", "unit": "g"}]}, "holds APPLE, which is a bundle itself"),
        (APPLE | {"bundle": [{"sku": "WATER", "quantity": "1", "unit": "kg"}]}, "holds WATER in the unit kg"),
        (APPLE | {"bundle": [{"sku": "WATER", "quantity": "0.5", "unit": "each"}]}, "no whole number of base units"),
        (APPLE | {"bundle": [{"sku": "WATER", "quantity": "1", "unit": "each", "share": 0}]}, "must have a share"),
    ],
)
def test_a_line_that_cannot_be_used_is_told_with_its_number(tmp_path: Path, line: Any, told: str) -> None:
    with pytest.raises(BadInput, match=r"products-1.jsonl:3: ") as error:
        load_products(settings(tmp_path, WATER | {"variants": {"7": "each"}}, "", line))
    assert told in str(error.value)


def test_a_bundle_may_stand_before_its_parts_and_is_found_by_each_of_its_names(tmp_path: Path) -> None:
    parts = [
        {"sku": "WATER", "quantity": "1", "unit": "case", "share": 3},
        {"sku": "APPLE", "quantity": "0.5", "unit": "kg"},
    ]
    crate = {
        "sku": "CRATE",
        "base_unit": "each",
        "units": {},
        "barcodes": ["1"],
        "variants": {"9": "each"},
        "bundle": parts,
    }
    found = load_products(settings(tmp_path, crate, WATER, APPLE))
    assert found.by_sku["CRATE"].bundle == (Part("WATER", 12, 3), Part("APPLE", 500, 1))
    assert found.by_barcode["1"] is found.by_sku["CRATE"] is found.by_variant["9"][0]


def test_no_file_and_no_version_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no product file") as error:
        load_products(Settings(home=tmp_path))
    assert "ZHONGTAI_PRODUCTS" in error.value.do
    (tmp_path / "mine.jsonl").write_text("")
    with pytest.raises(BadInput, match="does not tell its version"):
        load_products(Settings(home=tmp_path, products=str(tmp_path / "mine.jsonl")))


def test_ninety_two_thousand_products_load_within_a_second_and_a_half(tmp_path: Path) -> None:
    many = [WATER | {"sku": f"P{n:08}", "barcodes": [f"69{n:011}"], "name": f"Product {n}"} for n in range(92_000)]
    found = settings(tmp_path, *many)
    began = time.process_time()
    assert len(load_products(found).by_sku) == 92_000
    assert time.process_time() - began < 1.5
