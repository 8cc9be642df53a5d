"""Visits to the web shop and the app: those that end in an order, those that do not, and those of nobody known.

Columns of visits, ordered by at, kind, uid: uid, kind (order, browse, stranger), at (of the first call), person (null: stranger),
order (uid of the order, or null), app, cookie (the anonymous id), device (null in a browser), logs_in, skew (seconds by which
the device's clock is wrong).
"""

from datetime import date, datetime, time

import polars as pl

from twin.dice import Dice
from twin.people import uuid
from twin.web import Web

BROWSES = 0.02  # of people online, a day
STRANGERS = 12  # a day and copy of the chain
IN_APP, LOGS_IN = 0.4, 0.4
AT_KIOSK = 0.15  # of orders to be picked up
WRONG_CLOCK = 0.02
# Set by hand, for another zone, or never set since the battery was out. Not more than a day off: a call that is days
# ahead of all others would make those look too late to be told from repeats.
CLOCKS = (3 * 3600, -8 * 3600, -20 * 3600, 24 * 3600)


def visits(made: Web, people: pl.DataFrame, days: list[date], dice: Dice) -> pl.DataFrame:
    online = people.filter("online").select("person", "cookie", "cookie2", "device", "copy")
    parts = (_ordering(made, dice), _browsing(online, days, dice), _strangers(people, days, dice))
    columns = ("uid", "kind", "at", "person", "order", "kiosk")
    every = pl.concat([part.select(columns) for part in parts], how="vertical_relaxed")
    first = datetime.combine(days[0], time())
    half = (pl.col("at") - first).dt.total_days() * 2 >= len(days)
    own = pl.when(half).then(pl.coalesce("cookie2", "cookie")).otherwise("cookie")
    strangers = pl.when(pl.col("kind") == "stranger").then(uuid(dice, "stranger", "uid"))
    in_app = (pl.col("kind") != "stranger") & pl.col("kiosk").is_null() & (dice.unit("in app", "uid") < IN_APP)
    wrong = dice.unit("wrong clock", "uid") < WRONG_CLOCK
    skew = dice.choice(tuple(map(str, CLOCKS)), "clock", "uid").cast(pl.Int64)
    return (
        every.join(online.drop("copy"), on="person", how="left", maintain_order="left")
        .with_columns(app=in_app)
        .with_columns(
            cookie=pl.coalesce("kiosk", pl.when("app").then(pl.col("device").str.to_lowercase()), own, strangers),
            device=pl.when("app").then("device"),
            logs_in=pl.col("order").is_not_null()
            | ((pl.col("kind") == "browse") & (dice.unit("logs in", "uid") < LOGS_IN)),
            skew=pl.when(wrong).then(skew).otherwise(0),
        )
        .drop("cookie2", "kiosk")
        .sort("at", "kind", "uid")
    )


def _ordering(made: Web, dice: Dice) -> pl.DataFrame:
    before = pl.duration(seconds=400 + dice.below(900, "visit before", "uid"))
    kiosk = pl.col("pickup") & (dice.unit("at kiosk", "uid") < AT_KIOSK)
    return made.orders.select(
        "uid", "person", order="uid", kind=pl.lit("order"), at=pl.col("at") - before,
        kiosk=pl.when(kiosk).then(pl.concat_str(pl.lit("kiosk-"), pl.col("store_id"), pl.lit("-"), pl.col("copy"))),
    )  # fmt: skip


def _browsing(online: pl.DataFrame, days: list[date], dice: Dice) -> pl.DataFrame:
    each = pl.DataFrame({"day": range(len(days))}, schema={"day": pl.Int64})
    chosen = online.join(each, how="cross").filter(dice.unit("browses", "person", "day") < BROWSES)
    # Below all uids of baskets, and different for each person and day.
    return _on_days(chosen.with_columns(uid=pl.col("person") * 400 + pl.col("day")), "browse", days, dice)


def _strangers(people: pl.DataFrame, days: list[date], dice: Dice) -> pl.DataFrame:
    count = STRANGERS * people["copy"].n_unique() * len(days)
    rows = pl.DataFrame({"n": range(count)}, schema={"n": pl.Int64}).with_columns(
        uid=pl.col("n") + 1, day=pl.col("n") % len(days), person=pl.lit(None, dtype=pl.Int64)
    )
    return _on_days(rows, "stranger", days, dice)


def _on_days(rows: pl.DataFrame, kind: str, days: list[date], dice: Dice) -> pl.DataFrame:
    midnight = pl.lit(datetime.combine(days[0], time()), dtype=pl.Datetime("us")) + pl.duration(days="day")
    second = 7 * 3600 + dice.below(16 * 3600, f"{kind} at", "uid")
    return rows.with_columns(
        kind=pl.lit(kind),
        at=midnight + pl.duration(seconds=second),
        order=pl.lit(None, dtype=pl.Int64),
        kiosk=pl.lit(None, dtype=pl.String),
    )
