"""`zhongtai rebuild`: everything made again from the lake, and compared with what stands."""

from typing import TYPE_CHECKING

import typer
from rich.table import Table

from cli.console import err, last_line
from connectors.settings import load

if TYPE_CHECKING:  # they import every job, which takes seconds
    from pipelines.rebuild.run import Report
    from pipelines.rebuild.states import Compared


def rebuild() -> None:
    """Make the stream's state and the published tables again from the lake, and compare them with the live ones row by row.

    The workers pause meanwhile, so that all is compared at one cut; the shops notice nothing, since Kafka goes on taking
    what they send. Nothing that stands is changed, but for what a warehouse run publishes before.

    Use it before and after an upgrade, after a restore, and whenever a figure is doubted.

    Exit status: 0 everything is equal, 1 something differs, 4 the workers
    cannot be paused or a run is under way (try again), 5 the lake lacks
    something (call a person).
    """
    settings = load()
    from pipelines.rebuild.run import rebuild

    with err.status("Rebuilding") as status:
        report = rebuild(settings, lambda now: status.update(f"Rebuilding: {now}"))
    err.print(table(report))
    last_line(**facts(report))
    if report.different:
        raise typer.Exit(1)


def facts(report: "Report") -> dict[str, object]:
    """The last line."""
    return {
        "rebuild": "different" if report.different else "equal",
        "states": len(report.states),
        "tables": len(report.tables),
        "rows": report.rows,
        "different": report.different,
    }


def table(report: "Report") -> Table:
    """What was compared, with a few keys of what differs."""
    shown = Table("made again from the lake", "从湖重建", "rows", "different", "")
    for column in (2, 3):
        shown.columns[column].justify = "right"
    for kind, parts in (("state", report.states), ("table", report.tables)):
        for part in parts:
            shown.add_row(part.name, "状态" if kind == "state" else "表", f"{part.rows:,}", *_verdict(part))
    return shown


def _verdict(part: "Compared") -> tuple[str, str]:
    if not part.different:
        return "0", "[green]✓[/]"
    return f"[red]{part.different:,}[/]", "; ".join(part.examples)
