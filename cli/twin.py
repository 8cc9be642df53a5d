"""`zhongtai twin make`: a retail world with known truth."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.console import err, last_line

app = typer.Typer(
    help="Make a retail world with known truth: feeds, their faults, and the answers.", no_args_is_help=True
)


@app.callback()
def twin() -> None:
    """Make a retail world with known truth: feeds, their faults, and the answers."""


@app.command()
def make(
    *,
    out: Annotated[Path, typer.Option(help="The folder to make. Replaced only if it is a twin world.")],
    days: Annotated[int, typer.Option(help="How many days to play, 1 to 360; the last one is the base date.")] = 28,
    scale: Annotated[int, typer.Option(help="Copies of the chain; one makes about 425 receipts a day.")] = 1,
    seed: Annotated[int, typer.Option(help="Same seed and options, same bytes.")] = 1,
    base_date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day. Default: today in the shops (+08:00).")
    ] = None,
    duplicates: Annotated[float, typer.Option(help="Share of receipts that are sent again, same bytes.")] = 0.02,
    out_of_order: Annotated[float, typer.Option(help="Share of receipts that arrive late.")] = 0.05,
    poison: Annotated[
        float, typer.Option(help="Share of receipts that must be refused; each kind at least once. 0: none.")
    ] = 0.001,
    feeds: Annotated[
        Literal["all", "pos"], typer.Option(help="Make all four, or the tills' alone, which is quicker.")
    ] = "all",
) -> None:
    """Make a world from real baskets: four feeds with faults, and the truth to compare with.

    Real: baskets, products, amounts, discounts, coupons, times of day. Invented: people and their identifiers, tills,
    web orders and visits, warehouses, purchases, the ERP's tables, and every fault. docs/twin.md says how.

    Try:  zhongtai twin make --days 3 --out world
          head -1 world/feeds/pos/*.jsonl        what a till sends
          ls world/feeds/*                       the web shop, the warehouses and the ERP
          cat world/answers/poison.csv           what must be refused, and why
          cat world/truth/totals.csv             what the tills must add up to
          cat world/truth_all/totals.csv         what all four feeds must add up to
    """
    from rich.progress import Progress

    from connectors.clock import SystemClock
    from twin.baskets import SHOP_ZONE
    from twin.faults import Rates
    from twin.world import Recipe
    from twin.world import make as make_world

    base = (base_date or SystemClock().now().astimezone(SHOP_ZONE)).date()
    rates = Rates(duplicates=duplicates, out_of_order=out_of_order, poison=poison)
    recipe = Recipe(base_date=base, days=days, scale=scale, seed=seed, rates=rates, feeds=feeds)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("products")
        counts = make_world(
            recipe, out, lambda what, done, of: bar.update(task, description=what, completed=done, total=of)
        )
    err.print(f"{days} days up to {base}: {counts.receipts} receipts, {counts.poison} poison, in {out}", soft_wrap=True)
    last_line(**{f: getattr(counts, f) for f in counts.__struct_fields__}, days=days, seed=seed)
