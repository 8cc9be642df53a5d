"""`zhongtai oneid plan`: what other rules would change, before anything is applied."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.console import err, last_line
from contracts.errors import BadInput


def plan(
    then: Annotated[Path, typer.Argument(help="The rule file to try.", metavar="RULES")],
    events: Annotated[Path, typer.Option(help="The events to try it on: JSON lines, as docs/oneid.md has them.")],
    now: Annotated[Path | None, typer.Option(help="The rules of today. Without it the platform's own.")] = None,
    as_is: Annotated[bool, typer.Option("--as-is", help="Take values as they stand.")] = False,
    region: Annotated[str, typer.Option(help="The country of phone numbers that are written without one.")] = "CN",
    show: Annotated[int, typer.Option(min=0, help="Merges and splits to show.")] = 10,
) -> None:
    """Show what other rules would change: members merged, members split, identifiers that would move.

    Nothing is changed. The same events are resolved twice, under the rules of today and under RULES.

        zhongtai oneid plan stricter.yml --events events.jsonl

    Exit status: 0 done, 2 a file or the rules cannot be used, 3 done but some lines were refused.
    """
    import oneid
    from pipelines.identity.events_file import load_rules, planned

    rules = load_rules(now or Path(oneid.__path__[0]) / "rules.yml"), load_rules(then)
    if not events.is_file():
        raise BadInput(f"There is no file {events}.", "Give a file with an event a line.")
    columns = (TextColumn("resolving twice"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as progress:
        task = progress.add_task("", total=2 * events.stat().st_size)
        found, before, after, refused = planned(
            events, *rules, as_is=as_is, region=region, told=lambda size: progress.advance(task, size)
        )
    table = Table("", "member", "with, or into")
    for merge in found.merges[:show]:
        table.add_row("merge", merge.into, " ".join(p for p in merge.persons if p != merge.into))
    for split in found.splits[:show]:
        table.add_row("split", split.person, " ".join(p for p in split.into if p != split.person))
    if table.row_count:
        err.print(table)
    last_line(
        plan="ok",
        members_now=before,
        members_then=after,
        merges=len(found.merges),
        splits=len(found.splits),
        moved=len(found.moved),
        refused=refused,
    )
    if refused:
        raise typer.Exit(3)
