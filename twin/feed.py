"""The feed files: one per day of arrival, written day by day, so that memory holds the text of a few days only."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from twin.demand import Demand
from twin.faults import in_feed_order
from twin.poison import good_object, spoiled
from twin.render import receipts_text, with_originals
from twin.supply import Supply
from twin.web import Web


class World(msgspec.Struct, frozen=True):
    """A played world: its frames are described in twin.receipts, products, faults, people, demand, web, supply and ledger."""

    days: list[date]
    people: pl.DataFrame
    wanted: Demand
    web: Web
    supply: Supply
    counts: pl.DataFrame
    products: pl.DataFrame
    receipts: pl.DataFrame
    lines: pl.DataFrame
    poison: pl.DataFrame
    arrivals: pl.DataFrame


class Poison(NamedTuple):
    """One spoiled line: where it stands in the feed, its code, its bytes, and what it should have been."""

    file: str
    line: int
    code: str
    original: bytes
    repaired: dict[str, Any]


def file_name(day: date) -> str:
    return f"receipts-{day.isoformat()}.jsonl"


def write_feed(folder: Path, world: World, step: Callable[[], None]) -> list[Poison]:
    """Writes a file for each day, and returns the poison in feed order. Calls `step` after each file."""
    found: list[Poison] = []
    codes = dict(world.poison.iter_rows())
    for day, sent in _sent_by_day(world):
        texts = sent["text"].to_list()
        whole = [text.encode() for text in texts]
        for at, uid in enumerate(sent["uid"].to_list()):
            if uid in codes:
                whole[at] = spoiled(codes[uid], texts[at])
                found.append(Poison(file_name(day), at + 1, codes[uid], whole[at], good_object(texts[at])))
        (folder / file_name(day)).write_bytes(b"".join(line + b"\n" for line in whole))
        step()
    return found


def _sent_by_day(world: World) -> Iterator[tuple[date, pl.DataFrame]]:
    """For each day, (uid, text) of what arrives on it, in feed order. What is sent later waits, as text."""
    made = with_originals(world.receipts).partition_by("date", as_dict=True)
    dated = world.lines.join(world.receipts.select("uid", "date"), on="uid", maintain_order="left")
    bought = dated.partition_by("date", as_dict=True)
    sent = world.arrivals.partition_by("date", as_dict=True)
    waiting: list[pl.DataFrame] = []
    for day in world.days:
        if (day,) in made:
            text = receipts_text(made[day,], bought[day,], world.products)
            waiting.append(sent[day,].join(text, on="uid"))
        today = [w.filter(pl.col("file") == day) for w in waiting]
        waiting = [w for w in (w.filter(pl.col("file") > day) for w in waiting) if w.height]
        if today:
            yield day, in_feed_order(pl.concat(today))
        else:
            yield day, pl.DataFrame(schema={"uid": pl.Int64, "text": pl.String})


def answers_csv(poison: list[Poison]) -> bytes:
    """file, line (from 1) and code of each spoiled line."""
    return "".join(["file,line,code\n", *(f"{p.file},{p.line},{p.code}\n" for p in poison)]).encode()


def repaired_jsonl(poison: list[Poison]) -> bytes:
    """For each spoiled line, its bytes in base64 and the receipt that it should have been."""
    encode = msgspec.json.encode
    return b"".join(
        encode({"original": b64encode(p.original).decode(), "repaired": p.repaired}) + b"\n" for p in poison
    )
