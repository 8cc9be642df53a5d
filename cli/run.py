"""`zhongtai run`: brings the topics into the lake, builds the tables and publishes them."""

import re
import signal
import threading
import time
from datetime import date
from typing import Annotated

import typer

from cli.console import complain, err, last_line
from connectors.settings import Settings, load
from contracts.errors import BadInput, NotReady

_EVERY = re.compile(r"^(\d+)(s|m|h)$")
WAIT_S = 600
_SECONDS = {"s": 1, "m": 60, "h": 3600}
Days = tuple[date, date] | None


def run(
    every: Annotated[
        str,
        typer.Option(help="Run again and again, from start to start this long: a number and s, m or h, such as 10s."),
    ] = "",
    fresh: Annotated[
        bool, typer.Option(help="Load everything again from the topics. The lake so far is set aside.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="First wait until the jobs have done all that there is.")
    ] = False,
    from_: Annotated[str, typer.Option("--from", help="Build again from this business day on (YYYY-MM-DD).")] = "",
    to: Annotated[str, typer.Option("--to", help="… up to this one. Default: the day of --from.")] = "",
    plan: Annotated[bool, typer.Option("--plan", help="Only say what would be loaded and built.")] = False,
) -> None:
    """Load what is new into the lake, build the days that it touches, audit them, publish.

    What the jobs have not come to yet is not in it; --wait waits for them.
    It may be killed at any moment: the next run goes on where it was.

        zhongtai run --every 1m\n
        zhongtai run --from 2026-11-01 --to 2026-11-07\n
        zhongtai run --plan

    Exit status, for schedulers: 0 published, or nothing was new; 1 an audit
    failed and the version before stays (mend the rows); 2 the options or the
    settings cannot be used; 4 Kafka does not answer or another run is under
    way (try again later); 5 the lake or a topic cannot be trusted (call a
    person).
    """
    settings = load()
    days = business_days(from_, to)
    if (every and (days or plan)) or (plan and fresh):
        raise BadInput(
            "These options do not go together.", "--every takes --wait or --fresh; --plan takes --from, --to."
        )
    if wait:
        _await_jobs(settings)
    if plan:
        _plan(settings, days)
    elif every:
        _again_and_again(settings, seconds(every), fresh)
    else:
        _once(settings, fresh, days)


def _again_and_again(settings: Settings, pause: int, fresh: bool) -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A round that has begun is finished: it takes seconds, and the next start need not repeat it.
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        began = time.monotonic()
        try:
            _once(settings, fresh, None)
            fresh = False
        except NotReady as error:
            # A broker that restarts is no reason to stop for good.
            complain(error)
        stop.wait(max(0.0, pause - (time.monotonic() - began)))


def _await_jobs(settings: Settings) -> None:
    from pipelines.jobs import groups
    from pipelines.settled import wait_until_settled

    with err.status("waiting for the jobs") as status:
        wait_until_settled(settings, groups(settings), WAIT_S, status.update)


def seconds(every: str) -> int:
    """`10s`, `1m` or `2h` in seconds. Raises `BadInput` for anything else."""
    match = _EVERY.match(every)
    if not match or not int(match[1]):
        raise BadInput(f"--every {every} is not a length of time.", "Write 10s, 1m or 2h.")
    return int(match[1]) * _SECONDS[match[2]]


def business_days(first: str, last: str) -> Days:
    """The first and the last day to build again; None when none was given. Raises `BadInput` for days that cannot be."""
    if not first and not last:
        return None
    try:
        days = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        raise BadInput("--from and --to are not days.", "Write YYYY-MM-DD, and --from at least.") from None
    if days[0] > days[1]:
        raise BadInput("--from is after --to.", "Give the earlier day first.")
    return days


def _once(settings: Settings, fresh: bool, days: Days) -> None:
    from connectors.published import marts
    from pipelines.warehouse.quality import docs_of
    from pipelines.warehouse.run import run as warehouse_run

    warned: list[str] = []
    with err.status("reading the topics") as status:
        report = warehouse_run(settings, status.update, fresh=fresh, days=days, warn=warned.append)
    for words in warned:
        err.print(f"[yellow]warning:[/] {words}", highlight=False)
    said = "published" if report.published else "nothing new; still"
    rows, built = sum(report.rows.values()), len(report.tables)
    err.print(f"{said} version {report.version}: {rows:,} rows, {built} tables in {report.seconds:.1f} s")
    err.print(f"quality report: {docs_of(marts(settings.home), report.version) / 'index.html'}")
    last_line(
        version=report.version,
        rows=report.rows,
        seconds=report.seconds,
        tables=report.tables,
        cpu_seconds=report.cpu_seconds,
        oldest_s=report.oldest_s,
        lost=report.lost,
    )


def _plan(settings: Settings, days: Days) -> None:
    from rich.table import Table

    from pipelines.warehouse.plan import plan
    from pipelines.warehouse.run import every_day
    from pipelines.warehouse.source import KafkaSource

    with err.status("reading the topics") as status:
        planned = plan(settings, KafkaSource(settings), status.update, every_day(*days) if days else frozenset())
    shown = Table("what", "would change")
    for topic, rows in planned.rows.items():
        shown.add_row(topic, f"{rows:,} new rows")
    for table, todo in planned.tables.items():
        shown.add_row(table, todo)
    err.print(shown)
    last_line(rows=planned.rows, tables=planned.tables)
