"""`zhongtai demo`: four weeks of a real retailer's receipts, through everything, each figure beside its truth."""

import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import ingest, up
from cli import verify as verify_
from cli.console import err, last_line
from connectors.clock import SystemClock
from connectors.settings import Settings, load
from contracts.errors import BadInput
from pipelines import supervisor_state as states

if TYPE_CHECKING:
    from pipelines.verify import Comparison

MARK = "demo.json"
NEXT = """\
  zhongtai sql "SELECT * FROM dws_trade_store_1d LIMIT 5"    sales by shop and day
  zhongtai sql "SELECT * FROM ads_stock_level LIMIT 5"       stock
  zhongtai dlq list                                          refused, and why
  zhongtai trace FILE:LINE                                   one receipt, from its line to the mart
  zhongtai status                                            what runs
[dim]In this folder that is .venv/bin/zhongtai, or after: source .venv/bin/activate[/]"""
SETTLE_S = 600


def demo(
    days: Annotated[int, typer.Option(help="Days of receipts to play, 1 to 360.")] = 28,
    scale: Annotated[int, typer.Option(help="Copies of the chain of 457 shops.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed makes the same world.")] = 1,
    serve: Annotated[bool, typer.Option(help="Keep everything running at the end, until Ctrl-C.")] = True,
) -> None:
    """Play weeks of real baskets, faults included, through Kafka, the jobs and the warehouse, and check every figure.

    It makes its own world in `.zhongtai/` (or ZHONGTAI_HOME), which it will replace the next time; it refuses to
    replace a home that is not a demo's.

    Exit status: 0 everything agrees, 1 something differs.
    """
    from twin.world import Recipe, make

    settings = load()
    _clear(settings.home)
    world = settings.home / "twin"
    with _step("Making a retailer: real baskets, shops, tills, members and faults"):
        make(Recipe(base_date=SystemClock().now().astimezone().date(), days=days, scale=scale, seed=seed), world)
    shutil.copytree(world / "reference", settings.home / "reference")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that whatever ends us, nothing is left running
    try:
        with _step("Starting Kafka and the stream jobs"):
            up.bring_up(settings)
        facts = _play_and_check(settings, world)
        if serve:
            err.print("Everything keeps running. [bold]Ctrl-C[/] stops it.")
            last_line(**facts)
            _wait()
    finally:
        states.shut(settings.home)
    if not serve:
        last_line(**facts)
    if facts["different"]:
        raise typer.Exit(1)


def _play_and_check(settings: Settings, world: Path) -> dict[str, object]:
    """The main job, from the first receipt sent to the last figure compared. Returns the facts of the last line."""
    from pipelines.jobs import groups
    from pipelines.settled import wait_until_settled
    from pipelines.verify import verify
    from pipelines.warehouse.run import run

    started = time.monotonic()
    counts = ingest.send(settings, sorted((world / "feeds" / "pos").glob("*.jsonl")))
    sent = counts.accepted + counts.refused + counts.duplicates
    err.print(f"[green]✓[/] Sent {sent:,} lines: {counts.duplicates:,} repeats, {counts.refused:,} unusable")
    with _step("Receipts → stock movements → stock levels, in exact transactions") as say:
        wait_until_settled(settings, groups(settings), SETTLE_S, say)
    with _step("Warehouse: load, model, audit, publish") as say:
        run(settings, say)
    with _step("Comparing every figure with the truth") as say:
        comparisons = verify(settings, world / "truth", say)
    seconds = time.monotonic() - started
    return _summary(comparisons, seconds)


def _summary(comparisons: "list[Comparison]", seconds: float) -> dict[str, object]:
    err.print(verify_.table(comparisons))
    verify_.show_differences(comparisons)
    different = sum(len(c.differences) for c in comparisons)
    err.print("[bold red]Something differs.[/]" if different else "[bold green]Everything agrees.[/] Now ask:")
    err.print(NEXT)
    totals = {t.measure: t.found for c in comparisons if c.name == "totals" for t in c.totals}
    names = ("receipts", "lines", "sales_cents", "stock_levels", "dead_letters")
    return {
        "demo": "different" if different else "ok",
        "checked": sum(c.checked for c in comparisons),
        "different": different,
        **{name: totals[name] for name in names},
        "seconds": round(seconds, 1),
    }


def _wait() -> None:
    """Until Ctrl-C or SIGTERM."""
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


@contextmanager
def _step(what: str) -> Iterator[Callable[[str], None]]:
    """One line of progress on standard error, with its seconds when it is done."""
    started = time.monotonic()
    with err.status(what) as status:
        yield lambda now: status.update(f"{what}: {now}")
    err.print(f"[green]✓[/] {what} [dim]{time.monotonic() - started:.1f} s[/]")


def _clear(home: Path) -> None:
    """Leaves an empty home that is marked as a demo's. Raises `BadInput` for a home that holds anything else."""
    if home.exists() and any(home.iterdir()) and not (home / MARK).exists():
        raise BadInput(
            f"{home} holds something that is not a demo.",
            "Choose another home: ZHONGTAI_HOME=/some/folder zhongtai demo",
        )
    if home.exists():
        states.shut(home)
        shutil.rmtree(home)
    home.mkdir(parents=True)
    (home / MARK).write_text('{"made by": "zhongtai demo, which replaces this folder"}\n')
