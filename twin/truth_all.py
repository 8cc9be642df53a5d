"""The answers for all four feeds. Computed from the world, never from the feeds.

What was spoiled is not counted: receipts are sent once, in their spoiled form; every other message is sent well besides.
"""

import polars as pl

from twin.baskets import RETURN, SALE, VOID
from twin.demand import place
from twin.epcis import DOCUMENT_TYPES
from twin.feed import World
from twin.feed_wms import Warehouse
from twin.ledger import entries, levels
from twin.segment import Sent
from twin.truth import Tables
from twin.truth import truth as truth_of_tills
from twin.warehouse import Recorded


def truth_all(
    world: World, receipts: pl.DataFrame, calls: list[Sent], warehouse: Warehouse, erp: Tables, shown: pl.DataFrame,
    refused: pl.DataFrame,
) -> Tables:  # fmt: skip
    """The tables of truth by file name, each ordered by its keys. `receipts` are those that count."""
    tills = truth_of_tills(receipts, world.lines, world.products, world.poison)
    lines = world.lines.join(receipts.select("uid"), on="uid", how="semi")
    tables = {
        "receipts": tills["receipts"],
        "stock_levels": _levels(world, receipts, lines, warehouse),
        "orders": _orders(world, receipts),
        "web_orders": _web_orders(world),
        "behaviours": _behaviours(calls),
        "warehouse_moves": _warehouse_moves(warehouse),
        "visibility": _visibility(warehouse.recorded),
        "identifiers": _identifiers(shown),
        "refused": refused,
        **erp,
    }
    return tables | {"totals": _totals(tables, tills["totals"])}


def _levels(world: World, receipts: pl.DataFrame, lines: pl.DataFrame, warehouse: Warehouse) -> pl.DataFrame:
    found = levels(entries(receipts, lines, world.supply.moves), world.counts).with_columns(location=place())
    # A mistake that was booked and taken back is two entries more, which come to nothing.
    wrong = _entries(warehouse).filter("mistaken").group_by("product_id", "location").agg(more=2 * pl.len())
    return (
        found.join(wrong, on=["product_id", "location"], how="left")
        .join(world.products.select("product_id", "sku"), on="product_id")
        .select(
            "sku", "location", "on_hand", movements=pl.col("movements") + pl.col("more").fill_null(0).cast(pl.Int64)
        )
        .sort("sku", "location")
    )


def _orders(world: World, receipts: pl.DataFrame) -> pl.DataFrame:
    """Orders of both channels by what became of them. A sale at a till is an order; a web order rung up there is none."""
    columns = ("channel", "state", "total_cents", "refunded_cents")
    on_the_web = _web_orders(world).with_columns(channel=pl.lit("web"))
    both = pl.concat([_till_orders(receipts).select(columns), on_the_web.select(columns)])
    return (
        both.group_by("channel", "state")
        .agg(orders=pl.len(), total_cents=pl.col("total_cents").sum(), refunded_cents=pl.col("refunded_cents").sum())
        .sort("channel", "state")
    )


def _till_orders(receipts: pl.DataFrame) -> pl.DataFrame:
    """One row an order. Of one whose sale was refused, only what was undone is known."""
    sold = receipts.filter((pl.col("kind") == SALE) & pl.col("order_id").is_null()).select("uid", "cents")
    undone = receipts.filter(pl.col("kind") != SALE).select(
        uid="original",
        back=pl.when(pl.col("kind") == RETURN).then("cents").otherwise(0),
        voided=pl.when(pl.col("kind") == VOID).then("cents").otherwise(0),
        void=pl.col("kind") == VOID,
    )
    each = undone.group_by("uid").agg(pl.col("back", "voided").sum(), pl.col("void").any())
    orders = sold.join(each, on="uid", how="full", coalesce=True).with_columns(
        pl.col("back", "voided").fill_null(0), pl.col("void").fill_null(False)
    )
    refunded = pl.col("back") + pl.col("voided")
    state = (
        pl.when("void").then(pl.lit("cancelled"))
        .when(pl.col("cents").is_null()).then(pl.lit("unknown"))
        .when((refunded > 0) & (refunded >= pl.col("cents"))).then(pl.lit("refunded"))
        .otherwise(pl.lit("completed"))
    )  # fmt: skip
    return orders.select(
        channel=pl.lit("pos"), state=state, total_cents=pl.col("cents").fill_null(0), refunded_cents=refunded
    )


def _web_orders(world: World) -> pl.DataFrame:
    """One row an order by its number: state, payment and fulfilment when the world ends; lines count single products."""
    items = world.web.items.with_columns(refund=pl.col("cents") * pl.col("back") // pl.col("quantity"))
    money = items.group_by("uid").agg(pl.col("refund").sum())
    lines = world.web.contents.group_by("uid").agg(lines=pl.len().cast(pl.Int64))
    total = pl.col("cents") + pl.col("shipping")
    cancelled, unpaid = pl.col("cancelled").is_not_null(), pl.col("paid").is_null()
    sent = pl.coalesce("shipped", "handed").is_not_null()
    refund = pl.when(cancelled & ~unpaid).then(total).when(pl.col("refunded").is_not_null()).then("refund").otherwise(0)
    payment = (
        pl.when(cancelled & unpaid).then(pl.lit("voided"))
        .when(unpaid).then(pl.lit("pending"))
        .when((pl.col("refunded_cents") > 0) & (pl.col("refunded_cents") >= pl.col("total_cents"))).then(pl.lit("refunded"))
        .when(pl.col("refunded").is_not_null()).then(pl.lit("partially_refunded"))
        .otherwise(pl.lit("paid"))
    )  # fmt: skip
    # A second parcel that is still to come is not known to the shop either: what there is left with the first.
    fulfilment = pl.when(sent).then(pl.lit("fulfilled")).otherwise(pl.lit("none"))
    state = (
        pl.when(cancelled).then(pl.lit("cancelled"))
        .when(pl.col("payment") == "refunded").then(pl.lit("refunded"))
        .when(pl.col("fulfilment") == "fulfilled").then(pl.lit("completed"))
        .otherwise(pl.lit("open"))
    )  # fmt: skip
    return (
        world.web.orders.join(money, on="uid")
        .join(lines, on="uid")
        .with_columns(
            number=pl.format("#{}", "number"), total_cents=total, refunded_cents=refund, fulfilment=fulfilment
        )
        .with_columns(payment=payment)
        .with_columns(state=state)
        .select("number", "state", "payment", "fulfilment", "lines", "total_cents", "refunded_cents")
        .sort("number")
    )


def _behaviours(calls: list[Sent]) -> pl.DataFrame:
    """Calls by kind and name: the event of a track call, the title of a page or screen."""
    bodies = (call.body for line in calls for call in line.calls)
    rows = [(body["type"], body.get("event") or body.get("name") or "") for body in bodies]
    frame = pl.DataFrame(rows, schema={"kind": pl.String, "name": pl.String}, orient="row")
    return frame.group_by("kind", "name").agg(calls=pl.len()).sort("kind", "name")


def _entries(warehouse: Warehouse) -> pl.DataFrame:
    """(product_id, location, document, quantity, mistaken) of all that was booked on hand, mistakes left out of quantity."""
    made = warehouse.recorded
    mistaken = warehouse.taken_back.select("number", mistaken=pl.lit(True))
    moving = made.events.filter(~pl.col("kind").is_in(["count", "picking", "damaged"])).join(
        mistaken, on="number", how="left"
    )
    sign = pl.when(pl.col("kind").is_in(["opening", "receipt", "transfer_in", "web_back"])).then(1).otherwise(-1)
    named = {"opening": "visibility", "destroyed": "visibility", "web_out": "inv", **DOCUMENT_TYPES}
    return made.goods.join(moving, on="number").select(
        "product_id", location=place(), quantity=pl.col("quantity") * sign,
        document=pl.col("kind").replace_strict(list(named), list(named.values()), return_dtype=pl.String),
        mistaken=pl.col("mistaken").fill_null(False),
    )  # fmt: skip


def _warehouse_moves(warehouse: Warehouse) -> pl.DataFrame:
    """Entries that the warehouses made on hand, by place and document; counts are none. A mistake that was booked is one,
    taking it back another, and the correction a third.
    """
    return (
        _entries(warehouse)
        .group_by("location", "document")
        .agg(moves=(1 + 2 * pl.col("mistaken").cast(pl.Int64)).sum(), quantity=pl.col("quantity").sum())
        .sort("location", "document")
    )


def _visibility(recorded: Recorded) -> pl.DataFrame:
    """Events by step. A mistake is an event, its declaration is none of its own, and its correction is another."""
    mistakes = pl.col("wrong").sum()
    return recorded.events.group_by("step").agg(events=pl.len() + mistakes).sort("step")


def _identifiers(shown: pl.DataFrame) -> pl.DataFrame:
    """How often each type of identifier was shown over all feeds, and how many different ones. No values."""
    return shown.group_by("type").agg(shown=pl.col("shown").sum(), identifiers=pl.col("value").n_unique()).sort("type")


def _totals(tables: Tables, tills: pl.DataFrame) -> pl.DataFrame:
    known = dict(tills.iter_rows())
    sums = {
        **{name: known[name] for name in ("lines", "receipts", "sales_cents")},
        "dead_letters": int(tables["refused"]["dead_letters"].sum()),
        "stock_levels": tables["stock_levels"].height,
        "orders": int(tables["orders"]["orders"].sum()),
        "web_lines": int(tables["web_orders"]["lines"].sum()),
        "behaviours": int(tables["behaviours"]["calls"].sum()),
        "warehouse_moves": int(tables["warehouse_moves"]["moves"].sum()),
        "purchase_orders": int(tables["purchase_orders"]["orders"].sum()),
        "identifiers": int(tables["identifiers"]["identifiers"].sum()),
    }
    return pl.DataFrame({"name": sorted(sums), "value": [sums[name] for name in sorted(sums)]})
