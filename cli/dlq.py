"""`zhongtai dlq`: what was refused, why, and how it comes back in."""

import csv
import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from cli.console import err, last_line, out
from cli.feeds import known
from connectors import settings as setting
from connectors.clock import SystemClock
from connectors.dead_letters import Letter, Replay, Replayed, letters, repairs
from connectors.feed_cipher import FeedCipher
from connectors.keystore import Keystore
from connectors.sender import Sender
from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.refusals import REASONS, Refused

SOME_LEFT = 3

app = typer.Typer(
    help="Dead letters (死信): lines that were refused. They wait encrypted, as long as raw records are kept.",
    no_args_is_help=True,
)
Feed = Annotated[str, typer.Option("--feed", help="The feed: pos, ecommerce, wms or erp.")]


@app.command("list")
def list_(
    feed: Feed = "pos",
    open: Annotated[bool, typer.Option("--open", help="Only those that nobody has repaired yet.")] = False,
    format: Annotated[Literal["table", "json", "csv"], typer.Option(help="How to print them.")] = "table",
) -> None:
    """List what was refused: the reason, the place, and the file and line.

    Nothing of the records themselves is shown; for that see:
    zhongtai dlq show ID --reveal
    """
    rows = [_row(id, letter) for id, letter in letters(setting.load(), _known(feed)).items()]
    if open:
        rows = [row for row in rows if row["status"] == "refused"]
    if format == "json":
        numbered = [row | {"line": int(row["line"]) if row["line"] else None} for row in rows]
        print(json.dumps(numbered, ensure_ascii=False, indent=1))
    elif format == "csv":
        writer = csv.DictWriter(sys.stdout, list(COLUMNS))
        writer.writeheader()
        writer.writerows({column: _harmless(value) for column, value in row.items()} for row in rows)
    else:
        out.print(_table(rows) if rows else "No dead letters.")


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="The id of a dead letter, or as much of it as tells it from the others.")],
    feed: Feed = "pos",
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Print the refused bytes, in clear, and nothing else.")
    ] = False,
) -> None:
    """Show one dead letter.

    With --reveal its bytes go to standard output exactly as they came. They
    may hold personal data: this needs the key store of this installation,
    and belongs in no log.
    """
    settings = setting.load()
    found = {known: letter for known, letter in letters(settings, _known(feed)).items() if known.startswith(id)}
    if len(found) != 1:
        raise BadInput(
            f"{'Several dead letters begin' if found else 'No dead letter begins'} with {id}.", "See: zhongtai dlq list"
        )
    known, letter = found.popitem()
    if not reveal:
        for name, value in _row(known, letter).items():
            out.print(f"{name:<12}{value}", markup=False)
        return
    sys.stdout.buffer.write(_bytes(settings, feed, letter))


@app.command()
def replay(
    repaired: Annotated[Path, typer.Option("--with", help="The repair file.", metavar="REPAIRED")],
    feed: Feed = "pos",
    again: Annotated[bool, typer.Option("--again", help="Send also what was repaired already. Harmless.")] = False,
) -> None:
    """Send mended records back in.

    Each line of the repair file holds the refused bytes and the mended record:

    {"original": "the refused bytes in base64", "repaired": {"store": "S001", ...}}

    "original_text" may stand for "original" where the bytes are text. A
    mended record that is no JSON object is a text in quotes; it is read in
    the format of the refused one, or in the one that "format" names.
    Get the bytes with: zhongtai dlq show ID --reveal

    The last line counts: replayed (sent), already (repaired before, not
    sent), refused (the mended form is not good either; standard error says
    why), unknown (no dead letter has these bytes). A dead letter shows as
    repaired once its receipt is taken.

    Exit status: 0 all well, 3 some refused or unknown, 2 the repair file
    cannot be used.
    """
    if not repaired.is_file():
        raise BadInput(f"There is no file {repaired}.", "Check the path.")
    done = _replay(setting.load(), _known(feed), repaired, again=again)
    for line, refused in done.faults:
        words = (f"{repaired.name}:{line} {refused.code} {refused.place}".strip(), *REASONS[refused.code])
        err.print("\n  ".join(words), markup=False)
    last_line(replayed=done.replayed, already=done.already, refused=done.refused, unknown=done.unknown)
    if done.refused or done.unknown:
        raise typer.Exit(SOME_LEFT)


def _replay(settings: Settings, feed: str, repaired: Path, *, again: bool) -> Replayed:
    formats = {name: form.open(settings) for name, form in known(feed).items()}
    # Read whole before anything is sent, so that a file with a bad line sends nothing.
    with repaired.open("rb") as file:
        mended = list(repairs(file, repaired.name))
    found = letters(settings, feed)
    keystore = Keystore(settings.home, SystemClock())
    try:
        with Sender(settings) as sender:
            cipher = FeedCipher(keystore, settings.tenant, feed)
            return Replay(sender, cipher=cipher, formats=formats).send(mended, found, repaired.name, again=again)
    finally:
        keystore.close()


def _bytes(settings: Settings, feed: str, letter: Letter) -> bytes:
    if not letter.refused.cipher:
        origin = letter.refused.origin
        raise BadInput(
            "The line was too large to keep, even here.", f"It stands in the file as sent: {origin.file}:{origin.line}."
        )
    keystore = Keystore(settings.home, SystemClock())
    try:
        return FeedCipher(keystore, settings.tenant, feed).decrypt(letter.refused.id, letter.refused.cipher)
    finally:
        keystore.close()


def _table(rows: list[dict[str, str]]) -> Table:
    """Narrow enough for a terminal of 80 columns, and nothing is cut: people copy ids from it."""
    table = Table("id", "status", "what, where, and why 原因", show_lines=True)
    table.columns[0].no_wrap = True
    for row in rows:
        origin = f"{row['file']}:{row['line']}" if row["file"] else ""
        words = (f"{row['code']} {row['place']}".strip(), origin, row["reason"], row["reason_zh"])
        table.add_row(row["id"], row["status"], Text("\n".join(filter(None, words)), overflow="fold"))
    return table


COLUMNS = ("id", "code", "reason", "reason_zh", "place", "file", "line", "status", "refused_at", "repaired_by")


def _row(id: str, letter: Letter) -> dict[str, str]:
    one = letter.refused
    why = Refused(one.code, one.place)
    line = str(one.origin.line) if one.origin.file else ""
    values = (id, one.code, why.reason(), why.reason("zh"), one.place, one.origin.file, line)
    return dict(zip(COLUMNS, (*values, letter.status, one.refused_at, letter.repaired_by or ""), strict=True))


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet does not take for a formula: a file may be named anything."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _known(feed: str) -> str:
    known(feed)
    return feed
