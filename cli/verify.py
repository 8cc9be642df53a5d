"""`zhongtai verify`: is everything that the platform holds what it should be?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli.console import err, last_line
from connectors.settings import load

if TYPE_CHECKING:
    from pipelines.verify import Comparison

SHOWN = 10


def verify(
    truth: Annotated[Path, typer.Option(help="The folder with the true figures (CSV files).")],
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the jobs to finish.")] = 120,
) -> None:
    """Wait until the jobs have finished, then compare every figure with the truth."""
    from pipelines.jobs import groups
    from pipelines.settled import wait_until_settled
    from pipelines.verify import read_truths
    from pipelines.verify import verify as compare_all

    settings = load()
    read_truths(truth)  # a wrong folder is said before the waiting, not after
    with err.status("waiting for the jobs") as status:
        wait_until_settled(settings, groups(settings), timeout, status.update)
        status.update("comparing")
        comparisons = compare_all(settings, truth, err.print)
    err.print(table(comparisons))
    show_differences(comparisons)
    different = sum(len(c.differences) for c in comparisons)
    last_line(checked=sum(c.checked for c in comparisons), different=different)
    if different:
        raise typer.Exit(1)


def table(comparisons: "Sequence[Comparison]") -> Table:
    """One row a comparison: rows checked, different, and the totals of truth and platform side by side."""
    shown = Table()
    for name in ("compared", "rows", "differ", "total", "truth", "found", ""):
        right = name in ("rows", "differ", "truth", "found")
        shown.add_column(name, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for c in comparisons:
        shown.add_row(
            c.name,
            f"{c.checked:,}",
            f"{len(c.differences):,}",
            "\n".join(t.measure for t in c.totals),
            "\n".join(f"{t.truth:,}" for t in c.totals),
            "\n".join(f"{t.found:,}" for t in c.totals),
            "\n".join("[green]✓[/]" if t.truth == t.found else "[red]✗[/]" for t in c.totals),
            end_section=True,
        )
    return shown


def show_differences(comparisons: "Sequence[Comparison]") -> None:
    """Prints the first rows that differ, of each comparison."""
    for c in comparisons:
        for d in c.differences[:SHOWN]:
            key = " ".join(f"{name}={part}" for name, part in zip(c.columns.keys, d.key, strict=True))
            err.print(f"{c.name}: {key}: truth {_row(c, d.truth)}, found {_row(c, d.found)}", markup=False)
        if len(c.differences) > SHOWN:
            err.print(f"{c.name}: and {len(c.differences) - SHOWN:,} more")


def _row(comparison: "Comparison", row: tuple[int, ...] | None) -> str:
    if row is None:
        return "no such row"
    return " ".join(f"{name}={value}" for name, value in zip(comparison.columns.measures, row, strict=True))
