"""`zhongtai segments`: who a definition means, and a file of them for a channel."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli.console import err, last_line
from connectors.clock import SystemClock
from connectors.settings import load
from contracts.errors import BadInput

if TYPE_CHECKING:
    from pipelines.segments.building import Snapshot

app = typer.Typer(
    help="Audiences: members whom a definition means, who consented, and who are held out.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="The segment. Which there are: zhongtai segments list", metavar="NAME")]


@app.command("list")
def list_() -> None:
    """List the segments that are defined, and how large each was when it was last built.

    Your own definitions stand in reference/segments/NAME.yml of the home (docs/segments.md).

    Exit status: 0; 2 a definition cannot be used.
    """
    from pipelines.segments.building import overview

    shown = Table("segment", "", "version", "built", "members", "to be exported")
    found = overview(load())
    for one in found:
        built, title = one["built"], one["title"]
        figures = (
            (built["built_at"], f"{built['matched']:,}", f"{built['exportable']:,}") if built else ("never", "", "")
        )
        shown.add_row(one["segment"], f"{title['en']} {title['zh']}", str(one["version"]), *figures)
    err.print(shown)
    last_line(segments=[one["segment"] for one in found])


@app.command()
def build(name: Name) -> None:
    """Build a segment from what is known of every member now: tags, orders, spend, channels, shops, consent.

        zhongtai segments build win_back

    Each build is a snapshot that is never changed; the newest one stands. It
    shows how many members each clause of the definition lets pass, who is held
    out, and who consented.

    Exit status: 0; 2 there is no such segment, or its definition cannot be
    used; 4 Kafka does not answer, or the segment is being built.
    """
    from pipelines.segments import building, reading

    settings = load()
    by = reading.find(settings, name)
    with err.status("reading members, profiles and tags"):
        built = building.build(settings, by, SystemClock())
    _show(built)
    told = built.manifest
    keys = ("segment", "version", "snapshot", "members", "matched", "unknown", "exportable", "consent")
    last_line(**{key: told[key] for key in keys}, held_out=told["hold_out"]["members"])


def _show(built: "Snapshot") -> None:
    told = built.manifest
    shown = Table("members", "", "cannot say")
    shown.columns[1].justify = shown.columns[2].justify = "right"
    shown.add_row("all", f"{told['members']:,}", "")
    for clause in told["clauses"]:
        shown.add_row(clause["clause"], f"{clause['passed']:,}", f"{clause['unknown']:,}" if clause["unknown"] else "")
    shown.add_row("[bold]in the segment[/]", f"{told['matched']:,}", f"{told['unknown']:,}" if told["unknown"] else "")
    shown.add_row("held out", f"{told['hold_out']['members']:,}", "")
    for word, n in told["consent"].items():
        shown.add_row(f"consent to {told['purpose']}: {word}", f"{n:,}", "")
    shown.add_row("[bold]to be exported[/]", f"{told['exportable']:,}", "")
    err.print(shown)
    err.print(f"snapshot {told['snapshot']}: {built.folder}", soft_wrap=True)


@app.command()
def export(
    name: Name,
    out: Annotated[
        Path, typer.Option("--output", "--out", help="The file to write; its manifest is written beside it.")
    ],
    format: Annotated[str, typer.Option(help="csv or parquet.")] = "csv",
    reveal: Annotated[
        str, typer.Option(help="Put this contact in clear into the file: phone or email. Needs --role.")
    ] = "",
    role: Annotated[str, typer.Option(help="As whom; the manifest and the ledger say so (docs/roles.md).")] = "",
) -> None:
    """Write the members of a built segment into a file for a channel: who consented, and is not held out.

        zhongtai segments export win_back --output win_back.csv\n
        zhongtai segments export win_back --output sms.csv --reveal phone --role marketer

    Without --reveal the file holds member ids alone. Consent is read now, not
    as it was when the segment was built. Who is left out, and why, is counted
    in FILE.manifest.json and in the ledger of the segment.

    Exit status: 0; 2 the options cannot be, or the role may not; 4 the segment
    has not been built, or Kafka does not answer.
    """
    from onedata.roles import CONTACTS
    from pipelines.segments import building, exporting

    if format not in exporting.FORMATS:
        raise BadInput(f"There is no format {format}.", f"Formats: {', '.join(exporting.FORMATS)}.")
    if reveal and (reveal not in CONTACTS or not role):
        raise BadInput("--reveal is phone or email, and needs --role.", "Roles that may: docs/roles.md")
    if not out.absolute().parent.is_dir():
        raise BadInput(f"The folder {out.parent} does not exist.", "Make it first.")
    settings = load()
    snapshot = building.fit(settings, name)
    with err.status("reading consents"):
        made = exporting.exported(settings, snapshot, format, SystemClock(), name=out.name, role=role, reveal=reveal)
    exporting.written(out, made)
    told = made.manifest
    left = ", ".join(f"{n:,} {why.replace('_', ' ')}" for why, n in told["left_out"].items() if n)
    err.print(f"{told['rows']:,} members in {out}; left out: {left or 'nobody'}", soft_wrap=True)
    last_line(
        **{key: told[key] for key in ("segment", "snapshot", "rows", "left_out", "columns", "sha256")}, file=str(out)
    )
