"""`zhongtai ingest`: files of a feed into Kafka."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from centers.receipts import marks
from cli.console import err, last_line
from cli.feeds import find
from connectors import settings as setting
from connectors.clock import SystemClock
from connectors.feed_cipher import FeedCipher
from connectors.feeds import Format
from connectors.ingest import STDIN, Counts, Ingestion, files
from connectors.keystore import Keystore
from connectors.sender import Sender, cluster_id
from connectors.sent import Sent
from connectors.settings import Settings
from contracts.refusals import REASONS

SOME_REFUSED = 3


def ingest(
    feed: Annotated[
        str, typer.Argument(help="The feed that the files come from: pos, ecommerce, wms or erp.", metavar="FEED")
    ],
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Files, folders (all files of the format, by name), or - for standard input.", metavar="PATH…"
        ),
    ],
    format: Annotated[
        str | None,
        typer.Option(help="How the files are written; each feed has a default. docs/feeds/ describes the formats."),
    ] = None,
) -> None:
    """Send the files of a feed to Kafka, record by record, as they are.

    Every record ends in one of three ways, which the last line of standard output counts:

    accepted    a good record, seen for the first time\n
    duplicates  a good record that was sent before; it will count once\n
    refused     not usable; it waits encrypted in dlq.<feed>, and standard error says why\n

    Examples:

        zhongtai ingest pos tills/2026-11-22.jsonl\n
        zhongtai ingest pos --format receipts-jsonl tills/\n
        zhongtai ingest ecommerce --format shopify webhooks/\n

    Repeating it is always safe: a file that was sent is not sent again,
    an interrupted one is sent whole, and no record counts twice. Refused
    records can be mended in the file, which is then sent as a new one, or
    with: zhongtai dlq replay

    Exit status: 0 all accepted or duplicates, 3 some refused, 2 the input
    cannot be used, 4 Kafka does not answer.
    """
    form = find(feed, format)
    settings = setting.load()
    found = files(paths, form.suffixes)
    counts = send(settings, form.open(settings), found)
    if counts.reasons:
        err.print(_reasons(counts))
    last_line(accepted=counts.accepted, refused=counts.refused, duplicates=counts.duplicates)
    if counts.refused:
        raise typer.Exit(SOME_REFUSED)


def send(settings: Settings, form: Format, found: list[Path]) -> Counts:
    """Sends files and counts their records, with a progress bar on standard error."""
    clock = SystemClock()
    scope = (cluster_id(settings), settings.tenant, form.feed)
    keystore = Keystore(settings.home, clock)
    sent = Sent(settings.home, scope, marks, clock)
    try:
        cipher = FeedCipher(keystore, settings.tenant, form.feed)
        with Sender(settings) as sender, _bar() as bar:
            task = bar.add_task("", total=sum(path.stat().st_size for path in found if path != STDIN) or None)
            one = Ingestion(settings.tenant, form, sender, sent, cipher=cipher, clock=clock)
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
