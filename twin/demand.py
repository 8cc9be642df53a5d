"""What people wanted, through which channel, and what of it the shelves could not give.

The real baskets are the demand. A share of them becomes web orders. Five lines in a hundred are lost to stock-outs: for
some products at some places the shelf is empty from one moment until the next delivery, and all that was wanted there
meanwhile is on no receipt and in no order.
"""

from datetime import datetime, time, timedelta

import msgspec
import polars as pl

from twin.baskets import Window
from twin.dice import Dice

LOST = 0.05  # of the lines wanted, of products that are counted
WEB = 0.28  # of the baskets of people who shop online, where a basket can be a web order
PICKED_UP = 0.3  # of web orders
CENTRES = 2
CENTRE_BASE = 90_000
# Deliveries come before the shops open, every third day.
DELIVERY_EVERY = 3
DELIVERY_HOUR = 4
LONGEST_OUT_DAYS = 9
CHANNELS = ("till", "web")


class Demand(msgspec.Struct, frozen=True):
    """`baskets`: uid, store_id, household_id, copy, at, person, web, pickup, loc (the place that gives the goods:
    a shop's number, or CENTRE_BASE + n of a distribution centre). `lines`: what was bought, as `basket_lines` has it, with
    loc and web. `lost`: the lines that were not to be had. `outs`: product_id, loc, copy, since, until.
    """

    baskets: pl.DataFrame
    lines: pl.DataFrame
    lost: pl.DataFrame
    outs: pl.DataFrame


def demand(bought: pl.DataFrame, products: pl.DataFrame, people: pl.DataFrame, during: Window, dice: Dice) -> Demand:
    baskets = _baskets(bought, products, people, dice)
    wanted = bought.join(baskets.select("uid", "loc", "web"), on="uid", maintain_order="left")
    countable = wanted.filter(pl.col("quantity") > 0).join(
        products.filter(~pl.col("fuel")).select("product_id"), on="product_id", how="semi"
    )
    outs = _stock_outs(countable, during, dice)
    lost = countable.join(outs, on=["product_id", "loc", "copy"]).filter(
        pl.col("at").is_between("since", "until", closed="left")
    )
    kept = wanted.join(lost.select("uid", "line"), on=["uid", "line"], how="anti", maintain_order="left")
    kept = kept.with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("uid"))
    left = baskets.join(kept.select("uid").unique(), on="uid", how="semi", maintain_order="left")
    return Demand(left, kept, lost.drop("since", "until").sort("uid", "line"), outs)


def place(loc: str = "loc", copy: str = "copy") -> pl.Expr:
    """The code of a place: S0330 is a shop, D01 a distribution centre; later copies of the chain add their number."""
    shop = pl.concat_str(pl.lit("S"), pl.col(loc).cast(pl.String).str.zfill(4))
    centre = pl.concat_str(pl.lit("D"), (pl.col(loc) - CENTRE_BASE).cast(pl.String).str.zfill(2))
    later = pl.when(pl.col(copy) > 1).then(pl.format("-{}", copy)).otherwise(pl.lit(""))
    return pl.concat_str(pl.when(pl.col(loc) > CENTRE_BASE).then(centre).otherwise(shop), later)


def centre_of(key: str, dice: Dice) -> pl.Expr:
    """The distribution centre that serves a shop or a household."""
    return CENTRE_BASE + 1 + dice.below(CENTRES, f"centre of {key}", key)


def deliveries(places: pl.DataFrame, during: Window, dice: Dice) -> pl.DataFrame:
    """(loc, copy, due) of every delivery in the window, ordered; the first is on day 1 to 3."""
    first = 1 + dice.below(DELIVERY_EVERY, "delivery day", "loc", "copy")
    days = pl.int_ranges(first, len(during.days), DELIVERY_EVERY)
    midnight = pl.lit(datetime.combine(during.days[0], time()), dtype=pl.Datetime("us"))
    minute = dice.below(90, "delivery minute", "loc", "copy")
    return (
        places.select("loc", "copy")
        .unique()
        .with_columns(day=days, minute=minute)
        .explode("day")
        .drop_nulls("day")
        .select("loc", "copy", due=midnight + pl.duration(days="day", hours=DELIVERY_HOUR, minutes="minute"))
        .sort("loc", "copy", "due")
    )


def _baskets(bought: pl.DataFrame, products: pl.DataFrame, people: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    fuel = products.filter("fuel")["product_id"].implode()
    whole = bought.group_by("uid").agg(
        pl.col("store_id", "household_id", "copy", "at").first(),
        shippable=((pl.col("quantity") > 0) & (pl.col("cents") > 0) & ~pl.col("product_id").is_in(fuel)).all(),
    )
    online = people.select("person", "online")
    size = people.group_by("household_id", pl.col("copy").cast(pl.Int32)).agg(size=pl.len())
    draw = dice.unit("who buys", "uid")
    web = pl.col("shippable") & pl.col("online") & (dice.unit("web", "uid") < WEB)
    pickup = pl.col("web") & (dice.unit("pick up", "uid") < PICKED_UP)
    return (
        whole.sort("uid")
        .join(size, on=["household_id", "copy"], maintain_order="left")
        .with_columns(
            k=pl.when(draw < 0.55).then(1)
            .when((draw < 0.85) & (pl.col("size") > 1)).then(2)
            .otherwise(1 + dice.below(pl.col("size"), "which", "uid"))
        )
        .with_columns(person=(pl.col("copy").cast(pl.Int64) * 100_000 + pl.col("household_id")) * 10 + pl.col("k"))
        .join(online, on="person", how="left", maintain_order="left")
        .with_columns(web=web)
        .with_columns(pickup=pickup)
        .with_columns(
            loc=pl.when(pl.col("web") & ~pl.col("pickup"))
            .then(centre_of("household_id", dice))
            .otherwise("store_id")
        )
        .drop("shippable", "online", "size", "k")
    )  # fmt: skip


def _stock_outs(wanted: pl.DataFrame, during: Window, dice: Dice) -> pl.DataFrame:
    """Where shelves are empty, and from when until when: as many places as it takes to lose the share `LOST`."""
    begin = datetime.combine(during.days[0], time())
    end = begin + timedelta(len(during.days))
    seconds = int((end - begin).total_seconds())
    keys = ("product_id", "loc", "copy")
    since = pl.lit(begin) + pl.duration(seconds=dice.below(seconds, "out since", *keys))
    at_least = pl.col("since") + pl.duration(hours=12 + dice.below(24 * LONGEST_OUT_DAYS, "out for", *keys))
    due = deliveries(wanted.select("loc", "copy").unique(), during, dice)
    outs = (
        wanted.select(keys)
        .unique()
        .with_columns(since=since)
        .with_columns(at_least=at_least)
        .sort("at_least", *keys)
        .join_asof(
            due.rename({"due": "until"}).sort("until"),
            left_on="at_least", right_on="until", by=["loc", "copy"], strategy="forward",
            check_sortedness=False,
        )
        .with_columns(pl.col("until").fill_null(end))
    )  # fmt: skip
    gone = wanted.join(outs, on=keys).filter(pl.col("at").is_between("since", "until", closed="left"))
    return (
        outs.join(gone.group_by(keys).len("lines"), on=keys)
        .sort(dice.bits("out", *keys), *keys)
        .filter(pl.col("lines").cum_sum() <= round(LOST * wanted.height))
        .select(*keys, "since", "until")
        .sort(keys)
    )
