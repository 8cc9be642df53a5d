"""`zhongtai oneid plan`: what other rules would change, before anything is applied."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.console import err, last_line
from connectors.settings import Settings, load
from contracts.errors import BadInput

if TYPE_CHECKING:
    from oneid.plan import Plan
    from oneid.rules import Rules
    from pipelines.members.known import Known


def plan(
    then: Annotated[Path, typer.Argument(help="The rule file to try.", metavar="RULES")],
    events: Annotated[
        Path | None,
        typer.Option(
            help="Events to try it on: JSON lines, as docs/oneid.md has them. Without it, all that the platform knows."
        ),
    ] = None,
    now: Annotated[
        Path | None,
        typer.Option(help="The rules of today. Without it those in force; with --events the platform's own."),
    ] = None,
    as_is: Annotated[bool, typer.Option("--as-is", help="With --events: take values as they stand.")] = False,
    region: Annotated[
        str, typer.Option(help="With --events: the country of phone numbers that are written without one.")
    ] = "CN",
    show: Annotated[int, typer.Option(min=0, help="Merges and splits to show.")] = 10,
) -> None:
    """Show what other rules would change: members merged, members split, identifiers that would move.

    Nothing is changed. The same evidence is resolved twice, under the rules of today and under RULES. Without --events it is the
    evidence that the live members follow from; then `zhongtai oneid apply RULES` does exactly what was shown.

        zhongtai oneid plan stricter.yml\n
        zhongtai oneid plan stricter.yml --events events.jsonl

    Exit status: 0 done, 2 a file or the rules cannot be used, 3 done but some lines were refused, 4 Kafka does not answer.
    """
    from pipelines.identity.events_file import load_rules

    wanted, before = load_rules(then), load_rules(now) if now else None
    found = _live(wanted, before) if events is None else _of_file(events, wanted, before, as_is=as_is, region=region)
    table(found, show)
    last_line(plan="ok", **facts(found))
    if found.refused:
        raise typer.Exit(3)


class Found(NamedTuple):
    """A plan, the members that there are and would be, and the lines that were refused."""

    plan: "Plan"
    before: int
    after: int
    refused: int = 0


def _live(then: "Rules", now: "Rules | None") -> Found:
    from pipelines.members.known import known

    settings = load()
    with err.status("Reading what is known"):
        what = known(settings)
    return planned(settings, what, now or what.rules, then)


def planned(settings: Settings, what: "Known", now: "Rules", then: "Rules") -> Found:
    """What the rules `then` would change in the members of `now`, over all that is known."""
    from oneid.plan import plan as compared
    from pipelines.members.known import holders

    with err.status("Resolving under the rules of today") as status:
        before = holders(settings, what, now)
        status.update("Resolving under the other rules")
        after = holders(settings, what, then)
    return Found(compared(before, after), len(set(before.values())), len(set(after.values())))


def _of_file(events: Path, then: "Rules", now: "Rules | None", *, as_is: bool, region: str) -> Found:
    import oneid
    from pipelines.identity.events_file import load_rules
    from pipelines.identity.events_file import planned as of_file

    rules = now or load_rules(Path(oneid.__path__[0]) / "rules.yml"), then
    if not events.is_file():
        raise BadInput(f"There is no file {events}.", "Give a file with an event a line.")
    columns = (TextColumn("resolving twice"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as progress:
        task = progress.add_task("", total=2 * events.stat().st_size)
        return Found(
            *of_file(events, *rules, as_is=as_is, region=region, told=lambda size: progress.advance(task, size))
        )


def facts(found: Found) -> dict[str, object]:
    """The last line."""
    return {
        "members_now": found.before,
        "members_then": found.after,
        "merges": len(found.plan.merges),
        "splits": len(found.plan.splits),
        "moved": len(found.plan.moved),
        "refused": found.refused,
    }


def table(found: Found, show: int) -> None:
    """The first merges and splits, to people."""
    shown = Table("", "member", "with, or into")
    for merge in found.plan.merges[:show]:
        shown.add_row("merge 合并", merge.into, " ".join(p for p in merge.persons if p != merge.into))
    for split in found.plan.splits[:show]:
        shown.add_row("split 拆分", split.person, " ".join(p for p in split.into if p != split.person))
    if shown.row_count:
        err.print(shown)
