"""`zhongtai oneid apply`: other rules, from now on and for all that is known."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from cli.console import err, last_line
from cli.oneid_plan import facts, planned, table
from connectors.settings import load
from contracts.errors import BadInput


def apply(
    rules: Annotated[Path, typer.Argument(help="The rule file to apply.", metavar="RULES")],
    because: Annotated[str, typer.Option(help="Why; it is kept with the rules.")],
    by: Annotated[str, typer.Option(help="Who applies them; it is kept. Default: who is logged in here.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not show the plan and ask.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait until the members follow; 0 does not wait.")] = 300.0,
    show: Annotated[int, typer.Option(min=0, help="Merges and splits to show.")] = 10,
) -> None:
    """Apply a rule file: all evidence is resolved anew under it, and all that comes.

    It shows first what would change, as `zhongtai oneid plan` does, and asks. The whole file is kept as a fact, so that every
    rebuild follows it; the rules of before come back in the same way.

        zhongtai oneid apply stricter.yml --because "phones are shared too often"

    Exit status: 0 applied, 2 the rules cannot be used or the answer was no, 4 the jobs do not
    follow (the rules are written all the same).
    """
    from cli.member_rule import followed
    from pipelines.identity.events_file import load_rules
    from pipelines.members.known import known
    from pipelines.members.rulings import Steward, send

    settings = load()
    then = load_rules(rules)
    with err.status("Reading what is known"):
        what = known(settings)
    found = planned(settings, what, what.rules, then)
    if not yes:
        table(found, show)
        if not typer.confirm(f"{len(found.plan.moved)} identifiers would move. Apply?", err=True):
            raise BadInput("Nothing was applied.")
    send(settings, [Steward(settings, by or getpass.getuser(), because.strip()).applies(rules.read_text("utf-8"))])
    if wait > 0:
        with err.status("Waiting") as status:
            followed(settings, wait, status.update)
    last_line(apply="ok", taken=wait > 0, **facts(found))
