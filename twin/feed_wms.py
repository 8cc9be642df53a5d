"""The warehouses' feed: EPCIS events one a line, and those of each inspection as a document, with their faults."""

from collections import defaultdict
from datetime import date, datetime
from pathlib import Path

import msgspec
import polars as pl

from twin.epcis import Event, document, events
from twin.faults import Rates, in_feed_order
from twin.feed import World
from twin.sending import Message, Refusal, dice_of, send, spoil
from twin.spoilt_wms import EPCIS
from twin.warehouse import Recorded, recorded

# What inspectors note is handed over as a document at the end of the day.
IN_DOCUMENTS = ("damaged", "destroyed")


class Warehouse(msgspec.Struct, frozen=True):
    """`taken_back`: the recorded events of which a mistake arrived before it was declared one."""

    recorded: Recorded
    taken_back: pl.DataFrame
    refused: dict[str, list[Refusal]]


def write(folder: Path, world: World, rates: Rates, seed: int) -> Warehouse:
    """Writes folder/events-<day>.ndjson and folder/inspections-<day>.jsonld."""
    dice = dice_of(seed, "wms")
    made = recorded(world.supply, world.counts, world.products, dice)
    told = list(events(made, world.products))
    single = [Message(e.uid, e.at, e.body) for e in told if e.kind not in IN_DOCUMENTS]
    spoiled = spoil(single, EPCIS, rates.poison, dice)
    refused, sent = send(folder, "events-{day}.ndjson", single, spoiled, world.days, rates, dice)
    for day, noted in sorted(_by_day(told).items()):
        body = document([e.body for e in noted], max(e.at for e in noted))
        (folder / f"inspections-{day.isoformat()}.jsonld").write_bytes(body + b"\n")
    return Warehouse(made, _taken_back(told, sent), {"epcis": refused})


def _taken_back(told: list[Event], sent: pl.DataFrame) -> pl.DataFrame:
    """(number) of the mistakes that were booked and had to be taken back: one that is declared first is never booked."""
    place = in_feed_order(sent.filter(~pl.col("again"))).with_row_index("place").select("uid", "place")
    rows = [(e.uid, e.number, e.role) for e in told if e.role in ("mistake", "declaration")]
    said = pl.DataFrame(rows, schema={"uid": pl.Int64, "number": pl.Int64, "role": pl.String}, orient="row").join(
        place, on="uid"
    )
    first = said.filter(pl.col("role") == "mistake").join(
        said.filter(pl.col("role") == "declaration").select("number", declared="place"), on="number"
    )
    return first.filter(pl.col("place") < pl.col("declared")).select("number").sort("number")


def _by_day(told: list[Event]) -> dict[date, list[Event]]:
    days: dict[date, list[Event]] = defaultdict(list)
    for event in told:
        if event.kind in IN_DOCUMENTS:
            days[datetime.date(event.at)].append(event)
    return days
