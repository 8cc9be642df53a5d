"""The feeds of the web shop, the warehouses and the ERP, and the truth of all four."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl

from twin import feed_erp, feed_web, feed_wms
from twin.demand import place
from twin.epcis import gln
from twin.faults import Rates
from twin.feed import World
from twin.masters import places
from twin.members_truth import people_table, shown
from twin.sending import Refusal
from twin.truth import Tables
from twin.truth_all import truth_all

# Format → the feed whose dead letters its refusals become.
FEED_OF = {"shopify": "ecommerce", "segment": "ecommerce", "epcis": "wms", "debezium": "erp", "csv": "erp"}


def write_others(
    folder: Path,
    world: World,
    accepted: pl.DataFrame,
    rates: Rates,
    seed: int,
    progress: Callable[[str, int, int], None],
) -> pl.DataFrame:
    """Writes the three feeds, answers, repaired forms, reference files and all truth into `folder`. Returns the totals."""
    progress("web shop", 0, 3)
    web = feed_web.write(folder / "feeds" / "ecommerce", world, rates, seed)
    progress("warehouses", 1, 3)
    wms = feed_wms.write(folder / "feeds" / "wms", world, rates, seed)
    progress("ERP", 2, 3)
    erp = feed_erp.write(folder / "feeds" / "erp", world, rates, seed)
    progress("truth", 3, 3)
    _write_locations(folder / "reference" / "locations-1.jsonl", world)

    refused = web.refused | wms.refused | erp.refused
    for form, found in refused.items():
        _write_answers(folder, form, found)
    letters = _refused(world, refused)
    who = shown(world, accepted, web.told, web.calls)
    tables = truth_all(world, accepted, web.calls, wms, erp.truth, who, letters)
    _write_tables(folder / "truth_all", tables)
    everybody = shown(world, world.receipts, web.told, web.calls)
    mended = truth_all(world, world.receipts, web.calls, wms, erp.truth, everybody, letters)
    _write_tables(folder / "truth_all_repaired", mended)
    unseen = {"lost_demand": _lost(world), "stock_outs": _stock_outs(world), "corrections": _corrections(world)}
    _write_tables(folder / "unseen", unseen)
    _write_tables(folder / "people", {"shown": who, "people": people_table(world)})
    return tables["totals"]


def _write_tables(folder: Path, tables: Tables) -> None:
    folder.mkdir()
    for name, table in tables.items():
        table.write_csv(folder / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%S+08:00")


def _write_answers(folder: Path, form: str, found: list[Refusal]) -> None:
    rows = [f"{r.file},{r.line},{r.code}\n" for r in found]
    (folder / "answers" / f"{form}.csv").write_text("".join(["file,line,code\n", *rows]))
    repaired = [r for r in found if r.original]
    if repaired:
        lines = ({"original": b64encode(r.original).decode(), "repaired": msgspec.Raw(r.repaired)} for r in repaired)
        text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        (folder / "repaired" / f"{form}.jsonl").write_bytes(text)


def _refused(world: World, refused: dict[str, list[Refusal]]) -> pl.DataFrame:
    """Dead letters by feed and code."""
    rows = [("pos", code) for code in world.poison["code"]]
    rows += [(FEED_OF[form], r.code) for form, found in refused.items() for r in found]
    frame = pl.DataFrame(rows, schema={"feed": pl.String, "code": pl.String}, orient="row")
    return frame.group_by("feed", "code").agg(dead_letters=pl.len()).sort("feed", "code")


def _write_locations(path: Path, world: World) -> None:
    lines = (
        {
            "location": code,
            "kind": "warehouse" if code.startswith("D") else "store",
            "glns": [gln(loc, copy)],
            "name": code,
        }
        for loc, copy, code in places(world).rows()
    )
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def _lost(world: World) -> pl.DataFrame:
    """Demand that found an empty shelf, by product, place and day: lines, base units, and what they would have brought."""
    return (
        world.wanted.lost.with_columns(location=place(), date=pl.col("at").dt.date())
        .join(world.products.select("product_id", "sku"), on="product_id")
        .group_by("sku", "location", "date")
        .agg(
            lines=pl.len(), quantity=pl.col("quantity").cast(pl.Int64).sum(), cents=pl.col("cents").cast(pl.Int64).sum()
        )
        .sort("sku", "location", "date")
    )


def _stock_outs(world: World) -> pl.DataFrame:
    """When a shelf was empty, from a moment until another."""
    named = world.wanted.outs.with_columns(location=place()).join(
        world.products.select("product_id", "sku"), on="product_id"
    )
    return named.select("sku", "location", "since", "until").sort("sku", "location")


def _corrections(world: World) -> pl.DataFrame:
    """What counts found that was not as it was booked."""
    off = world.counts.filter(pl.col("book") != pl.col("counted"))
    return (
        off.with_columns(location=place())
        .join(world.products.select("product_id", "sku"), on="product_id")
        .select("sku", "location", "at", "book", "counted")
        .sort("sku", "location")
    )
