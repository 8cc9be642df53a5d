"""`zhongtai ingest`: files of a feed into Kafka."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from centers.receipts import marks
from cli.console import err, last_line
from cli.judging import judge
from connectors import settings as setting
from connectors.clock import SystemClock
from connectors.feed_cipher import FeedCipher
from connectors.keystore import Keystore
from connectors.pos.ingest import FEED, STDIN, Counts, Ingestion, files
from connectors.pos.receipts_jsonl import FORMAT
from connectors.pos.sent import Sent
from connectors.reference import load_products
from connectors.sender import Sender, cluster_id
from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.refusals import REASONS

SOME_REFUSED = 3
FORMATS = {FEED: (FORMAT,)}


def ingest(
    feed: Annotated[str, typer.Argument(help="The feed that the files come from: pos.", metavar="FEED")],
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files, folders (all their *.jsonl, by name), or - for standard input.", metavar="PATH…"),
    ],
    format: Annotated[str, typer.Option(help="How the files are written. docs/feeds/ describes each format.")] = FORMAT,
) -> None:
    """Send the files of a feed to Kafka, line by line, as they are.

    Every line ends in one of three ways, which the last line of standard output counts:

    accepted    a good receipt, seen for the first time\n
    duplicates  a good receipt that was sent before; it will count once\n
    refused     not usable; it waits encrypted in dlq.pos, and standard error says why\n

    Examples:

        zhongtai ingest pos tills/2026-11-22.jsonl\n
        zhongtai ingest pos --format receipts-jsonl tills/\n

    Repeating it is always safe: a file that was sent is not sent again,
    an interrupted one is sent whole, and no receipt counts twice. Refused
    lines can be mended in the file, which is then sent as a new one, or
    with: zhongtai dlq replay

    Exit status: 0 all accepted or duplicates, 3 some refused, 2 the input
    cannot be used, 4 Kafka does not answer.
    """
    if feed not in FORMATS:
        raise BadInput(f"There is no feed {feed}.", f"Feeds: {', '.join(FORMATS)}.")
    if format not in FORMATS[feed]:
        raise BadInput(f"Feed {feed} has no format {format}.", f"Formats: {', '.join(FORMATS[feed])}.")
    counts = send(setting.load(), files(paths))
    if counts.reasons:
        err.print(_reasons(counts))
    last_line(accepted=counts.accepted, refused=counts.refused, duplicates=counts.duplicates)
    if counts.refused:
        raise typer.Exit(SOME_REFUSED)


def send(settings: Settings, found: list[Path]) -> Counts:
    """Sends files and counts their lines, with a progress bar on standard error."""
    clock = SystemClock()
    products = load_products(settings)
    scope = (cluster_id(settings), settings.tenant, FEED)
    keystore = Keystore(settings.home, clock)
    sent = Sent(settings.home, scope, marks, clock)
    try:
        cipher = FeedCipher(keystore, settings.tenant, FEED)
        with Sender(settings) as sender, _bar() as bar:
            task = bar.add_task("", total=sum(path.stat().st_size for path in found if path != STDIN) or None)
            opinion = partial(judge, settings, products)
            one = Ingestion(settings.tenant, sender, sent, cipher=cipher, clock=clock, judge=opinion)
            for path in found:
                bar.update(task, description=path.name)
                one.file(path, sys.stdin.buffer, lambda n: bar.advance(task, n))
            return one.counts
    finally:
        sent.close()
        keystore.close()


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def _reasons(counts: Counts) -> Table:
    table = Table("refused", "code", "first in, and why 原因", show_lines=True)
    for code, faults in sorted(counts.reasons.items(), key=lambda item: -item[1].count):
        first = f"{faults.first.file}:{faults.first.line} {faults.place}".strip()
        table.add_row(str(faults.count), code, Text("\n".join((first, *REASONS[code])), overflow="fold"))
    return table
