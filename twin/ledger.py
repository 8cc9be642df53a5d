"""What stood where, when: every move and sale in order, and the counts that are taken of it.

Columns of counts: sheet (a number), product_id, loc, copy, started, at (the count's end), book (what stood there by all moves
and earlier counts), counted. Where counted is less than book, pieces have gone that nobody saw go.
"""

from datetime import datetime, time

import polars as pl

from twin.baskets import Window
from twin.demand import CENTRE_BASE
from twin.dice import Dice
from twin.supply import PLACE

COUNTED_SHOPS = 0.003  # a day
COUNTED_AT_CENTRES = 0.004  # of the goods of a centre, a night
GONE = 0.04


def entries(receipts: pl.DataFrame, lines: pl.DataFrame, moves: pl.DataFrame) -> pl.DataFrame:
    """(product_id, loc, copy, at, quantity) of every change on hand, ordered; fuel and lines of quantity 0 among them.

    What was found damaged still stands there.
    """
    at_tills = lines.join(receipts.select("uid", "at", "copy", "sign", loc="store_id"), on="uid").select(
        "product_id",
        "loc",
        pl.col("copy").cast(pl.Int32),
        "at",
        quantity=-pl.col("quantity").cast(pl.Int64) * pl.col("sign"),
    )
    moved = moves.filter(pl.col("kind") != "damaged").select(
        "product_id", "loc", pl.col("copy").cast(pl.Int32), "at", "quantity"
    )
    return pl.concat([at_tills, moved]).sort(*PLACE, "at", pl.col("quantity") < 0, "quantity")


def counts(ledger: pl.DataFrame, products: pl.DataFrame, during: Window, dice: Dice) -> pl.DataFrame:
    """Counts of some shops by day and of some goods of each centre by night. Each place is counted once at most."""
    goods = ledger.join(products.filter(~pl.col("fuel")).select("product_id"), on="product_id", how="semi")
    places = goods.select(PLACE).unique()
    shop = pl.col("loc") < CENTRE_BASE
    days = len(during.days)
    day = pl.when(shop).then(dice.below(days, "counted on", "loc", "copy")).otherwise(dice.below(days, "night", *PLACE))
    chosen = pl.when(shop).then(dice.unit("counted", "loc", "copy") < COUNTED_SHOPS * days).otherwise(
        dice.unit("counted there", *PLACE) < COUNTED_AT_CENTRES * days
    )  # fmt: skip
    midnight = pl.lit(datetime.combine(during.days[0], time()), dtype=pl.Datetime("us")) + pl.duration(days="day")
    # A count ends between two whole seconds, so no sale stands at the very moment of a count.
    ends = midnight + pl.duration(hours=2, minutes=40, milliseconds=500)
    sheets = (
        places.filter(chosen)
        .with_columns(day=day)
        .with_columns(started=midnight + pl.duration(hours=1, minutes=10), at=ends)
        .with_columns(sheet=pl.struct("at", "loc", "copy").rank("dense").cast(pl.Int64))
    )
    spare = dice.unit("gone", *PLACE) < GONE
    return (
        _book(sheets.sort("at"), goods)
        .with_columns(
            counted=pl.col("book") - (spare & (pl.col("least_later") > 0) & (pl.col("book") > 0)).cast(pl.Int64)
        )
        .select("sheet", *PLACE, "started", "at", "book", "counted")
        .sort("sheet", *PLACE)
    )


def _book(sheets: pl.DataFrame, goods: pl.DataFrame) -> pl.DataFrame:
    """Adds book, and least_later: the least that ever stands there from then on, which nobody's loss may undercut."""
    levels = goods.with_columns(level=pl.col("quantity").cum_sum().over(PLACE)).with_columns(
        least=pl.col("level").reverse().cum_min().reverse().over(PLACE)
    )
    last = (
        levels.group_by(*PLACE, "at", maintain_order=True)
        .agg(pl.col("level").last(), pl.col("least").last())
        .sort("at")
    )
    joined = sheets.join_asof(last, on="at", by=PLACE, strategy="backward", check_sortedness=False)
    return joined.with_columns(book=pl.col("level").fill_null(0), least_later=pl.col("least").fill_null(0))


def levels(ledger: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """(product_id, loc, copy, on_hand, movements) once all is known: the last count of a place and what moved after it."""
    base = counted.select(*PLACE, since="at", base="counted")
    after = pl.col("since").is_null() | (pl.col("at") > pl.col("since"))
    moved = (
        ledger.join(base, on=PLACE, how="left")
        .group_by(PLACE)
        .agg(on_hand=pl.col("quantity").filter(after).sum(), movements=pl.len())
    )
    return (
        moved.join(base, on=PLACE, how="full", coalesce=True)
        .with_columns(
            on_hand=pl.col("on_hand").fill_null(0) + pl.col("base").fill_null(0),
            movements=pl.col("movements").fill_null(0).cast(pl.Int64) + pl.col("base").is_not_null().cast(pl.Int64),
        )
        .select(*PLACE, "on_hand", "movements")
        .sort(PLACE)
    )
