"""How receipts are paid: the coupons are real, the other means of payment are invented.

Columns: coupon (cents), means and paid (cents), means2 and paid2 (0: no second), empty (no tender is written).
Promise: paid + paid2 + coupon == cents.
"""

import polars as pl

from twin.dice import Dice

MEANS = ("mobile",) * 9 + ("card",) * 5 + ("cash",) * 4 + ("stored_value", "gift_card")
TWO_TENDERS = 0.04
WORTH_SPLITTING = 200


def tendered(receipts: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """`receipts` (with `cents` and the coupons' value `coupon`) with its tenders."""
    # The makers' coupons are money that the retailer receives; the data holds some that are worth more than the basket.
    coupon = pl.min_horizontal("coupon", "cents")
    share = 0.1 + 0.8 * dice.unit("second share", "uid")
    split = (pl.col("rest") >= WORTH_SPLITTING) & (dice.unit("two tenders", "uid") < TWO_TENDERS)
    second = pl.when(split).then((pl.col("rest") * share).floor().cast(pl.Int64)).otherwise(0)
    cash, card = pl.lit("cash"), pl.lit("card")
    means = dice.choice(MEANS, "means", "uid")
    return (
        receipts.with_columns(coupon=coupon, rest=pl.col("cents") - coupon, means=means, paid2=pl.lit(0))
        .with_columns(paid2=second, means2=pl.when(pl.col("means") == "cash").then(card).otherwise(cash))
        .with_columns(paid=pl.col("rest") - pl.col("paid2"))
        .with_columns(empty=(pl.col("cents") == 0) & (dice.unit("no tender", "uid") < 0.5))
        .drop("rest")
    )


def refunded(receipts: pl.DataFrame) -> pl.DataFrame:
    """`receipts` paid back whole by their `means`."""
    return receipts.with_columns(
        coupon=pl.lit(0, dtype=pl.Int64),
        paid=pl.col("cents"),
        paid2=pl.lit(0, dtype=pl.Int64),
        empty=pl.lit(False),
    )


def tenders_text() -> pl.Expr:
    """The JSON array of a receipt's tenders."""
    none = (pl.col("paid") == 0) & (pl.col("paid2") == 0) & (pl.col("coupon") == 0)
    parts = (
        # Nothing to pay: some tills write a cash tender of 0, others none.
        pl.when(none & ~pl.col("empty")).then(pl.lit('{"type":"cash","amount_cents":0}')),
        _tender(pl.col("means"), "paid"),
        _tender(pl.col("means2"), "paid2"),
        _tender(pl.lit("coupon"), "coupon"),
    )
    return pl.concat_str(pl.lit("["), pl.concat_str(*parts, separator=",", ignore_nulls=True), pl.lit("]"))


def _tender(means: pl.Expr, cents: str) -> pl.Expr:
    return pl.when(pl.col(cents) > 0).then(
        pl.concat_str(pl.lit('{"type":"'), means, pl.lit('","amount_cents":'), pl.col(cents), pl.lit("}"))
    )
