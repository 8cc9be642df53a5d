"""`zhongtai demo`: four weeks of a real retailer, all four feeds, through everything, each figure beside its truth."""

import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli import ingest, listening, up
from cli import rebuild as rebuild_
from cli import serve as serve_
from cli import verify as verify_
from cli.console import err, last_line
from cli.feeds import find
from connectors.clock import SystemClock
from connectors.ingest import files
from connectors.settings import Settings, load
from contracts.errors import BadInput
from pipelines import supervisor_state as states

if TYPE_CHECKING:
    from oneid.scoring import Score
    from pipelines.rebuild.run import Report
    from pipelines.verify import Comparison

MARK = "demo.json"
# (comparison, measure) → what people call it.
HEADLINES = {
    ("totals", "receipts"): ("receipts", "小票"),
    ("totals", "lines"): ("receipt lines", "小票明细"),
    ("totals", "sales_cents"): ("sales, CNY", "销售额"),
    ("receipts", "rows"): ("shops × days", "门店日"),
    ("stock_levels", "movements"): ("stock movements", "库存流水"),
    ("totals", "stock_levels"): ("stock levels", "库存余额"),
    ("totals", "orders"): ("orders, all channels", "全渠道订单"),
    ("totals", "web_lines"): ("web order lines", "网店订单明细"),
    ("totals", "behaviours"): ("clicks and views", "行为事件"),
    ("totals", "warehouse_moves"): ("warehouse moves", "仓库流水"),
    ("totals", "purchase_orders"): ("purchase orders", "采购订单"),
    ("totals", "identifiers"): ("customer tokens", "顾客标识（令牌）"),
    ("totals", "dead_letters"): ("dead letters", "死信"),
}
# What the last line tells, in this order; each is a total of the truth.
FACTS = (
    "receipts", "lines", "sales_cents", "stock_levels", "dead_letters", "orders", "web_lines", "behaviours",
    "warehouse_moves", "purchase_orders", "identifiers",
)  # fmt: skip
# Feed, format, and the folders of the world where its files are, in the order in which they are played.
FEEDS = (
    ("pos", "receipts-jsonl", "pos"),
    ("ecommerce", "shopify", "ecommerce/shopify"),
    ("ecommerce", "segment", "ecommerce/segment"),
    ("wms", "epcis", "wms"),
    ("erp", "debezium", "erp/debezium"),
    ("erp", "csv", "erp/csv*/drop-*"),
)
NEXT = """\
  zhongtai sql "SELECT * FROM dws_trade_store_1d LIMIT 5"   sales by shop and day
  zhongtai sql "SELECT * FROM ads_stock_level LIMIT 5"      stock
  zhongtai dlq list                                         what was refused, and why
  zhongtai trace {example}         one receipt, from its line to the mart
[dim]That is .venv/bin/zhongtai here, or after: source .venv/bin/activate. Without a running Kafka: zhongtai up[/]"""
SETTLE_S = 600


def demo(
    days: Annotated[int, typer.Option(help="Days of receipts to play, 1 to 360.")] = 28,
    scale: Annotated[int, typer.Option(help="Copies of the chain of 457 shops.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed makes the same world.")] = 1,
    serve: Annotated[
        bool, typer.Option(help="Keep everything running at the end, with the console, until Ctrl-C.")
    ] = True,
) -> None:
    """Play weeks of a retailer's four feeds, faults included, through Kafka, the jobs and the warehouse; check every figure.

    It makes its own world in `.zhongtai/` (or ZHONGTAI_HOME), which it will replace the next time; it refuses
    to replace a home that is not a demo's.

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
            err.print("Everything keeps running, and can be looked at. [bold]Ctrl-C[/] stops it.")
            serve_.keep(settings, _door(settings), **facts)
    finally:
        states.shut(settings.home)
    if not serve:
        last_line(**facts)
    if facts["different"]:
        raise typer.Exit(1)


def _play_and_check(settings: Settings, world: Path) -> dict[str, object]:
    """The main job, from the first receipt sent to the last figure compared. Returns the facts of the last line."""
    from pipelines.jobs import groups
    from pipelines.rebuild.run import rebuild
    from pipelines.settled import wait_until_settled
    from pipelines.verify import verify
    from pipelines.verify_members import verify_members
    from pipelines.warehouse.run import run

    started = time.monotonic()
    for feed, form, folders in FEEDS:
        _play(settings, feed, form, sorted((world / "feeds").glob(folders)))
    with _step("Receipts, orders, moves, masters → states of stock and orders, in exact transactions") as say:
        wait_until_settled(settings, groups(settings), SETTLE_S, say)
    with _step("Warehouse: load, model, audit, publish") as say:
        run(settings, say)
    with _step("Comparing every figure with the truth") as say:
        comparisons = verify(settings, world / "truth_all", say)
    with _step("Comparing members with the people behind them"):
        members = verify_members(settings, world / "people")
    with _step("Making state and tables again from the lake, and comparing") as say:
        again = rebuild(settings, say)
    example = max(path.name for path in (world / "feeds" / "pos").iterdir())
    return _summary(comparisons, members, again, time.monotonic() - started, f"{example}:1")


def _play(settings: Settings, feed: str, form: str, folders: list[Path]) -> None:
    started = time.monotonic()
    known = find(feed, form)
    counts = ingest.send(settings, known.open(settings), files(folders, known.suffixes))
    sent = counts.accepted + counts.refused + counts.duplicates
    err.print(
        f"[green]✓[/] Sent {sent:,} records of {feed} ({form}): {counts.duplicates:,} repeats,"
        f" {counts.refused:,} unusable [dim]{time.monotonic() - started:.1f} s[/]"
    )


def _summary(
    comparisons: "list[Comparison]", members: "Score", again: "Report", seconds: float, example: str
) -> dict[str, object]:
    different = sum(len(c.differences) for c in comparisons) + again.different
    checked = sum(c.checked for c in comparisons)
    err.print(_side_by_side(comparisons))
    err.print(_members(members))
    if different:
        err.print(verify_.table(comparisons))
        verify_.show_differences(comparisons)
        err.print(rebuild_.table(again))
        err.print(f"[bold red]{different:,} of {checked + again.rows:,} figures and rows differ.[/]")
    else:
        err.print(
            f"[bold green]All {checked:,} figures agree with the truth, and all {again.rows:,} rows of state and tables with what"
            " the lake makes again.[/] Now ask:"
        )
    err.print(NEXT.format(example=example), soft_wrap=True)
    totals = {t.measure: t.found for c in comparisons if c.name == "totals" for t in c.totals}
    return {
        "demo": "different" if different else "ok",
        "checked": checked,
        "different": different,
        **{name: totals[name] for name in FACTS},
        "members": members.members,
        "over_merged_pct": round(100 * members.over_merged, 3),
        "pair_precision": round(members.precision, 4),
        "pair_recall": round(members.recall, 4),
        "rebuilt": again.rows,
        "seconds": round(seconds, 1),
    }


def _side_by_side(comparisons: "list[Comparison]") -> Table:
    """The sums that people know a retailer by, each beside its truth."""
    totals = {(c.name, t.measure): t for c in comparisons for t in c.totals}
    shown = Table("what", "", "truth", "found", "")
    for column in (2, 3):
        shown.columns[column].justify = "right"
    for place, (english, chinese) in HEADLINES.items():
        total = totals[place]
        figures = (f"{n / 100:,.2f}" if place[1] == "sales_cents" else f"{n:,}" for n in (total.truth, total.found))
        shown.add_row(english, chinese, *figures, "[green]✓[/]" if total.truth == total.found else "[red]✗[/]")
    return shown


def _members(found: "Score") -> Table:
    """Members beside the people behind them. Shares, because who is who cannot always be known from what was shown."""
    from oneid.scoring import LEAST_PRECISION, LEAST_RECALL, MOST_OVER_MERGED

    shown = Table("members", "会员", "goal", "found", "")
    for column in (2, 3):
        shown.columns[column].justify = "right"
    shown.add_row("members of identifiers", "会员 / 标识", "", f"{found.members:,} / {found.seen:,}", "")
    for english, chinese, sign, goal, share, good in (
        (
            "over-merged members",
            "误合并",
            "≤",
            MOST_OVER_MERGED,
            found.over_merged,
            found.over_merged <= MOST_OVER_MERGED,
        ),
        (
            "pairs that are one person's",
            "精确率",
            "≥",
            LEAST_PRECISION,
            found.precision,
            found.precision >= LEAST_PRECISION,
        ),
        ("pairs that were found", "召回率", "≥", LEAST_RECALL, found.recall, found.recall >= LEAST_RECALL),
    ):
        shown.add_row(english, chinese, f"{sign} {goal:.2%}", f"{share:.2%}", "[green]✓[/]" if good else "[red]✗[/]")
    return shown


def _door(settings: Settings) -> socket.socket:
    """Where the console listens: at the address of the settings, or wherever is room on this machine."""
    host, port = listening.address(settings.service)
    try:
        return listening.bind(host, port)
    except BadInput:
        return listening.bind(host, 0)


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
