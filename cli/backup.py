"""`zhongtai backup` and `zhongtai restore`: what cannot be made again, and the keys apart from it."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import err, last_line
from connectors.clock import SystemClock
from connectors.settings import load
from contracts.errors import BadInput

KEYS_HELP = (
    "The folder of the keys, apart from the data. Default: the name of the backup with .keys; store it elsewhere."
)


def backup(
    folder: Annotated[Path, typer.Argument(help="The backup to write: a folder that does not exist yet.")],
    keys: Annotated[Path | None, typer.Option(help=KEYS_HELP)] = None,
) -> None:
    """Copy what cannot be made again: lake, reference files, numbers; and, apart, the keys.

        zhongtai backup /backups/monday --keys /vault/zhongtai\n

    Give all backups one --keys folder: it holds the newest keys only, so keys that were destroyed are gone there too.
    The platform may go on meanwhile. What stands in Kafka and was not taken by `zhongtai run` is not in it.

    Exit status: 0 written, 2 the folders do not do, 4 the disk or the key store cannot be used, 5 the lake is damaged.
    """
    from pipelines import backup as work
    from pipelines.key_copies import KEYS

    apart = keys or beside(folder)
    with err.status("copying") as status:
        made = work.backup(load(), folder.absolute(), apart.absolute(), SystemClock(), status.update)
    err.print(f"{len(made.files):,} files, {made.size / 1e6:,.1f} MB: {folder}")
    if (apart / KEYS).exists():
        err.print(f"keys: {apart}   store them apart: who holds both can read identifiers")
    last_line(files=len(made.files), bytes=made.size, lake={topic: t.version for topic, t in made.lake.items()})


def restore(
    folder: Annotated[Path, typer.Argument(help="A folder that `zhongtai backup` wrote.")],
    keys: Annotated[Path | None, typer.Option(help=KEYS_HELP)] = None,
    erased: Annotated[
        Path | None, typer.Option(help="A file with one nid a line: what was erased after the last backup.")
    ] = None,
) -> None:
    """Make an empty home what it was when the backup was written. Erased identifiers stay erased.

        ZHONGTAI_HOME=/srv/new zhongtai restore /backups/monday --keys /vault/zhongtai\n

    Every file is checked first. Keys that the backup, or another one beside it, knows to be destroyed are destroyed
    again before anything else happens. The tables are made again by the next `zhongtai run`.

    Exit status: 0 restored, 2 the home is not empty or this is no backup, 5 a file is not what was written.
    """
    from pipelines import backup as work
    from pipelines.key_copies import KEYS

    apart = keys or beside(folder)
    if keys is not None and not (keys / KEYS).exists():
        raise BadInput(f"{keys} holds no {KEYS}.", "Name the folder that was given to `backup` as --keys.")
    settings = load()
    with err.status("restoring") as status:
        done = work.restore(settings, folder.absolute(), apart.absolute(), _lines(erased), SystemClock(), status.update)
    err.print(f"restored {len(done.manifest.files):,} files of {done.manifest.made_at[:19]} into {settings.home}")
    if not done.keys:
        err.print(f"[yellow]no keys in {apart}[/]: identifiers stay closed, and the same person gets another name")
    if done.destroyed:
        err.print(f"{done.destroyed:,} keys that had been destroyed were in the copy, and were destroyed again")
    last_line(files=len(done.manifest.files), keys=done.keys, destroyed=done.destroyed)


def beside(folder: Path) -> Path:
    """Where the keys go when nothing is said."""
    return folder.absolute().with_name(folder.absolute().name + ".keys")


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        return [line.strip() for line in file.read_text("utf-8").splitlines() if line.strip()]
    except OSError:
        raise BadInput(f"{file} cannot be read.", "Name a file with one nid a line.") from None
