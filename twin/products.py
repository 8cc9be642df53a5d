"""The product reference file: real products and departments; invented barcodes and case sizes."""

from collections.abc import Iterator

import msgspec
import polars as pl

from twin.baskets import FUEL, data_file
from twin.dice import Dice
from twin.web import VARIANT_BASE, Web

CASE_SHARE = 0.03
CASE_SIZES = ("6", "12", "24")
# Sixes are rare in the baskets: without these, hardly a line of a month could be written in cases.
CASE_SHARE_OF_SIXES = 0.5
CASE_SIZES_OF_SIXES = ("6", "6", "12")
SECOND_BARCODE_SHARE = 0.05
MILLIGALLONS = 1000
UNLISTED = "UNLISTED"


def products(dice: Dice) -> pl.DataFrame:
    """Every product, by product_id: sku, name, department, fuel, case (0: none), barcodes (null: none).

    The barcodes begin with 20 and 21, which GS1 leaves to shops for their own use, so they are nobody's real article.
    Fuel has no barcode and no case.
    """
    sixes = pl.col("product_id").is_in(_bought_by_sixes().implode())
    share = pl.when(sixes).then(CASE_SHARE_OF_SIXES).otherwise(CASE_SHARE)
    size = (
        pl.when(sixes)
        .then(dice.choice(CASE_SIZES_OF_SIXES, "case size", "product_id"))
        .otherwise(dice.choice(CASE_SIZES, "case size", "product_id"))
    )
    return (
        _listed_or_sold()
        .with_columns(
            pl.col("product_id").cast(pl.Int32),
            sku=pl.format("P{}", "product_id"),
            name=_name(),
            fuel=pl.col("product_type").eq_missing(FUEL),
        )
        .with_columns(
            case=_unless_fuel(dice.unit("case", "product_id") < share, size.cast(pl.Int32)).fill_null(0),
            barcode=_unless_fuel(pl.lit(True), ean13(20)),
            barcode2=_unless_fuel(dice.unit("barcode2", "product_id") < SECOND_BARCODE_SHARE, ean13(21)),
        )
        .select("product_id", "sku", "name", "department", "fuel", "case", "barcode", "barcode2")
        .sort("product_id")
    )


def ean13(prefix: int) -> pl.Expr:
    """The EAN-13 of two digits of prefix, ten of product_id and the check digit."""
    body = pl.lit(prefix, dtype=pl.Int64) * 10**10 + pl.col("product_id").cast(pl.Int64)
    # From the right, the digits before the check digit weigh 3, 1, 3, …
    weighed = pl.sum_horizontal(*((body // 10**i) % 10 * (1 if i % 2 else 3) for i in range(12)))
    return pl.concat_str(body, (10 - weighed % 10) % 10)


def reference(products: pl.DataFrame, web: Web) -> bytes:
    """The reference file: one JSON line per product, and one per set that the web shop sells.

    The web shop's variants stand beside what it sold of.
    """
    encode = msgspec.json.Encoder().encode
    sold = set(web.contents["product_id"].unique())
    lines = [
        {
            "sku": sku,
            "name": name,
            "department": department,
            "base_unit": "mgal" if fuel else "each",
            "units": _units(fuel, case),
            "barcodes": [code for code in (barcode, barcode2) if code],
        }
        | ({"variants": _variants(product, case)} if product in sold else {})
        for product, sku, name, department, fuel, case, barcode, barcode2 in products.select(
            "product_id", "sku", "name", "department", "fuel", "case", "barcode", "barcode2"
        ).iter_rows()
    ]
    return b"".join(encode(line) + b"\n" for line in (*lines, *_sets(web)))


def _variants(product: int, case: int) -> dict[str, str]:
    """The web shop's variants of a product: by the piece, and by the case where there are cases."""
    piece = VARIANT_BASE + product * 10
    return {str(piece): "each"} | ({str(piece + 1): "case"} if case else {})


def _sets(web: Web) -> Iterator[dict[str, object]]:
    columns = ("product_id", "a", "b", "share_a", "share_b")
    for product, a, b, share_a, share_b in web.bundles.select(columns).unique().sort("product_id").rows():
        parts = (
            {"sku": f"P{part}", "quantity": "1", "unit": "each", "share": share}
            for part, share in ((a, share_a), (b, share_b))
        )
        yield {
            "sku": f"B{product}", "name": "组合装", "department": "BUNDLE", "base_unit": "each", "units": {"each": "1"},
            "barcodes": [], "bundle": list(parts),
        }  # fmt: skip


def _units(fuel: bool, case: int) -> dict[str, str]:
    if fuel:
        return {"gal": str(MILLIGALLONS), "mgal": "1"}
    return {"each": "1", "case": str(case)} if case else {"each": "1"}


def _name() -> pl.Expr:
    kind = pl.col("product_type").fill_null(pl.col("department"))
    name = pl.concat_str(kind, "package_size", separator=" ", ignore_nulls=True)
    return name.str.replace_all(r"\s+", " ").str.strip_chars()


def _listed_or_sold() -> pl.DataFrame:
    # The source sells products that its own product table lacks. A till cannot: the reference file must know them.
    listed = pl.read_parquet(
        data_file("products"), columns=["product_id", "department", "product_type", "package_size"]
    )
    sold = pl.scan_parquet(data_file("transactions")).select("product_id").unique().collect()
    missing = sold.join(listed, on="product_id", how="anti").with_columns(department=pl.lit(UNLISTED))
    return pl.concat([listed, missing], how="diagonal")


def _bought_by_sixes() -> pl.Series:
    by_sixes = (pl.col("quantity") > 0) & (pl.col("quantity") % 6 == 0)
    bought = pl.scan_parquet(data_file("transactions")).filter(by_sixes).select(pl.col("product_id").cast(pl.Int32))
    return bought.unique().sort("product_id").collect()["product_id"]


def _unless_fuel(condition: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(condition & ~pl.col("fuel")).then(value)
