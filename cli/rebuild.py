"""`zhongtai rebuild`: everything made again from the lake, compared with what stands, and written where that differs."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli.console import err, last_line
from connectors.settings import load

if TYPE_CHECKING:  # they import every job, which takes seconds
    from pipelines.rebuild.run import Report
    from pipelines.rebuild.states import Compared


def rebuild(
    write: Annotated[
        bool, typer.Option("--write", help="Then write what was made again, wherever something else stands.")
    ] = False,
) -> None:
    """Make the stream's state and the published tables again from the lake, and compare them with the live ones row by row.

    The workers pause meanwhile, so that all is compared at one cut; the shops notice nothing, since Kafka goes on taking
    what they send. Nothing that stands is changed, but for what a warehouse run publishes before.

    With --write each topic of state that differs is mended, in one transaction, and when a table differs all are published
    anew; then all that was written is compared again. It may be killed at any moment: run it again.

    Use it before and after an upgrade, after a restore, and whenever a figure is doubted.

    Exit status: 0 everything is equal, or was written and is equal now,
    1 something differs, 4 the workers cannot be paused or a run is under
    way (try again), 5 the lake lacks something (call a person).
    """
    settings = load()
    from pipelines.rebuild.run import rebuild

    with err.status("Rebuilding") as status:
        report = rebuild(settings, lambda now: status.update(f"Rebuilding: {now}"), write=write)
    err.print(table(report))
    if write:
        err.print(said(report), highlight=False)
    last_line(**facts(report, write=write))
    if report.different and not report.mended:
        raise typer.Exit(1)


def facts(report: "Report", *, write: bool = False) -> dict[str, object]:
    """The last line. What was written is told when that was asked for."""
    verdict = "written" if report.mended else "different" if report.different else "equal"
    counted: dict[str, object] = {
        "rebuild": verdict,
        "states": len(report.states),
        "tables": len(report.tables),
        "rows": report.rows,
        "different": report.different,
    }
    if not write:
        return counted
    return counted | {
        "written": report.written,
        "published": report.published,
        "sealed": report.sealed,
        "left": list(report.left),
    }


def said(report: "Report") -> str:
    """What was written, and what nothing can write, in words."""
    words = [f"{report.written:,} rows of state written, and compared again: equal." if report.written else ""]
    words.append(f"Tables published anew: version {report.published}." if report.published else "")
    words.append("Nothing differed; nothing was written." if not report.mended else "")
    words.append(f"{report.sealed:,} identifiers stand without their cipher." if report.sealed else "")
    words.append(f"Left as they are, since the lake cannot make them again: {', '.join(report.left)}.")
    return "\n".join(filter(None, words))


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
