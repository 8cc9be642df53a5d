"""`zhongtai run`: brings the topics into the warehouse and publishes the marts."""

import re
import signal
import threading
from typing import Annotated

import typer

from cli.console import complain, err, last_line
from connectors.settings import Settings, load
from contracts.errors import BadInput, NotReady

_EVERY = re.compile(r"^(\d+)(s|m|h)$")
WAIT_S = 600
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def run(
    every: Annotated[
        str, typer.Option(help="Run again and again, this long apart: a number and s, m or h, such as 10s.")
    ] = "",
    fresh: Annotated[bool, typer.Option(help="Load everything again from the beginning of the topics.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="First wait until the jobs have done all that there is.")
    ] = False,
) -> None:
    """Load what is new, build the marts, audit them, publish them.

    What the jobs have not come to yet is not in it; --wait waits for them.

    Exit status: 0 published (or nothing was new), 1 an audit failed and the
    version before stays, 4 Kafka does not answer or another run is under way.
    """
    settings = load()
    if wait:
        _await_jobs(settings)
    if not every:
        _once(settings, fresh)
        return
    pause = seconds(every)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A round that has begun is finished: it takes seconds, and the next start need not repeat it.
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        try:
            _once(settings, fresh)
            fresh = False
        except NotReady as error:
            # A broker that restarts is no reason to stop for good.
            complain(error)
        stop.wait(pause)


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


def _once(settings: Settings, fresh: bool) -> None:
    from pipelines.warehouse.published import marts
    from pipelines.warehouse.quality import docs_of
    from pipelines.warehouse.run import run as warehouse_run

    with err.status("reading the topics") as status:
        report = warehouse_run(settings, status.update, fresh=fresh)
    said = "published" if report.published else "nothing new; still"
    err.print(f"{said} version {report.version}: {sum(report.rows.values()):,} rows in {report.seconds:.1f} s")
    err.print(f"quality report: {docs_of(marts(settings.home), report.version) / 'index.html'}")
    last_line(version=report.version, rows=report.rows, seconds=report.seconds)
