"""`zhongtai oneid apply`: other rules, from now on and for all that is known."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from cli.console import err, last_line
from cli.oneid_plan import RULES_HELP, Found, facts, planned, table
from connectors.settings import Settings, load
from contracts.errors import BadInput


def apply(
    rules: Annotated[Path, typer.Argument(help=f"The rules to apply. {RULES_HELP}", metavar="RULES")],
    because: Annotated[str, typer.Option(help="Why; it is kept with the rules.")],
    by: Annotated[str, typer.Option(help="Who applies them; it is kept. Default: who is logged in here.")] = "",
    plan: Annotated[
        Path | None,
        typer.Option(help="What `oneid plan --out` wrote. Nothing is applied when it would not be just this."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not show the plan and ask.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait until the members follow; 0 does not wait.")] = 300.0,
    show: Annotated[int, typer.Option(min=0, help="Merges and splits to show.")] = 10,
) -> None:
    """Apply a rule file: all evidence is resolved anew under it, and all that comes.

    It shows first what would change, as `zhongtai oneid plan` does, and asks; afterwards it compares the live members with what it
    showed. The whole file is kept as a fact, so that every rebuild follows it; the rules of before come back in the same way.

        zhongtai oneid apply tight --because "phones are shared too often"\n
        zhongtai oneid apply platform --because "as before"

    Exit status: 0 applied, 2 the rules cannot be used, or would do something else than --plan says, or the answer was no; 4 the
    jobs do not follow (the rules are written all the same).
    """
    from cli.member_rule import followed
    from pipelines.identity.events_file import load_rules, rule_file
    from pipelines.members.known import known
    from pipelines.members.rulings import Steward, send

    settings = load()
    then = load_rules(rules)
    with err.status("Reading what is known"):
        what = known(settings)
    found = planned(settings, what, what.rules, then)
    if plan:
        _must_be(plan, found)
    if not yes:
        table(found, show)
        if not typer.confirm(f"{len(found.plan.moves)} identifiers would move. Apply?", err=True):
            raise BadInput("Nothing was applied.")
    text = rule_file(rules).read_text("utf-8")
    send(settings, [Steward(settings, by or getpass.getuser(), because.strip()).applies(text)])
    different = None
    if wait > 0:
        with err.status("Waiting") as status:
            followed(settings, wait, status.update)
            status.update("Comparing with what was shown")
            different = _different(settings, found)
    last_line(apply="ok", taken=wait > 0, **facts(found), different=different)


def _must_be(plan: Path, found: Found) -> None:
    from pipelines.identity import moves_file

    wanted = moves_file.read(plan)
    moves = {move.nid: (move.before, move.after) for move in found.plan.moves}
    other = sum(wanted.get(nid) != moves.get(nid) for nid in wanted.keys() | moves.keys())
    if other:
        raise BadInput(
            f"This would not be what {plan} says: {other:,} identifiers would move otherwise. Nothing was applied.",
            "What is known has changed since then, or the rules. Plan again: zhongtai oneid plan RULES --out FILE",
        )


def _different(settings: Settings, found: Found) -> int:
    """How many identifiers have another member in the live map than was shown. Those that were unknown then do not count."""
    from contracts.member_map import MemberOf
    from pipelines.newest import newest

    live = {one.nid: one.member_id for one in newest(settings, "state.member_map", MemberOf)}
    shown = {move.nid: move.after for move in found.plan.moves} | dict(found.holders)
    wrong = sum(live.get(nid, "") != member for nid, member in shown.items())
    if wrong:
        err.print(
            f"[yellow]{wrong:,} identifiers have another member than was shown[/]: evidence has come meanwhile. Whether the map is"
            " right: zhongtai oneid audit",
            soft_wrap=True,
        )
    return wrong
