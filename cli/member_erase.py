"""`zhongtai member erase`: a person is forgotten, for good."""

import getpass
import sys
from typing import Annotated

import typer

from cli.console import err, last_line
from connectors.settings import load
from contracts.errors import BadInput


def erase(
    identifier: Annotated[str, typer.Argument(help="An identifier of the person, as `member show` takes it.")],
    because: Annotated[str, typer.Option(help="Why: the request's number, for example. It is kept with the ruling.")],
    by: Annotated[str, typer.Option(help="Who erases; it is kept. Default: who is logged in here.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait until no state holds the person; 0 does not wait.")
    ] = 120.0,
    publish: Annotated[bool, typer.Option(help="Publish the tables anew at the end, and remove older files.")] = True,
) -> None:
    """Erase a person for good: destroy the keys of all identifiers, empty all state of them, publish anew.

    Every copy of their phone number, card … is closed the moment the keys go: in topics, lake, tables and backups, also those of
    the keys that `zhongtai backup` wrote. Orders and receipts stay, and are nobody's. A late receipt does not bring the
    person back: the identifiers stay erased, also when the same person shows them again. It cannot be undone.

        zhongtai member erase 13812345678 --because "request 4711"

    Exit status: 0 erased; 1 nobody has this identifier; 2 it could be several people's, or the answer was no; 3 erased, but a
    copy of the keys could not be reached; 4 the jobs do not follow (the keys are destroyed all the same: repeat the command).
    """
    from pipelines.members.directory import Directory
    from pipelines.members.erasure import Pending, erase
    from pipelines.members.rulings import Steward

    settings = load()
    pending = Pending(settings.home)
    with err.status("Looking up"):
        directory = Directory(settings)
        nids = pending.find(directory.nids(identifier)) or directory.find(identifier).nids
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput("Nobody can be asked here.", "To erase without being asked: --yes")
        err.print(f"The member has {len(nids)} identifiers. Erasing them cannot be undone.")
        if not typer.confirm("Erase?", err=True):
            raise BadInput("Nothing was erased.")
    pending.begin(nids)
    with err.status("Erasing") as status:
        done = erase(
            settings, nids, Steward(settings, by or getpass.getuser(), because.strip()), wait_s=wait, publish=publish,
            progress=lambda now: status.update(f"Erasing: {now}"),
        )  # fmt: skip
    if wait > 0 and publish:
        pending.end(nids)
    for folder in done.copies:
        err.print(
            f"[yellow]The copy of the keys in {folder} cannot be reached.[/] It still opens what was erased: renew it"
            f" with the next zhongtai backup --keys {folder}, before it is ever restored.", soft_wrap=True,
        )  # fmt: skip
    last_line(erased=len(nids), keys=done.keys, orders=done.orders, version=done.version, copies_left=len(done.copies))
    if done.copies:
        raise typer.Exit(3)
