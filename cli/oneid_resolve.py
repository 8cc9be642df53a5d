"""`zhongtai oneid resolve`: a file of events in, who is who out."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cli.console import err, last_line
from contracts.errors import BadInput

MANY = 0.2  # of the lines refused: then the values are probably no real ones


def resolve(
    events: Annotated[Path, typer.Argument(help="JSON lines, an event a line.", metavar="EVENTS")],
    out: Annotated[Path, typer.Option(help="Where the answer goes: Parquet with identifier, type, value, member_id.")],
    rules: Annotated[Path | None, typer.Option(help="The rule file. Without it the platform's own rules.")] = None,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Take values as they stand: they are tokens, or made up, not real numbers.")
    ] = False,
    region: Annotated[str, typer.Option(help="The country of phone numbers that are written without one.")] = "CN",
) -> None:
    """Resolve a file of events into people: which identifiers are one person's.

    Order and repeats make no difference. An event is one line:

        {"at": "2026-11-22T10:30:00+08:00", "class": "B", "identifiers": [{"type": "phone", "value": "138 1234 5679"},
        {"type": "card", "value": "C0001"}], "name": "王芳"}

    Class A: proved by a code or a log-in; B: declared on a form; C: merely seen together; D: scored by a matcher.

        zhongtai oneid resolve events.jsonl --out members.parquet\n
        zhongtai oneid resolve tokens.jsonl --rules rules.yml --as-is --out members.parquet

    docs/oneid.md has the whole format, and explains the rules.

    Exit status: 0 done, 2 the file or the rules cannot be used, 3 done but some lines were refused.
    """
    import oneid
    from pipelines.identity.events_file import load_rules, resolve_file

    loaded = load_rules(rules or Path(oneid.__path__[0]) / "rules.yml")
    if not events.is_file():
        raise BadInput(f"There is no file {events}.", "Give a file with an event a line.")
    if not out.parent.is_dir():
        raise BadInput(f"There is no folder {out.parent}.", "Make it first.")
    columns = (TextColumn("resolving"), BarColumn(), DownloadColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as progress:
        task = progress.add_task("", total=events.stat().st_size)
        found = resolve_file(
            events, loaded, out, as_is=as_is, region=region, told=lambda size: progress.advance(task, size)
        )
    for line, refused in found.refused:
        err.print(f"line {line}: {refused.place or 'the line'}: {refused.reason()}", markup=False, soft_wrap=True)
    if found.refused_lines > len(found.refused):
        err.print(f"and {found.refused_lines - len(found.refused):,} more lines")
    if not as_is and found.refused_lines > MANY * (found.events + found.refused_lines):
        err.print("  → If the values are tokens or made up, take them as they stand: --as-is.", soft_wrap=True)
    last_line(
        resolve="ok",
        events=found.events,
        refused=found.refused_lines,
        identifiers=found.identifiers,
        members=found.members,
        blocked=found.blocked,
    )
    if found.refused_lines:
        raise typer.Exit(3)
