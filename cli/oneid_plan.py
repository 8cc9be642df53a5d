"""`zhongtai oneid plan`: what other rules would change, before anything is applied."""

from collections import Counter
from collections.abc import Mapping
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

RULES_HELP = "A rule file, or the name of one that comes with the platform: platform, tight."


def plan(
    then: Annotated[Path, typer.Argument(help=f"The rules to try. {RULES_HELP}", metavar="RULES")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where the moves go, an identifier a row: Parquet with nid, type, before, after, kind, causes."
        ),
    ] = None,
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
    """Show what other rules would change: members merged, members split, every identifier that would move, and why.

    Nothing is changed. The same evidence is resolved twice, under the rules of today and under RULES. Without --events it is the
    evidence that the live members follow from; then `zhongtai oneid apply RULES` does exactly what was shown.

        zhongtai oneid plan tight\n
        zhongtai oneid plan stricter.yml --out moves.parquet\n
        zhongtai oneid plan stricter.yml --events events.jsonl

    Exit status: 0 done, 2 a file or the rules cannot be used, 3 done but some lines were refused, 4 Kafka does not answer.
    """
    from pipelines.identity import moves_file
    from pipelines.identity.events_file import load_rules

    if out and not out.parent.is_dir():
        raise BadInput(f"There is no folder {out.parent}.", "Make it first.")
    wanted, before = load_rules(then), load_rules(now) if now else None
    found = _live(wanted, before) if events is None else _of_file(events, wanted, before, as_is=as_is, region=region)
    table(found, show)
    if out:
        moves_file.write(out, found.plan.moves, found.values)
    last_line(plan="ok", **facts(found))
    if found.refused:
        raise typer.Exit(3)


class Found(NamedTuple):
    """A plan between two sets of rules, and who would have each identifier. Of a file of events: its values with their nids, and
    how many lines were refused."""

    plan: "Plan"
    now: "Rules"
    then: "Rules"
    holders: Mapping[str, str]
    values: dict[tuple[str, str], str] | None = None
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
    from pipelines.members.known import tried

    with err.status("Resolving under the rules of today") as status:
        before = tried(settings, what, now)
        status.update("Resolving under the other rules")
        after = tried(settings, what, then)
        status.update("Comparing")
        found = Found(compared(before, after), now, then, after.holders)
    if now.blocked != then.blocked:
        err.print(
            "[yellow]The two block other values.[/] Values are blocked where they come in, by the platform's rules: what is known"
            " already does not change, and neither does what comes. See docs/oneid.md.",
            soft_wrap=True,
        )
    return found


def _of_file(events: Path, then: "Rules", now: "Rules | None", *, as_is: bool, region: str) -> Found:
    from pipelines.identity.events_file import load_rules
    from pipelines.identity.events_file import planned as of_file

    before = now or load_rules(Path("platform"))
    if not events.is_file():
        raise BadInput(f"There is no file {events}.", "Give a file with an event a line.")
    columns = (TextColumn("resolving twice"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as progress:
        task = progress.add_task("", total=2 * events.stat().st_size)
        found = of_file(
            events, before, then, as_is=as_is, region=region, told=lambda size: progress.advance(task, size)
        )
    return Found(found.plan, before, then, {}, found.values, found.refused_lines)


def facts(found: Found) -> dict[str, object]:
    """The last line."""
    shown = found.plan
    counts = shown.counts()
    return {
        "members_now": shown.members.now,
        "members_then": shown.members.then,
        "merges": len(shown.merges),
        "splits": len(shown.splits),
        "moved": shown.moved,
        "moved_members": shown.moved_members,
        "identifiers_now": shown.identifiers.now,
        "identifiers_then": shown.identifiers.then,
        "appeared": counts["appear"],
        "vanished": counts["vanish"],
        "newly_generic": len(shown.newly_generic),
        "no_longer_generic": len(shown.no_longer_generic),
        "refused": found.refused,
    }


def table(found: Found, show: int) -> None:
    """The difference in figures, and the first merges and splits, to people."""
    err.print(_figures(found))
    shown = Table("", "", "member 会员", "with, or into 合并自／拆分为")
    for merge in found.plan.merges[:show]:
        shown.add_row("merge", "合并", merge.into, " ".join(p for p in merge.persons if p != merge.into))
    for split in found.plan.splits[:show]:
        shown.add_row("split", "拆分", split.person, " ".join(p for p in split.into if p != split.person))
    if shown.row_count:
        err.print(shown)


def _figures(found: Found) -> Table:
    from oneid import reasons

    plan = found.plan
    shown = Table("plan", "变更预览", "now 现在", "then 之后", "change 变化")
    for column in (2, 3, 4):
        shown.columns[column].justify = "right"
    for english, chinese, size in (("identifiers", "标识", plan.identifiers), ("members", "会员", plan.members)):
        shown.add_row(english, chinese, f"{size.now:,}", f"{size.then:,}", f"{size.then - size.now:+,}")
    rows = [
        (("merges", "合并"), len(plan.merges)),
        (("splits", "拆分"), len(plan.splits)),
        (("moved members", "变动会员"), plan.moved_members),
        (("moved identifiers", "变动标识"), plan.moved),
        *((_below(reasons.moves(kind)), n) for kind, n in plan.counts().items() if n),
        (("newly generic values", "新增公共标识"), len(plan.newly_generic)),
        (("no longer generic", "不再是公共标识"), len(plan.no_longer_generic)),
    ]
    causes = Counter(cause for move in plan.moves for cause in move.causes)
    for (english, chinese), n in rows:
        shown.add_row(english, chinese, "", "", f"{n:,}")
    for cause, n in sorted(causes.items(), key=lambda one: (-one[1], one[0])):
        english, chinese = reasons.differs(cause, found.then, found.now)
        shown.add_row(f"cause: {english}", f"原因：{chinese}", "", "", f"{n:,}")
    return shown


def _below(words: tuple[str, str]) -> tuple[str, str]:
    return f"  {words[0]}", f"  {words[1]}"
