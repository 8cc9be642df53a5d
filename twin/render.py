"""Receipts as JSON lines. Polars puts the text together: no value of ours holds a character that JSON escapes."""

import polars as pl

from contracts.pos import PosReceipt
from twin.baskets import KINDS
from twin.tenders import tenders_text
from twin.web import SHOP_DOMAIN

WEB_ORDERS = "web_order" in PosReceipt.__struct_fields__
ORIGINAL = ("store", "till", "number", "date")


def with_originals(receipts: pl.DataFrame) -> pl.DataFrame:
    """`receipts` with what they undo: o_store, o_till, o_number, o_date (null for sales)."""
    undone = receipts.join(receipts.select(uid="original").drop_nulls(), on="uid", how="semi")
    naming = undone.select(pl.col("uid").alias("original"), *(pl.col(c).alias(f"o_{c}") for c in ORIGINAL))
    return receipts.join(naming, on="original", how="left", maintain_order="left")


def receipts_text(receipts: pl.DataFrame, lines: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """(uid, text) for each of `receipts`, in their order; `lines` must hold all of theirs, ordered by line."""
    names = products.select("product_id", "sku", "barcode", "barcode2")
    named = lines.join(names, on="product_id", maintain_order="left")
    # Nulls are not passed over: a line that could not be written must stop the world, not leave its receipt.
    per_receipt = (
        named.select("uid", text=_line())
        .group_by("uid", maintain_order=True)
        .agg(pl.col("text").str.join(",", ignore_nulls=False))
    )
    return receipts.join(per_receipt, on="uid", maintain_order="left").select("uid", text=_receipt())


def _receipt() -> pl.Expr:
    kind = pl.col("kind").replace_strict(list(range(len(KINDS))), KINDS, return_dtype=pl.String)
    return pl.concat_str(
        _text('{"store":"', "store", '","till":"T', "till", '","clerk":"', "clerk", '","number":', "number"),
        _text(',"at":"', pl.col("at").dt.to_string("%Y-%m-%dT%H:%M:%S"), '+08:00","kind":"', kind),
        _text('","currency":"CNY","lines":[', "text", '],"tenders":', tenders_text()),
        _identifiers(),
        _original().fill_null(""),
        _web_order().fill_null(""),
        pl.lit("}"),
    )


def _identifiers() -> pl.Expr:
    both = pl.concat_str(
        _text('{"type":"card","value":"', "card", '"}'),
        _text('{"type":"phone","value":"', "phone", '"}'),
        separator=",",
        ignore_nulls=True,
    )
    return pl.when(both == "").then(pl.lit("")).otherwise(_text(',"identifiers":[', both, "]"))


def _original() -> pl.Expr:
    """Null when nothing is undone."""
    return _text(
        ',"original":{"store":"', "o_store", '","till":"T', "o_till", '","number":', "o_number",
        ',"business_date":"', pl.col("o_date").dt.to_string("%Y-%m-%d"), '"}'
    )  # fmt: skip


def _web_order() -> pl.Expr:
    """Null for all but the receipts of web orders."""
    return _text(f',"web_order":{{"shop":"{SHOP_DOMAIN}","id":"', "order_id", '"}') if WEB_ORDERS else pl.lit("")


def _line() -> pl.Expr:
    name = (
        pl.when(pl.col("named") == 0)
        .then(_text('{"sku":"', "sku"))
        .when(pl.col("named") == 1)
        .then(_text('{"barcode":"', "barcode"))
        .otherwise(_text('{"barcode":"', "barcode2"))
    )
    unit = pl.col("per").replace_strict([1, 1000], ["each", "gal"], default="case", return_dtype=pl.String)
    whole, thousandths = pl.col("quantity") // pl.col("per"), (pl.col("quantity") % 1000).cast(pl.String).str.zfill(3)
    quantity = pl.when(pl.col("per") == 1000).then(_text(whole, ".", thousandths)).otherwise(whole.cast(pl.String))
    return pl.concat_str(
        name,
        _text('","quantity":"', quantity, '","unit":"', unit, '","amount_cents":', "cents"),
        _discounts(),
        pl.lit("}"),
    )


def _discounts() -> pl.Expr:
    both = pl.concat_str(
        pl.when(pl.col("retail") > 0).then(_text('{"promotion":"LOYALTY","amount_cents":', "retail", "}")),
        pl.when(pl.col("match") > 0).then(_text('{"promotion":"MATCH","amount_cents":', "match", "}")),
        separator=",",
        ignore_nulls=True,
    )
    return pl.when(both == "").then(pl.lit("")).otherwise(_text(',"discounts":[', both, "]"))


_COLUMNS = frozenset(
    (
        "store",
        "till",
        "clerk",
        "number",
        "text",
        "sku",
        "barcode",
        "barcode2",
        "cents",
        "retail",
        "match",
        "card",
        "phone",
    )
) | {"o_store", "o_till", "o_number", "order_id"}


def _text(*parts: str | pl.Expr) -> pl.Expr:
    """Parts side by side: names of `_COLUMNS` are columns, other strings are themselves. Null when a part is."""
    return pl.concat_str(*(p if isinstance(p, pl.Expr) else pl.col(p) if p in _COLUMNS else pl.lit(p) for p in parts))
