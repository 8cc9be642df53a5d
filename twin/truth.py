"""The answers: what every reader of the feeds must come to. Computed from the world, never from the feeds."""

import polars as pl

Tables = dict[str, pl.DataFrame]


def truth(receipts: pl.DataFrame, lines: pl.DataFrame, products: pl.DataFrame, poison: pl.DataFrame) -> Tables:
    """The tables of truth by file name, each ordered by its keys.

    `receipts` are those that count; `poison` those that were refused, which are counted once whatever became of them.
    """
    tables = {
        "receipts": sales(receipts, lines),
        "stock_levels": stock_levels(receipts, lines, products),
        "identifiers": identifiers(receipts),
        "dead_letters": poison.group_by("code").agg(dead_letters=pl.len()).sort("code"),
    }
    return tables | {"totals": _totals(tables)}


def sales(receipts: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Receipts, lines and signed cents per shop and business date. What is rung up of a web order is that order's sale."""
    counted = lines.group_by("uid").len("lines")
    return (
        receipts.join(counted, on="uid")
        .group_by("store", business_date="date")
        .agg(
            receipts=pl.len(),
            lines=pl.col("lines").sum(),
            sales_cents=(pl.col("cents") * pl.col("sign")).filter(pl.col("order_id").is_null()).sum(),
        )
        .sort("store", "business_date")
    )


def stock_levels(receipts: pl.DataFrame, lines: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """What is left in base units, from nothing at the start, per SKU and shop that a receipt names."""
    signed = pl.col("quantity").cast(pl.Int64) * pl.col("sign")
    return (
        lines.join(receipts.select("uid", "sign", location="store"), on="uid")
        .group_by("product_id", "location")
        .agg(on_hand=-signed.sum(), movements=pl.len())
        .join(products.select("product_id", "sku"), on="product_id")
        .select("sku", "location", "on_hand", "movements")
        .sort("sku", "location")
    )


def identifiers(receipts: pl.DataFrame) -> pl.DataFrame:
    """How often each type of identifier was shown, and how many different ones. No values."""
    rows = []
    for kind, value in (("card", "card"), ("phone", "digits")):
        shown = receipts[value].drop_nulls()
        rows.append({"type": kind, "shown": shown.len(), "identifiers": shown.n_unique()})
    return pl.DataFrame(rows)


def _totals(tables: Tables) -> pl.DataFrame:
    per_day = tables["receipts"]
    return pl.DataFrame(
        {
            "name": ["dead_letters", "lines", "receipts", "sales_cents", "stock_levels"],
            "value": [
                int(tables["dead_letters"]["dead_letters"].sum()),
                int(per_day["lines"].sum()),
                int(per_day["receipts"].sum()),
                int(per_day["sales_cents"].sum()),
                tables["stock_levels"].height,
            ],
        }
    )
