"""`zhongtai token`: who may ask the service. A token is shown once, when it is made."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import last_line, out
from connectors import settings as setting
from connectors.clock import SystemClock
from contracts.errors import BadInput

if TYPE_CHECKING:
    from oneservice.tokens import Tokens

app = typer.Typer(help="Who may ask the service (zhongtai serve), as which role, until when.", no_args_is_help=True)
_UNITS = {"h": "hours", "d": "days"}


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Whom it is for: a person or a program.", metavar="NAME")],
    role: Annotated[str, typer.Option(help="What it may see: a role of docs/roles.md, or owner, who sees all.")],
    lasts: Annotated[str, typer.Option(help="How long it is good: 12h, 90d; 366d at most.")] = "90d",
) -> None:
    """Make a token and print it, once. Only a hash of it is kept.

    zhongtai token add ann --role analyst --lasts 30d

    Exit status: 0; 2 there is no such role, or the name or the time will not do.
    """
    from oneservice.policy import Policy, check_role

    check_role(Policy(setting.load().home), role)
    with _tokens() as tokens:
        token, kept = tokens.add(name, role, _length(lasts))
    last_line(id=kept.id, name=kept.name, role=kept.role, expires_at=kept.expires_at, token=token)


@app.command("list")
def list_() -> None:
    """List the tokens: id, name, role, until when. Never shows one."""
    clock = SystemClock()
    with _tokens() as tokens:
        for one in tokens.list():
            state = "revoked" if one.revoked_at else "good" if one.usable(clock.now()) else "expired"
            out.print(f"{one.id}  {one.name:<24} {one.role:<16} {one.expires_at[:16]}  {state}", markup=False)


@app.command()
def revoke(id: Annotated[str, typer.Argument(help="Its id, as `zhongtai token list` shows it.", metavar="ID")]) -> None:
    """Make a token good for nothing, at once.

    Exit status: 0; 2 there is none of this id, or it was revoked before.
    """
    with _tokens() as tokens:
        if not tokens.revoke(id):
            raise BadInput("There is no token of that id that is still good.", "See: zhongtai token list")
    last_line(id=id, revoked=True)


def _length(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([hd])", text)
    if not match:
        raise BadInput("--lasts is a number and h or d.", "Such as 12h or 90d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


@contextmanager
def _tokens() -> "Iterator[Tokens]":
    from oneservice.tokens import Tokens

    settings = setting.load()
    tokens = Tokens(settings.home, settings.tenant, SystemClock())
    try:
        yield tokens
    finally:
        tokens.close()
