"""What the warehouse system records: one event for each batch of goods that was moved, opened, found or counted together.

Columns of events, ordered by at, number: number, at, kind (a kind of move, or `count`, `picking`, `order`), loc, copy, other (the
other place of a transfer, the supplier of a receipt, else null), doc, step, action, disposition, started (of a count), carrier
(the goods are told as the load of a pallet), wrong (a first recording with a mistake, which a later one replaces).
Columns of goods, ordered by number, line: number, line, product_id, quantity (base units, not signed), lot, expires, digital
(named by a Digital Link), cases (told in cases of this many; 0: in pieces).
"""

import msgspec
import polars as pl

from twin.dice import Dice
from twin.supply import Supply

# Kind → CBV business step, action, disposition.
STEPS = {
    "opening": ("commissioning", "ADD", "active"),
    "receipt": ("receiving", "OBSERVE", "in_progress"),
    "transfer_out": ("shipping", "OBSERVE", "in_transit"),
    "transfer_in": ("receiving", "OBSERVE", "sellable_accessible"),
    "picking": ("picking", "OBSERVE", "in_progress"),
    "web_out": ("shipping", "OBSERVE", "in_transit"),
    "web_back": ("receiving", "OBSERVE", "returned"),
    "damaged": ("inspecting", "OBSERVE", "damaged"),
    "destroyed": ("destroying", "DELETE", "destroyed"),
    "count": ("cycle_counting", "OBSERVE", "sellable_accessible"),
}
MOST_IN_EVENT = 500
ON_PALLETS, MISTAKEN, DIGITAL, IN_CASES = 0.25, 0.03, 0.3, 0.5
PICKED = 0.5
EVENT = ["kind", "at", "loc", "copy", "doc", "parcel", "part"]


class Recorded(msgspec.Struct, frozen=True):
    """See the module for the columns."""

    events: pl.DataFrame
    goods: pl.DataFrame


def recorded(supplied: Supply, counted: pl.DataFrame, products: pl.DataFrame, dice: Dice) -> Recorded:
    rows = pl.concat([supplied.moves, _picking(supplied.moves, dice), _counted(counted)], how="diagonal_relaxed")
    rows = rows.sort(*EVENT[:-1], "product_id").with_columns(
        part=pl.int_range(pl.len(), dtype=pl.Int64).over(EVENT[:-1]) // MOST_IN_EVENT
    )
    events = (
        rows.group_by(EVENT)
        .agg(pl.col("started").first())
        .sort("at", *EVENT)
        .with_row_index("number", offset=1)
        .with_columns(pl.col("number").cast(pl.Int64))
    )
    goods = (
        rows.join(events.select("number", *EVENT), on=EVENT, nulls_equal=True)
        .sort("number", "product_id")
        .with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("number"))
    )
    return Recorded(_described(events, supplied, dice), _labelled(goods, products, dice))


def _picking(moves: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Half of the parcels are seen being picked, an hour before they leave. Nothing moves by it."""
    parcels = moves.filter((pl.col("kind") == "web_out") & (pl.col("loc") > 90_000))
    picked = parcels.filter(dice.unit("picking", "doc", "parcel") < PICKED)
    return picked.with_columns(kind=pl.lit("picking"), at=pl.col("at") - pl.duration(hours=1))


def _counted(counted: pl.DataFrame) -> pl.DataFrame:
    return counted.select(
        "product_id", "loc", "copy", "started", "at", kind=pl.lit("count"), quantity="counted", doc="sheet",
        parcel=pl.lit(None, dtype=pl.Int32),
    )  # fmt: skip


def _described(events: pl.DataFrame, supplied: Supply, dice: Dice) -> pl.DataFrame:
    transfers = supplied.transfers.select(doc="transfer", shop="to", centre="loc")
    suppliers = supplied.purchases.select(doc="purchase", supplier=pl.col("supplier").cast(pl.Int64))
    carried = pl.col("kind").is_in(["transfer_out", "transfer_in"])
    step, action, disposition = (
        pl.col("kind").replace_strict(list(STEPS), [words[n] for words in STEPS.values()], return_dtype=pl.String)
        for n in range(3)
    )
    mistaken = pl.col("kind").is_in(["receipt", "transfer_in"]) & (dice.unit("mistaken", "number") < MISTAKEN)
    return (
        events.join(transfers, on="doc", how="left", maintain_order="left")
        .join(suppliers, on="doc", how="left", maintain_order="left")
        .with_columns(
            other=pl.when(pl.col("kind") == "transfer_out").then("shop")
            .when(pl.col("kind") == "transfer_in").then("centre")
            .when(pl.col("kind") == "receipt").then("supplier"),
            step=step, action=action, disposition=disposition,
            carrier=carried & (dice.unit("on pallets", "doc") < ON_PALLETS),
            wrong=mistaken,
        )
        .drop("shop", "centre", "supplier")
        .sort("number")
    )  # fmt: skip


def _labelled(goods: pl.DataFrame, products: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Adds how the goods are named and counted: lots for what suppliers bring, cases where they come out even."""
    case = products.select("product_id", pl.col("case").cast(pl.Int64))
    lotted = pl.col("kind") == "receipt"
    even = (pl.col("case") > 0) & (pl.col("quantity").abs() % pl.col("case") == 0) & (pl.col("quantity") != 0)
    expires = pl.col("at").dt.date() + pl.duration(days=20 + dice.below(340, "keeps", "product_id"))
    return goods.join(case, on="product_id", how="left", maintain_order="left").select(
        "number", "line", "product_id",
        quantity=pl.col("quantity").abs(),
        lot=pl.when(lotted).then(pl.format("L{}{}", pl.col("at").dt.strftime("%y%m%d"), 1 + dice.below(9, "lot", "product_id"))),
        expires=pl.when(lotted).then(expires),
        digital=lotted & (dice.unit("digital link", "product_id") < DIGITAL),
        cases=pl.when(even & (dice.unit("told in cases", "number", "line") < IN_CASES)).then("case").otherwise(0),
    )  # fmt: skip
