"""Who showed which identifier: the truth by which the resolution of identities is judged. It holds values in clear."""

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from twin.feed import World
from twin.segment import Sent
from twin.shopify import Delivery

SHOWN = {
    "person": pl.Int64, "type": pl.String, "value": pl.String, "whose": pl.String, "feed": pl.String, "at": pl.Datetime("us")
}  # fmt: skip
OWN, FAMILY, KIOSK, STRANGER = "own", "family", "kiosk", "stranger"


def shown(world: World, receipts: pl.DataFrame, told: list[Delivery], calls: list[Sent]) -> pl.DataFrame:
    """(person, type, value, whose, feed, shown, first_at, last_at): `person` is who acted, null where nobody knows.

    `whose` is own, family (another's of the household), recycled (own, and another's before), mistyped, assistant, kiosk or
    stranger. A value is spelt as the platform spells it: cards and phones as digits, the rest as given.
    """
    every = pl.concat(
        [_at_tills(world, receipts), pl.DataFrame(_on_the_web(world, told, calls), schema=SHOWN, orient="row")]
    )
    return (
        every.group_by("person", "type", "value", "whose", "feed")
        .agg(shown=pl.len().cast(pl.Int64), first_at=pl.col("at").min(), last_at=pl.col("at").max())
        .sort("person", "type", "value", "whose", "feed")
    )


def _at_tills(world: World, receipts: pl.DataFrame) -> pl.DataFrame:
    own = world.people.select("person", own="card")
    cards = receipts.filter(pl.col("card").is_not_null()).join(own, on="person", how="left")
    whose = pl.when(pl.col("own") == pl.col("card")).then(pl.lit(OWN)).otherwise(pl.lit(FAMILY))
    phones = receipts.filter(pl.col("digits").is_not_null())
    return pl.concat(
        [
            cards.select("person", type=pl.lit("card"), value="card", whose=whose, feed=pl.lit("pos"), at="at"),
            phones.select("person", type=pl.lit("phone"), value="digits", whose="whose", feed=pl.lit("pos"), at="at"),
        ]
    )


def _on_the_web(
    world: World, told: list[Delivery], calls: list[Sent]
) -> Iterator[tuple[int | None, str, str, str, str, datetime]]:
    buyers = dict(world.web.orders.select("order_id", "person").iter_rows())
    cookies = dict(world.people.select("person", "cookie").iter_rows())
    heads: dict[str, int] = {}
    for person, cookie in cookies.items():
        if cookie:
            heads.setdefault(cookie, person)
    for delivery in told:
        for kind, value in delivery.shown:
            yield buyers[delivery.order], kind, value, OWN, "ecommerce", delivery.at
    for line in calls:
        for call in line.calls:
            for kind, value in call.shown:
                whose = STRANGER if line.person is None else KIOSK if value.startswith("kiosk-") else OWN
                if kind == "cookie" and whose == OWN and heads.get(value, line.person) != line.person:
                    whose = FAMILY
                yield line.person, kind, value, whose, "ecommerce", call.at


def people_table(world: World) -> pl.DataFrame:
    """Everybody, with all that is theirs."""
    return world.people.drop("online", "registered").with_columns(
        household=pl.col("copy") * 100_000 + pl.col("household_id")
    ).drop("household_id", "copy", "k")  # fmt: skip
