"""`zhongtai member unmerge | forbid | allow | merge`: a steward's word on two identifiers."""

import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import err, last_line
from connectors.settings import Settings, load
from contracts.errors import BadInput

if TYPE_CHECKING:
    from contracts.evidence import Ruling
    from pipelines.members.directory import Member
    from pipelines.members.rulings import Steward

One = Annotated[str, typer.Argument(help="An identifier, as `member show` takes it.", metavar="A")]
Other = Annotated[str, typer.Argument(help="Another one.", metavar="B")]
Because = Annotated[
    str, typer.Option(help="Why; it is kept with the ruling. No names, no numbers: it is read by many.")
]
By = Annotated[str, typer.Option(help="Who rules; it is kept with the ruling. Default: who is logged in here.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait until the map follows; 0 does not wait.")]


def unmerge(a: One, b: Other, because: Because, by: By = "", wait: Wait = 60.0) -> None:
    """Take two identifiers apart that are one person's now. Everything else goes with the side that it belongs to.

    The profiles are exact afterwards: each side has what its own identifiers gathered, as if they had never been one.

        zhongtai member unmerge card:C0001 13812345678 --because "two sisters"

    Exit status: 0 they are two people now; 1 nobody has one of them, or they are still one person; 2 they are no one person, or
    the arguments do not do; 4 the jobs do not follow
    (the ruling is written all the same).
    """
    settings = load()
    one, other = _both(settings, a, b)
    if one.id != other.id:
        raise BadInput("The two are not one person's.", "To keep it so, whatever comes: zhongtai member forbid")
    _rule(settings, one, other, wait, [_steward(settings, by, because).forbids(one.nid, other.nid)], apart=True)


def forbid(a: One, b: Other, because: Because, by: By = "", wait: Wait = 60.0) -> None:
    """Rule that two identifiers are never one person's, whatever evidence says. If they are now, they are taken apart.

        zhongtai member forbid card:C0001 card:C0002 --because "father and son"

    Exit status: 0; 1 nobody has one of them, 2 the arguments do not do, 4 the jobs do not follow
    (the ruling is written all the same).
    """
    settings = load()
    one, other = _both(settings, a, b)
    _rule(settings, one, other, wait, [_steward(settings, by, because).forbids(one.nid, other.nid)], apart=True)


def allow(a: One, b: Other, because: Because, by: By = "", wait: Wait = 60.0) -> None:
    """Take back what was ruled of two identifiers (forbidden, cut or joined): from now on the evidence decides again.

        zhongtai member allow card:C0001 card:C0002 --because "the two cards are his"

    Exit status: 0; 1 nobody has one of them, 2 nothing was ruled of the two, 4 the jobs do not follow
    (the ruling is written all the same).
    """
    from pipelines.members.rulings import pair_id, standing

    settings = load()
    one, other = _both(settings, a, b)
    stand = standing(settings)
    ids = [pair_id(kind, one.nid, other.nid) for kind in ("cannot_link", "must_link")]
    said = [stand[id] for id in ids if id in stand]
    if not said:
        raise BadInput("Nothing was ruled of the two.", "Why they are one person's, or not: zhongtai member why")
    steward = _steward(settings, by, because)
    _rule(settings, one, other, wait, [steward.takes_back(ruling) for ruling in said])


def merge(a: One, b: Other, because: Because, by: By = "", wait: Wait = 60.0) -> None:
    """Rule that two identifiers are one person's, whatever evidence says. Of several words on a pair the latest holds.

        zhongtai member merge card:C0001 card:C0002 --because "he showed both"

    Exit status: 0 they are one person now; 1 nobody has one of them, or another ruling keeps them apart; 2 the arguments
    do not do; 4 the jobs do not follow (the ruling is written all the same).
    """
    settings = load()
    one, other = _both(settings, a, b)
    _rule(settings, one, other, wait, [_steward(settings, by, because).joins(one.nid, other.nid)], apart=False)


def _both(settings: Settings, a: str, b: str) -> "tuple[Member, Member]":
    from pipelines.members.directory import Directory

    with err.status("Looking up"):
        directory = Directory(settings)
        one, other = directory.find(a), directory.find(b)
    if not (one.nid and other.nid):
        raise BadInput("A ruling is about identifiers, not about members.", "See them: zhongtai member show")
    if one.nid == other.nid:
        raise BadInput("Both are the same identifier.", "Name two: zhongtai member show lists a member's.")
    return one, other


def _steward(settings: Settings, by: str, because: str) -> "Steward":
    from pipelines.members.rulings import Steward

    if not because.strip() or len(because) > 500:
        raise BadInput("--because must say why, in 500 characters at most.", "It is kept with the ruling.")
    return Steward(settings, by or getpass.getuser(), because.strip())


def _rule(
    settings: Settings, one: "Member", other: "Member", wait: float, rulings: "list[Ruling]",
    apart: bool | None = None,
) -> None:  # fmt: skip
    """Writes the rulings and waits for the map. `apart` is what is expected of it; None: whatever the evidence says."""
    from pipelines.members.directory import Directory
    from pipelines.members.rulings import send

    send(settings, rulings)
    if wait <= 0:
        last_line(ruling=rulings[0].id, taken=False)
        return
    with err.status("Waiting") as status:
        followed(settings, wait, status.update)
        now = Directory(settings).entries
    members = [now[nid].member_id if nid in now else "" for nid in (one.nid, other.nid)]
    together = members[0] == members[1]
    last_line(ruling=rulings[0].id, taken=True, together=together, members=sorted(set(members)))
    if apart is not None and together == apart:
        err.print("The ruling is taken, but another one stands against it.", soft_wrap=True)
        raise typer.Exit(1)


def followed(settings: Settings, wait: float, progress: Callable[[str], None]) -> None:
    """Returns when the map has taken all rulings that stand in the topic."""
    from pipelines.members.erasure import RULED
    from pipelines.members.following import Follower

    Follower(settings, wait, progress).through(RULED, "state.member_map")
