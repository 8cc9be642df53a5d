"""`zhongtai oneid`: who is who. This file only puts the commands together."""

import typer

from cli import oneid_match, oneid_resolve

app = typer.Typer(help="Who is who: match records, resolve identifiers into members.", no_args_is_help=True)
app.command()(oneid_match.match)
app.command()(oneid_resolve.resolve)
