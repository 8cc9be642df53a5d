"""`zhongtai oneid`: who is who. This file only puts the commands together."""

import typer

from cli import oneid_apply, oneid_audit, oneid_match, oneid_plan, oneid_resolve, oneid_review

app = typer.Typer(help="Who is who: match records, resolve identifiers into members.", no_args_is_help=True)
app.command()(oneid_match.match)
app.add_typer(oneid_review.app, name="review")
app.command()(oneid_resolve.resolve)
app.command()(oneid_plan.plan)
app.command()(oneid_apply.apply)
app.command()(oneid_audit.audit)
