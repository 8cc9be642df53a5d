"""`zhongtai member`: one person, from all sides. This file only puts the commands together."""

import typer

from cli import member_erase, member_rule, member_show, member_why

app = typer.Typer(
    help="Members (会员): show one from all sides, say why two identifiers are one person's, cut, join and erase.",
    no_args_is_help=True,
)
app.command()(member_show.show)
app.command()(member_why.why)
app.command()(member_rule.unmerge)
app.command()(member_rule.forbid)
app.command()(member_rule.allow)
app.command()(member_rule.merge)
app.command()(member_erase.erase)
