"""Web orders: what was ordered, and what became of it.

Baskets, amounts and moments of ordering are real; that they were ordered on the web, and everything after, is invented.

Columns of orders, ordered by at, uid: uid, order_id, number, at (ordered; the shop's wall clock, as all moments here), person,
copy, loc, pickup, store_id, cents (without shipping), shipping, fate (one of FATES), paid, cancelled, ready (for pick-up),
shipped, shipped2 (a second parcel), handed (picked up), rung (the till rings up what is picked up), refunded, restock.
A moment that does not come, or comes after the window, is null.

Columns of items, ordered by uid, item: uid, item (from 1), item_id, product_id (of the bundle, where it is one), variant_id,
by_variant (the SKU is left out), quantity (as ordered), per (base units in one), price, cents, parcel (1 or 2), back (how
many were refunded). `contents`, one row for each stock-keeping unit in an item: uid, item, product_id, quantity (base units).
"""

from datetime import datetime, time, timedelta

import msgspec
import polars as pl

from twin.baskets import Window
from twin.demand import Demand
from twin.dice import Dice

SHOP_DOMAIN = "zhongtai-demo.myshopify.com"
ORDER_BASE, ITEM_BASE, VARIANT_BASE = 5_400_000_000_000, 13_700_000_000_000, 44_000_000_000_000
FREE_SHIPPING_FROM, SHIPPING = 9900, 800
FATES = ("fulfilled", "unpaid", "cancelled")
UNPAID, CANCELLED = 0.02, 0.04
TWO_PARCELS, RUNG_UP, REFUNDED, RESTOCKED = 0.12, 0.5, 0.08, 0.6
BUNDLED = 0.15
# Bundles are numbered after all real products (the greatest product_id is below 20 million).
BUNDLE_BASE = 90_000_000
HOUR = 3600


class Web(msgspec.Struct, frozen=True):
    """See the module for the columns. `bundles`: product_id of the bundle, and its two parts with their cents."""

    orders: pl.DataFrame
    items: pl.DataFrame
    contents: pl.DataFrame
    bundles: pl.DataFrame


def web(wanted: Demand, products: pl.DataFrame, during: Window, dice: Dice) -> Web:
    lines = wanted.lines.filter("web").sort("uid", "line")
    bundles = _bundles(lines, dice)
    contents = _contents(lines, bundles)
    items = _items(lines, contents, bundles, products, dice)
    orders = _orders(wanted.baskets.filter("web"), items, during, dice)
    items = items.join(orders.select("uid", "order_id", "shipped2", "refunded"), on="uid", maintain_order="left")
    return Web(orders, _fated(items, dice), contents, bundles)


def variant_id(product_id: str = "product_id") -> pl.Expr:
    """The web shop's number of what is sold by the base unit; the next number is the case of it."""
    return VARIANT_BASE + pl.col(product_id).cast(pl.Int64) * 10


def _bundles(lines: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Sets of two: the first two lines of some orders, where each is one piece. The same two are the same set."""
    both = (
        lines.filter((pl.col("line") <= 2) & (pl.col("quantity") == 1))
        .filter(dice.unit("bundled", "uid") < BUNDLED)
        .group_by("uid")
        .agg(pl.col("product_id", "cents").sort_by("line"))
        .filter(pl.col("product_id").list.len() == 2)
        .select(
            "uid",
            a=pl.col("product_id").list.min(),
            b=pl.col("product_id").list.max(),
            first=pl.col("product_id").list.first(),
            cents_first=pl.col("cents").list.first(),
            cents_last=pl.col("cents").list.last(),
        )
        .filter(pl.col("a") < pl.col("b"))
        .sort("a", "b", "uid")
        .with_columns(product_id=(BUNDLE_BASE + pl.struct("a", "b").rank("dense").cast(pl.Int64)).cast(pl.Int32))
    )
    right_way = pl.col("first") == pl.col("a")
    return both.select(
        "uid", "product_id", "a", "b",
        # A set has one price split, that of the order that showed it first; shares are whole and never 0.
        share_a=pl.max_horizontal(1, pl.when(right_way).then("cents_first").otherwise("cents_last")).first().over("product_id"),
        share_b=pl.max_horizontal(1, pl.when(right_way).then("cents_last").otherwise("cents_first")).first().over("product_id"),
    )  # fmt: skip


def _contents(lines: pl.DataFrame, bundles: pl.DataFrame) -> pl.DataFrame:
    """Each line's item: the lines of a set share one."""
    in_set = pl.col("set") & (pl.col("line") == 2)
    return (
        lines.join(bundles.select("uid", set=pl.lit(True)), on="uid", how="left", maintain_order="left")
        .with_columns(pl.col("set").fill_null(False))
        .select(
            "uid", "line", "product_id", "quantity",
            item=pl.when(in_set).then(1).when(pl.col("set") & (pl.col("line") > 2)).then(pl.col("line") - 1)
            .otherwise("line").cast(pl.Int32),
        )
    )  # fmt: skip


def _items(
    lines: pl.DataFrame, contents: pl.DataFrame, bundles: pl.DataFrame, products: pl.DataFrame, dice: Dice
) -> pl.DataFrame:
    listed = pl.col("cents") + pl.col("retail") + pl.col("match") + pl.col("coupon")
    sets = bundles.select("uid", item=pl.lit(1, dtype=pl.Int32), bundle="product_id")
    multiple = (pl.col("case") > 0) & (pl.col("units") % pl.col("case") == 0) & pl.col("bundle").is_null()
    return (
        lines.join(contents.select("uid", "line", "item"), on=["uid", "line"], maintain_order="left")
        .group_by("uid", "item", maintain_order=True)
        .agg(
            pl.col("product_id").first(),
            units=pl.col("quantity").first().cast(pl.Int64),
            cents=pl.col("cents").cast(pl.Int64).sum(),
            listed=listed.cast(pl.Int64).sum(),
        )
        .join(sets, on=["uid", "item"], how="left", maintain_order="left")
        .join(products.select("product_id", "case"), on="product_id", how="left", maintain_order="left")
        .with_columns(per=pl.when(multiple).then("case").otherwise(1).cast(pl.Int64))
        .with_columns(
            quantity=pl.col("units") // pl.col("per"),
            variant_id=variant_id() + pl.when(pl.col("per") > 1).then(1).otherwise(0),
            product_id=pl.coalesce("bundle", "product_id"),
            by_variant=pl.col("bundle").is_null() & (dice.unit("by variant", "uid", "item") < 0.1),
        )
        .with_columns(
            variant_id=pl.when(pl.col("bundle").is_null()).then("variant_id").otherwise(variant_id()),
            # The unit price is a whole number of cents; what it is too much is a discount.
            price=(pl.col("listed") + pl.col("quantity") - 1) // pl.col("quantity"),
        )
        .select("uid", "item", "product_id", "variant_id", "by_variant", "quantity", "per", "price", "cents")
    )


def _orders(baskets: pl.DataFrame, items: pl.DataFrame, during: Window, dice: Dice) -> pl.DataFrame:
    end = datetime.combine(during.days[-1], time()) + timedelta(days=1)
    fate = dice.unit("fate", "uid")
    count = items.group_by("uid").agg(pl.col("cents").sum(), items=pl.len())
    delivered = ~pl.col("pickup")
    orders = (
        baskets.select("uid", "at", "person", "copy", "loc", "pickup", "store_id")
        .join(count, on="uid")
        .sort("at", "uid")
        .with_row_index("n", offset=1)
        .with_columns(
            order_id=ORDER_BASE + pl.col("n").cast(pl.Int64) * 32_768,
            number=pl.col("n").cast(pl.Int64) + 1000,
            shipping=pl.when(pl.col("pickup") | (pl.col("cents") >= FREE_SHIPPING_FROM)).then(0).otherwise(SHIPPING),
            fate=pl.when(fate < UNPAID).then(pl.lit("unpaid")).when(fate < UNPAID + CANCELLED)
            .then(pl.lit("cancelled")).otherwise(pl.lit("fulfilled")),
        )
    )  # fmt: skip
    fulfilled, paid = pl.col("fate") == "fulfilled", pl.col("fate") != "unpaid"
    two = delivered & (pl.col("items") > 1) & (dice.unit("two parcels", "uid") < TWO_PARCELS)
    rung = pl.col("pickup") & (dice.unit("rung up", "uid") < RUNG_UP)
    moments = {
        "paid": pl.when(paid).then(_after("at", 20, 600, "paid", dice)),
        "cancelled": pl.when(~paid).then(_after("at", 1800, 1801, "given up", dice))
        .when(~fulfilled).then(_after("at", 700, 3 * HOUR, "cancelled", dice)),
        "ready": pl.when(fulfilled & ~delivered).then(_after("at", HOUR, 4 * HOUR, "ready", dice)),
        "shipped": pl.when(fulfilled & delivered).then(_after("at", 4 * HOUR, 40 * HOUR, "shipped", dice)),
    }  # fmt: skip
    later = {
        "shipped2": pl.when(two).then(_after("shipped", 6 * HOUR, 30 * HOUR, "shipped2", dice)),
        "handed": _after("ready", HOUR, 40 * HOUR, "handed", dice),
        "refunded": pl.when(dice.unit("refunded", "uid") < REFUNDED).then(
            _after("shipped", 60 * HOUR, 140 * HOUR, "refunded at", dice)
        ),
    }
    for step in (moments, later):
        orders = orders.with_columns(**step).with_columns(
            pl.when(pl.col(name) < end).then(name).alias(name) for name in step
        )
    return orders.with_columns(rung=rung, restock=dice.unit("restock", "uid") < RESTOCKED).drop("n", "items")


def _after(moment: str, least: int, most: int, purpose: str, dice: Dice) -> pl.Expr:
    return pl.col(moment) + pl.duration(seconds=least + dice.below(most - least, purpose, "uid"))


def _fated(items: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Adds item_id, the parcel of each item, and how many of it were refunded: at least one item of a refund."""
    in_second = pl.col("shipped2").is_not_null() & (pl.col("item") % 2 == 0)
    # Only what was in the first parcel comes back: a refund never precedes its shipment.
    chosen = pl.col("refunded").is_not_null() & (
        (pl.col("item") == 1) | (~in_second & (dice.unit("comes back", "uid", "item") < 0.15))
    )
    some = 1 + dice.below(pl.col("quantity"), "how many back", "uid", "item")
    return items.with_columns(
        item_id=ITEM_BASE + (pl.col("order_id") - ORDER_BASE) * 8 + pl.col("item"),
        parcel=pl.when(in_second).then(2).otherwise(1),
        back=pl.when(chosen).then(some).otherwise(0),
    ).drop("order_id", "shipped2", "refunded")


def moves(made: Web) -> pl.DataFrame:
    """What web orders take from places and bring back: kind, product_id, loc, copy, quantity (signed), at, doc, parcel.

    What the till rings up is not among them: there the receipt says what left the shelf.
    """
    what = made.contents.join(
        made.items.select("uid", "item", "parcel", "back", of="quantity"), on=["uid", "item"]
    ).join(made.orders, on="uid")
    sent = pl.when(pl.col("parcel") == 2).then("shipped2").otherwise("shipped")
    over_the_counter = pl.when(~pl.col("rung")).then("handed")
    out = what.with_columns(moved=pl.coalesce(sent, over_the_counter), kind=pl.lit("web_out"), sign=-1)
    back = what.filter((pl.col("back") > 0) & pl.col("restock")).with_columns(
        # A set comes back as the pieces that it is made of.
        moved="refunded", kind=pl.lit("web_back"), sign=1, quantity=pl.col("quantity") * pl.col("back") // pl.col("of"),
    )  # fmt: skip
    columns = ("uid", "item", "kind", "product_id", "loc", "copy", "quantity", "sign", "moved", "order_id", "parcel")
    return (
        pl.concat([frame.select(columns) for frame in (out, back)], how="vertical_relaxed")
        .drop_nulls("moved")
        .sort("moved", "uid", "item", "product_id")
        .select(
            "kind", "product_id", "loc", "copy", quantity=pl.col("quantity").cast(pl.Int64) * pl.col("sign"), at="moved",
            doc="order_id", parcel=pl.col("parcel").cast(pl.Int32),
        )
    )  # fmt: skip
