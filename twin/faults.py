"""What goes wrong between till and platform: receipts sent twice, late, in the wrong order, or spoiled."""

from datetime import date

import msgspec
import polars as pl

from contracts.errors import BadInput
from twin.baskets import SALE
from twin.dice import Dice
from twin.poison import CODES, code_of

LATER_FILE = 0.5  # of the duplicates
NEXT_DAY = 0.2  # of what is out of order
DAYS_LATE = 3
# A world of fewer receipts than this per code has only its rate of poison, not one of each kind.
RECEIPTS_PER_CODE = 20
HOUR = 3600


class Rates(msgspec.Struct, frozen=True):
    """Shares of all receipts."""

    duplicates: float = 0.02
    out_of_order: float = 0.05
    poison: float = 0.001

    def __post_init__(self) -> None:
        for name, rate in msgspec.structs.asdict(self).items():
            if not 0 <= rate <= 0.5:
                raise BadInput(f"The rate of {name} must lie between 0 and 0.5.", f"Mend --{name.replace('_', '-')}.")


def poisoned(receipts: pl.DataFrame, lines: pl.DataFrame, rate: float, dice: Dice) -> pl.DataFrame:
    """(uid, code) of the receipts to spoil. Each code occurs, unless the receipts are few or the rate is 0."""
    wanted = round(rate * receipts.height)
    if rate and receipts.height >= RECEIPTS_PER_CODE * len(CODES):
        wanted = max(wanted, len(CODES))
    plain = lines.filter((pl.col("line") == 1) & (pl.col("per") == 1)).select("uid")
    chosen = (
        receipts.lazy()
        .filter(pl.col("kind") == SALE)
        .join(plain.lazy(), on="uid", how="semi")
        .select("uid", draw=dice.bits("poison", "uid"))
        .sort("draw", "uid")
        .head(wanted)
        .collect()
    )
    codes = pl.Series("code", [code_of(n) for n in range(chosen.height)], dtype=pl.String)
    return chosen.select("uid").with_columns(codes)


def arrivals(receipts: pl.DataFrame, poison: pl.DataFrame, days: list[date], rates: Rates, dice: Dice) -> pl.DataFrame:
    """How the feed goes: (uid, date, at, file, order, again) for each line sent, in no particular order.

    `file` is the day of arrival, never after the window; `in_feed_order` sorts by it and `order`. `again` marks what
    was sent before: the first copy always precedes it. Poison is sent once, in its place.
    """
    last = days[-1]
    spoiled = poison.select("uid", spoiled=pl.lit(True))
    sent = receipts.select("uid", "date", "at").join(spoiled, on="uid", how="left", maintain_order="left")
    first = _moved(sent.with_columns(pl.col("spoiled").fill_null(False)), last, rates.out_of_order, dice)
    twice = first.filter(~pl.col("spoiled") & (dice.unit("sent twice", "uid") < rates.duplicates))
    columns = ("uid", "date", "at", "file", "order", "again")
    return pl.concat([first.select(columns), _sent_again(twice, last, dice).select(columns)])


def _moved(sent: pl.DataFrame, last: date, rate: float, dice: Dice) -> pl.DataFrame:
    """First copies: most arrive when made, some up to four hours later, and of these some in the next day's file."""
    late = ~pl.col("spoiled") & (dice.unit("out of order", "uid") < rate)
    next_day = pl.col("late") & (pl.col("date") < pl.lit(last)) & (dice.unit("next day", "uid") < NEXT_DAY)
    delay = pl.duration(seconds=600 + dice.below(4 * HOUR - 600, "delay", "uid"))
    midnight = pl.col("file").cast(pl.Datetime("us"))
    return (
        sent.with_columns(late=late)
        .with_columns(file=pl.when(next_day).then(pl.col("date") + pl.duration(days=1)).otherwise("date"))
        .with_columns(
            order=pl.when(pl.col("file") > pl.col("date"))
            .then(midnight + pl.duration(seconds=dice.below(12 * HOUR, "delay", "uid")))
            .when("late")
            .then(pl.col("at") + delay)
            .otherwise("at"),
            again=pl.lit(False),
        )
    )


def _sent_again(first: pl.DataFrame, last: date, dice: Dice) -> pl.DataFrame:
    """Second copies: later in the same file, or in the file of one to three days later while the window lasts."""
    in_later_file = dice.unit("later file", "uid") < LATER_FILE
    days = pl.when(in_later_file).then(1 + dice.below(DAYS_LATE, "days late", "uid")).otherwise(0)
    midnight = pl.col("later").cast(pl.Datetime("us"))
    at_any_time = midnight + pl.duration(seconds=dice.below(24 * HOUR, "again at", "uid"))
    soon = pl.col("order") + pl.duration(seconds=1 + dice.below(2 * HOUR, "again at", "uid"))
    return (
        first.with_columns(later=pl.min_horizontal(pl.col("file") + pl.duration(days=days), pl.lit(last)))
        .with_columns(order=pl.when(pl.col("later") > pl.col("file")).then(at_any_time).otherwise(soon))
        .with_columns(file="later", again=pl.lit(True))
    )


def in_feed_order(arrivals: pl.DataFrame) -> pl.DataFrame:
    return arrivals.sort("file", "order", "uid", "again")


def out_of_order(arrivals: pl.DataFrame) -> int:
    """How many receipts first arrive after one that was made later: counted in the feed, not as intended."""
    first = in_feed_order(arrivals.filter(~pl.col("again")))
    return int((first["at"] < first["at"].cum_max()).sum())
