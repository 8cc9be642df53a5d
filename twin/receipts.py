"""Receipts and their lines, as the tills know them: from baskets to numbered receipts with tenders.

Columns of receipts: uid, kind (0 sale, 1 return, 2 void), store, till, clerk, number, at (the shop's wall clock), date,
cents (positive; the kind carries the sign), sign, tender columns, household_id, copy, person, card, phone and digits
(of the phone), whose, original (a uid), order_id (of the web order that was rung up).
Columns of lines: uid, line, product_id, quantity (base units), cents, retail and match (discounts), per (base units in
the unit that the till wrote), named (0 sku, 1 first barcode, 2 second).
"""

import polars as pl

from twin import members, tenders, undone
from twin.baskets import SALE, Window
from twin.demand import Demand
from twin.dice import Dice
from twin.products import MILLIGALLONS

CLERKS = 6
BY_BARCODE = 0.42  # of lines whose product has one: about 40 % of all
IN_CASES = 0.5


def receipts_and_lines(
    wanted: Demand, orders: pl.DataFrame, products: pl.DataFrame, people: pl.DataFrame, during: Window, dice: Dice
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All receipts (ordered by date, at, uid) and their lines (ordered by uid, line).

    `orders` are web orders: those that are handed over in a shop and rung up there have a receipt too.
    """
    bought = wanted.lines.filter(~pl.col("web")).drop("loc", "web")
    lines = _as_written(bought, products, dice)
    sales = tenders.tendered(_sales(bought, wanted.baskets, dice), dice)
    back, back_lines = undone.returns(sales, lines, during.days[-1], dice)
    void, void_lines = undone.voids(sales, lines, dice)
    rung, rung_lines = _rung_up(wanted, orders, products, dice)
    everything = pl.concat([sales, back, void, rung], how="diagonal")
    receipts = members.identifiers(everything, people, pl.lit(during.days[0]), dice)
    all_lines = pl.concat([lines, back_lines, void_lines, rung_lines])
    return _numbered(_staffed(receipts, dice)), all_lines.sort("uid", "line")


def _sales(bought: pl.DataFrame, baskets: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    whole = bought.group_by("uid").agg(
        pl.col("store_id", "household_id", "copy", "at").first(),
        pl.col("cents", "coupon").cast(pl.Int64).sum(),
    )
    return (
        whole.sort("uid")
        .join(baskets.select("uid", "person"), on="uid", how="left", maintain_order="left")
        .with_columns(
            kind=pl.lit(SALE, dtype=pl.Int8),
            till=1 + dice.below(undone.TILLS, "till", "uid"),
            original=pl.lit(None, dtype=pl.Int64),
        )
    )


def _rung_up(
    wanted: Demand, orders: pl.DataFrame, products: pl.DataFrame, dice: Dice
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Receipts of web orders at the moment at which they are handed over. They were paid on the web: tender `other`."""
    handed = orders.filter(pl.col("rung") & pl.col("handed").is_not_null()).select("uid", "order_id", at="handed")
    bought = wanted.lines.filter("web").join(handed.select("uid"), on="uid", how="semi", maintain_order="left")
    sales = _sales(bought.drop("loc", "web"), wanted.baskets, dice).drop("at", "coupon")
    paid = sales.join(handed, on="uid", maintain_order="left").with_columns(
        means=pl.lit("other"),
        means2=pl.lit("cash"),
        paid=pl.col("cents"),
        paid2=pl.lit(0, dtype=pl.Int64),
        coupon=pl.lit(0, dtype=pl.Int64),
        empty=pl.lit(False),
    )
    return paid, _as_written(bought.drop("loc", "web"), products, dice)


def _as_written(bought: pl.DataFrame, products: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Lines with the unit and the name that the till writes for the product."""
    known = products.select("product_id", "fuel", "case", second=pl.col("barcode2").is_not_null())
    multiple = (pl.col("case") > 0) & (pl.col("quantity") > 0) & (pl.col("quantity") % pl.col("case") == 0)
    in_cases = multiple & (dice.unit("in cases", "uid", "line") < IN_CASES)
    by_barcode = ~pl.col("fuel") & (dice.unit("by barcode", "uid", "line") < BY_BARCODE)
    second = pl.col("second") & (dice.unit("second barcode", "uid", "line") < 0.5)
    return bought.join(known, on="product_id", how="left", maintain_order="left").select(
        "uid", "line", "product_id", "quantity", "cents", "retail", "match",
        # Each line of fuel counts thousandths of a gallon, also where the figure is small: the data says no more.
        per=pl.when("fuel").then(MILLIGALLONS).when(in_cases).then("case").otherwise(1).cast(pl.Int32),
        named=pl.when(~by_barcode).then(0).when(second).then(2).otherwise(1).cast(pl.Int8),
    )  # fmt: skip


def _staffed(receipts: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Adds date, sign, store and clerk. A clerk keeps a till for half a day."""
    later = pl.when(pl.col("copy") > 1).then(pl.format("-{}", "copy")).otherwise(pl.lit(""))
    code = pl.concat_str(pl.col("store_id").cast(pl.String).str.zfill(4), later)
    shift = receipts.with_columns(
        date=pl.col("at").dt.date(),
        sign=pl.when(pl.col("kind") == SALE).then(1).otherwise(-1).cast(pl.Int64),
        store=pl.concat_str(pl.lit("S"), code),
        shift=pl.col("at").dt.epoch("s") // 43_200,
    )
    clerk = 1 + dice.below(CLERKS, "clerk", "store_id", "copy", "till", "shift")
    return shift.with_columns(clerk=pl.concat_str(pl.lit("C"), code, pl.lit("."), clerk)).drop("shift")


def _numbered(receipts: pl.DataFrame) -> pl.DataFrame:
    """Adds `number`: each till counts from 1 every business date, in time order, without a gap."""
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("store", "till", "date")
    return receipts.sort("date", "at", "uid").with_columns(number=number)
