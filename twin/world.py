"""Making a world: real baskets → what people did → four feeds and their faults → answers, in one folder, whole or not at all.

DIR/world.json                       what it was made from, and what is in it
DIR/reference/*.jsonl                the product and location reference files
DIR/feeds/pos/                       what the tills sent, faults included
DIR/feeds/ecommerce/, wms/, erp/     what the web shop, the warehouses and the ERP sent
DIR/answers/*.csv                    which lines must be refused, with which code: poison.csv of the tills, <format>.csv of the rest
DIR/repaired/*.jsonl                 what those lines should have been
DIR/truth/, truth_repaired/          what the tills' feed alone must add up to, before and after those lines are repaired
DIR/truth_all/, truth_all_repaired/  what all four feeds must add up to
DIR/people/                          who is who: for judging the resolution of identities
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from contracts.errors import BadInput
from twin.baskets import basket_lines, window
from twin.demand import demand
from twin.dice import Dice
from twin.faults import Rates, arrivals, out_of_order, poisoned
from twin.feed import World, answers_csv, repaired_jsonl, write_feed
from twin.feed_others import write_others
from twin.ledger import counts, entries
from twin.people import people
from twin.products import products, reference
from twin.receipts import receipts_and_lines
from twin.supply import supply
from twin.truth import Tables, truth
from twin.web import moves, web

MARK = "world.json"
Feeds = Literal["all", "pos"]
Progress = Callable[[str, int, int], None]


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that a world is made from: equal recipes make equal bytes."""

    base_date: date
    days: int = 28
    scale: int = 1
    seed: int = 1
    rates: Rates = Rates()
    feeds: Feeds = "all"


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a world, without what must be refused. The first four are those of truth/; what follows `out_of_order`
    is that of truth_all/, or 0 where there are no other feeds than the tills'.
    """

    receipts: int
    lines: int
    sales_cents: int
    stock_levels: int
    poison: int
    duplicates: int
    out_of_order: int
    orders: int = 0
    web_lines: int = 0
    behaviours: int = 0
    warehouse_moves: int = 0
    purchase_orders: int = 0
    identifiers: int = 0


def _silent(_what: str, _done: int, _of: int) -> None:
    pass


def make(recipe: Recipe, out: Path, progress: Progress = _silent) -> Counts:
    """Makes the world of `recipe` in `out`, which is replaced if it is a twin world.

    `out` appears whole or stays as it was. Raises `BadInput` for a recipe that cannot be, and for an `out` that is
    something else. Calls `progress` with what is being done, and how far it is.
    """
    _refuse_other_folders(out)
    progress("receipts", 0, 1)
    world = play(recipe)
    with _replacing(out) as folder:
        progress("truth", 0, 1)
        _write(folder / "reference" / "products-1.jsonl", reference(world.products, world.web))
        accepted = world.receipts.join(world.poison, on="uid", how="anti", maintain_order="left")
        counted = truth(accepted, world.lines, world.products, world.poison)
        _write_tables(folder / "truth", counted)
        _write_tables(folder / "truth_repaired", truth(world.receipts, world.lines, world.products, world.poison))

        feed = folder / "feeds" / "pos"
        feed.mkdir(parents=True)
        steps = iter(range(1, recipe.days + 1))
        spoiled = write_feed(feed, world, lambda: progress("feeds", next(steps), recipe.days))
        _write(folder / "answers" / "poison.csv", answers_csv(spoiled))
        _write(folder / "repaired" / "pos.jsonl", repaired_jsonl(spoiled))
        totals = counted["totals"]
        if recipe.feeds == "all":
            totals = write_others(folder, world, accepted, recipe.rates, recipe.seed, progress)
        counts = _counts(dict(totals.iter_rows()) | dict(counted["totals"].iter_rows()), world.arrivals, len(spoiled))
        _write(folder / MARK, _mark(recipe, counts))
    return counts


def play(recipe: Recipe) -> World:
    """What happened in the shops, and how it reached us. Writes nothing."""
    during = window(recipe.base_date, recipe.days)
    dice = Dice(recipe.seed)
    known = products(dice)
    bought = basket_lines(during, recipe.scale)
    who = people(bought.select("household_id", "copy").unique(), recipe.days, dice)
    wanted = demand(bought, known, who, during, dice)
    ordered = web(wanted, known, during, dice)
    receipts, lines = receipts_and_lines(wanted, ordered.orders, known, who, during, dice)
    stocked = supply(receipts, lines, moves(ordered), wanted.outs, known, during, dice)
    counted = counts(entries(receipts, lines, stocked.moves), known, during, dice)
    poison = poisoned(receipts, lines, recipe.rates.poison, dice)
    sent = arrivals(receipts, poison, during.days, recipe.rates, dice)
    return World(during.days, who, wanted, ordered, stocked, counted, known, receipts, lines, poison, sent)


def _counts(totals: dict[str, int], sent: pl.DataFrame, poison: int) -> Counts:
    found = {name: value for name, value in totals.items() if name in Counts.__struct_fields__}
    again, late = int(sent["again"].sum()), out_of_order(sent)
    return Counts(**found, poison=poison, duplicates=again, out_of_order=late)


def _mark(recipe: Recipe, counts: Counts) -> bytes:
    facts = {**msgspec.to_builtins(recipe), "counts": msgspec.to_builtins(counts)}
    return (json.dumps(facts, indent=2) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_tables(folder: Path, tables: Tables) -> None:
    folder.mkdir()
    for name, table in tables.items():
        table.write_csv(folder / f"{name}.csv")


def _refuse_other_folders(out: Path) -> None:
    if not out.exists():
        return
    try:
        is_world = {"seed", "days", "scale", "base_date", "counts"} <= json.loads((out / MARK).read_bytes()).keys()
    except (OSError, ValueError, AttributeError):
        is_world = False
    if not is_world:
        raise BadInput(f"{out} exists and is not a twin world.", "Give --out a new folder, or remove this one.")


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place at the end, or is removed if anything fails on the way."""
    out = out.absolute()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise BadInput(
            f"Nothing can be written in {out.parent}: {error.strerror}.", "Give --out another place."
        ) from None
    made = beside / "made"
    try:
        made.mkdir()
        yield made
        _exchange(made, out, beside / "old")
    finally:
        shutil.rmtree(beside)


def _exchange(made: Path, out: Path, old: Path) -> None:
    """Puts `made` in the place of `out`; if that fails, what was in `out` is there again."""
    if out.exists():
        out.rename(old)
    try:
        made.rename(out)
    except BaseException:
        if old.exists():
            old.rename(out)
        raise
