"""What is undone: returns and voids. The data has none, so they are invented, from real receipts of the window."""

from datetime import date

import polars as pl

from twin.baskets import RETURN, VOID
from twin.dice import Dice
from twin.tenders import refunded

RETURNED = 0.01
VOIDED = 0.003
MOST_DAYS_LATER = 10
MOST_LINES_BACK = 3
TILLS = 4
HOUR = 3600


def returns(sales: pl.DataFrame, lines: pl.DataFrame, last: date, dice: Dice) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return receipts and lines: one to three whole lines of a sale, in its shop, within ten days and the window."""
    sold = _brought_later(_undone(sales.filter(dice.unit("undone", "uid") < RETURNED), RETURN), last, dice)
    how_many = 1 + dice.below(MOST_LINES_BACK, "lines back", "uid")
    back = (
        _again(lines.filter(pl.col("quantity") > 0), sold)
        .with_columns(order=dice.bits("line back", "uid", "line"))
        .filter(pl.col("order").rank("ordinal").over("uid") <= how_many)
        .with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("uid"))
        .select(lines.columns)
    )
    money = back.group_by("uid").agg(pl.col("cents").cast(pl.Int64).sum())
    receipts = refunded(sold.drop("cents").join(money, on="uid")).sort("uid")
    return receipts.with_columns(till=1 + dice.below(TILLS, "till", "uid")), back


def voids(sales: pl.DataFrame, lines: pl.DataFrame, dice: Dice) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Void receipts and lines: a whole sale undone at its till one to ten minutes later, on the same day."""
    # One draw decides both, so nothing is returned that was voided.
    chosen = dice.unit("undone", "uid").is_between(RETURNED, RETURNED + VOIDED, closed="left")
    sold = _undone(sales.filter(chosen), VOID)
    later = pl.col("at") + pl.duration(seconds=60 + dice.below(540, "minutes", "uid"))
    receipts = (
        sold.with_columns(later=later)
        .filter(pl.col("later").dt.date() == pl.col("at").dt.date())
        .with_columns(at="later")
        .drop("later")
    )
    return receipts, _again(lines, receipts).select(lines.columns)


def _undone(sold: pl.DataFrame, kind: int) -> pl.DataFrame:
    return sold.with_columns(original="uid", uid=pl.col("uid") + kind, kind=pl.lit(kind, dtype=pl.Int8))


def _again(lines: pl.DataFrame, undone: pl.DataFrame) -> pl.DataFrame:
    """The lines of the originals, under the uid of what undoes them."""
    pairs = undone.select(uid="original", again="uid")
    return lines.join(pairs, on="uid", maintain_order="left").with_columns(uid="again")


def _brought_later(sold: pl.DataFrame, last: date, dice: Dice) -> pl.DataFrame:
    """Moves `at` to when the goods come back. Sales too late on the last day are left out: there is no time left."""
    midnight = pl.col("at").dt.truncate("1d")
    left = (pl.lit(last) - pl.col("at").dt.date()).dt.total_days()
    same_day = pl.col("days") == 0
    half_an_hour_later = (pl.col("at") - midnight).dt.total_seconds() + HOUR // 2
    room = pl.col("closes") - pl.col("opens")
    return (
        sold.with_columns(days=dice.below(pl.min_horizontal(left, MOST_DAYS_LATER) + 1, "days later", "uid"))
        .with_columns(
            opens=pl.when(same_day).then(half_an_hour_later).otherwise(9 * HOUR),
            closes=pl.when(same_day).then(23 * HOUR + HOUR // 2).otherwise(21 * HOUR),
        )
        .filter(room > 0)
        .with_columns(second=pl.col("opens") + dice.below(room, "back at", "uid"))
        .with_columns(at=midnight + pl.duration(days="days", seconds="second"))
        .drop("days", "opens", "closes", "second")
    )
