"""How the goods came to be where they were sold: opening stock, deliveries to shops, and what suppliers brought.

The sales are given, so supply is worked out backwards: what leaves a place between two deliveries is what the earlier
one brought, plus a reserve, so nothing is ever sold that is not there; where a shelf is empty for a time there is no
reserve, and the delivery before brought exactly what was still sold. Fuel is left out: no warehouse handles it.

Columns of moves: kind (one of KINDS), product_id, loc, copy, quantity (base units, signed by its effect at the place;
what is damaged is put aside there), at, doc (the number of the transfer, purchase or web order, or null), parcel (of a web order).
"""

from datetime import datetime, time, timedelta

import msgspec
import polars as pl

from twin.baskets import SALE, Window
from twin.demand import CENTRE_BASE, centre_of, deliveries
from twin.dice import Dice

KINDS = ("opening", "receipt", "transfer_out", "transfer_in", "web_out", "web_back", "damaged", "destroyed")
# A product that hardly sells at a place has all that it needs from the start.
SELLS = 3
RESERVE = 4
DISPATCH = timedelta(hours=6)
SUPPLIERS = 60
# Suppliers come to the centres every seventh day from the third, at six.
FIRST_SUPPLY, SUPPLY_EVERY, SUPPLY_HOUR = 3, 7, 6
SHORT_TRANSFER, SHORT_SUPPLY = 0.005, 0.05
DAMAGED = 0.01  # of the goods of a centre; as many are destroyed
PLACE = ["product_id", "loc", "copy"]
MOVE = ["kind", *PLACE, "quantity", "at", "doc", "parcel"]


class Supply(msgspec.Struct, frozen=True):
    """`moves` as above. `purchases`: purchase (a number), loc, copy, supplier, ordered, due, received (null: not yet).
    `purchase_lines`: purchase, line, product_id, quantity (ordered, base units), received (null: not yet).
    `transfers`: transfer, loc (from), to, copy, sent, due.
    """

    moves: pl.DataFrame
    purchases: pl.DataFrame
    purchase_lines: pl.DataFrame
    transfers: pl.DataFrame


def supply(
    receipts: pl.DataFrame, lines: pl.DataFrame, web_moves: pl.DataFrame, outs: pl.DataFrame,
    products: pl.DataFrame, during: Window, dice: Dice,
) -> Supply:  # fmt: skip
    """`web_moves` are what web orders take from and bring back to places, with kinds web_out and web_back."""
    sold = _sold(receipts, lines, products)
    taken = pl.concat([sold, web_moves.filter(pl.col("kind") == "web_out").select(*PLACE, "at", -pl.col("quantity"))])
    begin = datetime.combine(during.days[0], time())
    shops, centres = taken.filter(pl.col("loc") < CENTRE_BASE), taken.filter(pl.col("loc") > CENTRE_BASE)
    opened, brought = _shop_supply(shops, outs, during, dice)
    transfers, sent = _transfers(brought, dice)
    leaves = pl.concat([centres, sent.select(*PLACE, "at", -pl.col("quantity"))])
    opened_centres, purchases, ordered = _centre_supply(leaves, outs, during, dice)
    received = _received(purchases, ordered)
    spare = opened_centres.join(outs.select(PLACE), on=PLACE, how="anti", maintain_order="left")
    harmed = _harmed(spare, begin, len(during.days), dice)
    opening = pl.concat([opened, opened_centres]).filter(pl.col("quantity") > 0)
    moves = pl.concat(
        [
            _as_moves(opening.with_columns(at=pl.lit(begin) - pl.duration(hours=1)), "opening"),
            sent.select(MOVE),
            _as_moves(brought.join(transfers.select("transfer", "to", "copy", "due"),
                                   left_on=["loc", "copy", "at"], right_on=["to", "copy", "due"]), "transfer_in", "transfer"),
            _as_moves(received, "receipt", "purchase"),
            web_moves.select(MOVE),
            harmed.select(MOVE),
        ]
    )  # fmt: skip
    return Supply(moves.sort("at", "kind", "doc", "parcel", *PLACE), purchases, ordered, transfers)


def _as_moves(rows: pl.DataFrame, kind: str, doc: str | None = None) -> pl.DataFrame:
    number = pl.col(doc) if doc else pl.lit(None)
    return rows.with_columns(kind=pl.lit(kind), doc=number.cast(pl.Int64), parcel=pl.lit(None, dtype=pl.Int32)).select(
        MOVE
    )


def _sold(receipts: pl.DataFrame, lines: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """What left the shelves at the tills. Returns are not counted on: they come on top."""
    counted = products.filter(~pl.col("fuel")).select("product_id")
    sales = receipts.filter(pl.col("kind") == SALE).select("uid", "at", "copy", loc="store_id")
    return (
        lines.filter(pl.col("quantity") > 0)
        .join(counted, on="product_id", how="semi")
        .join(sales, on="uid")
        .select(pl.col("product_id"), "loc", pl.col("copy").cast(pl.Int32), "at", pl.col("quantity").cast(pl.Int64))
    )


def _shop_supply(
    taken: pl.DataFrame, outs: pl.DataFrame, during: Window, dice: Dice
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Opening (product_id, loc, copy, quantity; empty shelves among them) and what each delivery brings (and at)."""
    due = deliveries(taken.select("loc", "copy").unique(), during, dice).with_columns(brought="due").sort("due")
    out = outs.filter(pl.col("loc") < CENTRE_BASE).select(*PLACE, out=pl.lit(True))
    planned = (
        taken.sort("at")
        .join_asof(due, left_on="at", right_on="due", by=["loc", "copy"], strategy="backward", check_sortedness=False)
        .join(out, on=PLACE, how="left", maintain_order="left")
        .with_columns(pl.col("out").fill_null(False))
        .with_columns(supplied=pl.col("out") | (pl.len().over(PLACE) >= SELLS))
        .with_columns(at=pl.when("supplied").then("brought"))
    )
    needed = planned.group_by(*PLACE, "at").agg(pl.col("quantity").sum())
    reserve = 1 + dice.below(RESERVE, "reserve", *PLACE)
    everywhere = pl.concat([planned.select(PLACE), out.select(PLACE)]).unique().join(out, on=PLACE, how="left")
    opening = (
        everywhere.join(needed.filter(pl.col("at").is_null()).drop("at"), on=PLACE, how="left")
        .with_columns(quantity=pl.col("quantity").fill_null(0) + pl.when("out").then(0).otherwise(reserve))
        .select(*PLACE, "quantity")
    )
    return opening, needed.drop_nulls("at")


def _transfers(brought: pl.DataFrame, dice: Dice) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A transfer from its centre for each delivery to a shop, and the moves out of the centre.

    Now and then one piece less arrives than was sent: nobody knows where it went, and a claim is due.
    """
    transfers = (
        brought.select("copy", to="loc", due="at")
        .unique()
        .sort("due", "to", "copy")
        .with_row_index("transfer", offset=1)
        .with_columns(pl.col("transfer").cast(pl.Int64), loc=_centre_of("to", dice), sent=pl.col("due") - DISPATCH)
    )
    lost = dice.unit("short transfer", "transfer", "product_id") < SHORT_TRANSFER
    sent = (
        brought.rename({"loc": "to", "at": "due"})
        .join(transfers, on=["to", "copy", "due"])
        .with_columns(
            kind=pl.lit("transfer_out"), at="sent", doc="transfer", parcel=pl.lit(None, dtype=pl.Int32),
            quantity=-(pl.col("quantity") + lost.cast(pl.Int64)),
        )
    )  # fmt: skip
    return transfers.select("transfer", "loc", "to", "copy", "sent", "due"), sent.select(MOVE)


def _centre_of(key: str, dice: Dice) -> pl.Expr:
    return centre_of(key, dice).cast(pl.Int64)


def _centre_supply(
    leaves: pl.DataFrame, outs: pl.DataFrame, during: Window, dice: Dice
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Opening of the centres, purchases and their lines: each brings what leaves until the next."""
    begin = datetime.combine(during.days[0], time(SUPPLY_HOUR))
    arrivals = [begin + timedelta(n) for n in range(FIRST_SUPPLY, len(during.days) + SUPPLY_EVERY, SUPPLY_EVERY)]
    due = pl.DataFrame({"due": arrivals}, schema={"due": pl.Datetime("us")})
    planned = leaves.sort("at").join_asof(due, left_on="at", right_on="due", strategy="backward")
    needed = planned.group_by(*PLACE, "due").agg(pl.col("quantity").sum())
    out = outs.select(*PLACE, out=pl.lit(True))
    opening = (
        needed.group_by(PLACE)
        .agg(quantity=pl.col("quantity").filter(pl.col("due").is_null()).sum())
        .join(out, on=PLACE, how="left")
        .with_columns(
            quantity=pl.col("quantity")
            + pl.when(pl.col("out").is_null()).then(2 + dice.below(4 * RESERVE, "reserve", *PLACE)).otherwise(0)
        )
        .select(*PLACE, "quantity")
    )
    ahead = _ordered_ahead(needed, arrivals, during, dice)
    supplier = 1 + dice.below(SUPPLIERS, "supplier", "product_id")
    short = dice.unit("short supply", "product_id", "loc", "copy") < SHORT_SUPPLY
    rows = (
        pl.concat([needed.drop_nulls("due"), ahead])
        .with_columns(supplier=supplier, wanted=pl.col("quantity") + pl.when(short).then(2).otherwise(0))
        .sort("due", "loc", "copy", "supplier", "product_id")
        .with_columns(purchase=pl.struct("due", "loc", "copy", "supplier").rank("dense").cast(pl.Int64))
    )
    end = datetime.combine(during.days[-1], time()) + timedelta(days=1)
    lead = pl.duration(days=5 + dice.below(9, "lead", "supplier"), hours=-dice.below(8, "hour", "purchase"))
    purchases = (
        rows.group_by("purchase", "loc", "copy", "supplier", "due")
        .agg()
        .with_columns(ordered=pl.col("due") - lead, received=pl.when(pl.col("due") < end).then("due"))
        .filter(pl.col("ordered") < end)
        .sort("purchase")
    )
    lines = rows.join(purchases.select("purchase", came="received"), on="purchase").select(
        "purchase",
        "product_id",
        line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("purchase"),
        quantity="wanted",
        received=pl.when(pl.col("came").is_not_null()).then("quantity"),
    )
    return opening, purchases, lines.sort("purchase", "line")


def _ordered_ahead(needed: pl.DataFrame, arrivals: list[datetime], during: Window, dice: Dice) -> pl.DataFrame:
    """What is on order when the world ends: some of the usual goods, due on the first supply day after it."""
    end = datetime.combine(during.days[-1], time()) + timedelta(days=1)
    after = [due for due in arrivals if due >= end][:1]
    some = dice.unit("on order", *PLACE) < 0.3
    last = pl.lit(after[0] if after else None, dtype=pl.Datetime("us"))
    return (
        needed.select(PLACE).unique().filter(some)
        .with_columns(due=last, quantity=(6 * (1 + dice.below(4, "on order", *PLACE))).cast(pl.Int64))
        .drop_nulls("due")
        .select(needed.columns)
    )  # fmt: skip


def _received(purchases: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    came = purchases.drop_nulls("received").select("purchase", "loc", "copy", at="received")
    return lines.drop("quantity").join(came, on="purchase").rename({"received": "quantity"})


def _harmed(spare: pl.DataFrame, begin: datetime, days: int, dice: Dice) -> pl.DataFrame:
    """One piece of some reserves is found damaged, which leaves it on hand, and one of others is destroyed at once."""
    draw = dice.unit("harmed", *PLACE)
    kind = pl.when(draw < DAMAGED).then(pl.lit("damaged")).when(draw < 2 * DAMAGED).then(pl.lit("destroyed"))
    at = pl.lit(begin) + pl.duration(days=dice.below(days, "harmed on", *PLACE), hours=9)
    return (
        spare.with_columns(
            kind=kind,
            at=at,
            quantity=pl.lit(-1, dtype=pl.Int64),
            doc=pl.lit(None, dtype=pl.Int64),
            parcel=pl.lit(None, dtype=pl.Int32),
        )
        .drop_nulls("kind")
        .select(MOVE)
    )
