"""The warehouses' feed: EPCIS events one a line, and those of each inspection as a document, with their faults."""

from collections import defaultdict
from datetime import date, datetime
from pathlib import Path

import msgspec

from twin.epcis import Event, document, events
from twin.faults import Rates
from twin.feed import World
from twin.sending import Message, Refusal, dice_of, send, spoil
from twin.spoilt_wms import EPCIS
from twin.warehouse import Recorded, recorded

# What inspectors note is handed over as a document at the end of the day.
IN_DOCUMENTS = ("damaged", "destroyed")


class Warehouse(msgspec.Struct, frozen=True):
    recorded: Recorded
    refused: dict[str, list[Refusal]]


def write(folder: Path, world: World, rates: Rates, seed: int) -> Warehouse:
    """Writes folder/events-<day>.ndjson and folder/inspections-<day>.jsonld."""
    dice = dice_of(seed, "wms")
    made = recorded(world.supply, world.counts, world.products, dice)
    told = list(events(made, world.products))
    single = [Message(e.uid, e.at, e.body) for e in told if e.kind not in IN_DOCUMENTS]
    spoiled = spoil(single, EPCIS, rates.poison, dice)
    refused, _ = send(folder, "events-{day}.ndjson", single, spoiled, world.days, rates, dice)
    for day, noted in sorted(_by_day(told).items()):
        body = document([e.body for e in noted], max(e.at for e in noted))
        (folder / f"inspections-{day.isoformat()}.jsonld").write_bytes(body + b"\n")
    return Warehouse(made, {"epcis": refused})


def _by_day(told: list[Event]) -> dict[date, list[Event]]:
    days: dict[date, list[Event]] = defaultdict(list)
    for event in told:
        if event.kind in IN_DOCUMENTS:
            days[datetime.date(event.at)].append(event)
    return days
