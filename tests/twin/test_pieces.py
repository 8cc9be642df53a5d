"""The parts of a world that have a promise of their own: chance, products, baskets, poison."""

from datetime import date
from hashlib import blake2b

import polars as pl

from twin.baskets import FUEL, basket_lines, data_file, window
from twin.dice import Dice
from twin.poison import CLERK_NAMES, CODES, NOBODYS_BARCODE, NOBODYS_SKU, code_of
from twin.products import products

MASK = (1 << 64) - 1


def splitmix(seed: int, purpose: str, *keys: int) -> int:
    """`Dice.bits` in whole numbers of Python."""

    def constant(n: int) -> int:
        return int.from_bytes(blake2b(f"{seed}|{purpose}|{n}".encode(), digest_size=8).digest(), "little")

    z = (constant(0) + sum(value * (constant(n) | 1) for n, value in enumerate(keys, 1))) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def test_chance_is_splitmix64_whatever_polars_does() -> None:
    keys = pl.DataFrame({"a": [0, 1, 2**40 + 7, 5], "b": [3, 0, 9, 5]})
    drawn = keys.select(Dice(11).bits("till", "a", "b")).to_series().to_list()
    assert drawn == [splitmix(11, "till", a, b) for a, b in keys.iter_rows()]


def test_chance_is_even_and_differs_by_seed_and_purpose() -> None:
    keys = pl.DataFrame({"k": range(100_000)})
    frame = keys.select(a=Dice(1).unit("x", "k"), b=Dice(2).unit("x", "k"), c=Dice(1).unit("y", "k"))
    assert all(abs(frame[c].mean() - 0.5) < 0.01 for c in "abc")
    assert frame.select((pl.corr("a", "b").abs() < 0.02) & (pl.corr("a", "c").abs() < 0.02)).item()


def test_every_product_has_its_own_barcodes_with_right_check_digits() -> None:
    known = products(Dice(1))
    codes = pl.concat([known["barcode"], known["barcode2"]]).drop_nulls()
    assert known["sku"].n_unique() == known.height
    assert codes.n_unique() == codes.len()
    for code in [*codes.to_list()[::97], NOBODYS_BARCODE]:
        assert len(code) == 13
        assert sum(int(d) * (1, 3)[i % 2] for i, d in enumerate(code)) % 10 == 0
    assert NOBODYS_BARCODE not in codes
    assert NOBODYS_SKU not in known["sku"]


def test_every_product_that_is_listed_or_was_ever_sold_is_known() -> None:
    known = products(Dice(1))
    listed = pl.read_parquet(data_file("products"))["product_id"]
    sold = pl.read_parquet(data_file("transactions"))["product_id"]
    # The source sold 17 products that it does not list, nearly always with quantity 0.
    assert set(known["product_id"]) == set(listed) | set(sold) != set(listed)


def test_the_reference_file_does_not_depend_on_the_window_and_some_products_come_in_cases() -> None:
    known = products(Dice(1))
    assert set(known["case"].unique()) == {0, 6, 12, 24}
    assert 0.02 < (known["case"] > 0).mean() < 0.06
    fuel = known.filter("fuel")
    assert fuel.height == 35
    assert (fuel["case"] == 0).all()
    assert fuel["barcode"].null_count() == fuel.height
    assert known.select(pl.col("name").str.contains(r"^\S[^|]{0,63}$").all()).item()


def test_baskets_are_the_source_to_the_cent() -> None:
    source = pl.read_parquet(data_file("transactions")).filter(
        pl.col("transaction_timestamp").dt.date().is_between(date(2017, 12, 25), date(2017, 12, 31))
    )
    lines = basket_lines(window(date(2026, 11, 22), 7), 3)
    assert lines.height == 3 * source.height
    assert lines["uid"].n_unique() == 3 * source["basket_id"].n_unique()
    assert lines["quantity"].sum() == 3 * source["quantity"].sum()
    for cents, column in {
        "cents": "sales_value", "retail": "retail_disc", "match": "coupon_match_disc", "coupon": "coupon_disc"
    }.items():  # fmt: skip
        exact = sum(int(f"{value:.2f}".replace(".", "")) for value in source[column])
        assert lines[cents].sum() == 3 * exact


def test_the_source_knows_fuel_by_one_name() -> None:
    kinds = pl.read_parquet(data_file("products"))["product_type"].drop_nulls()
    assert set(kinds.filter(kinds.str.contains("GASOLINE"))) == {FUEL}


def test_gbk_names_are_not_utf8_by_accident() -> None:
    for name in CLERK_NAMES:
        assert "�" in name.encode("gbk").decode("utf-8", "replace")


def test_every_code_has_its_turn_and_only_one_poison_is_huge() -> None:
    codes = [code_of(rank) for rank in range(200)]
    assert codes[: len(CODES)] == list(CODES)
    assert codes.count("too_large") == 1
