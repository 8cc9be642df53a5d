"""How a feed goes: messages into a file for each day of arrival, with repeats, delays and spoiled copies among them; one
file is sent again under another name, and one arrives cut off before it arrives whole."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from hashlib import blake2b
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import polars as pl

from twin.dice import Dice
from twin.faults import Rates, arrivals, in_feed_order
from twin.spoiling import Spoiler

SPOILED_BASE = 1 << 40
WORTH_A_FILE = 6


class Message(NamedTuple):
    """`uid` tells messages of a feed apart; `at` is when the sender sent it first."""

    uid: int
    at: datetime
    body: bytes


class Refusal(NamedTuple):
    """One message that must be refused: where it stands, with which code, its bytes, and what it should have been."""

    file: str
    line: int
    code: str
    original: bytes
    repaired: bytes


def dice_of(seed: int, feed: str) -> Dice:
    """Chance of a feed's own, so that no fault of one feed goes with a fault of another."""
    return Dice(int.from_bytes(blake2b(f"{seed}|{feed}".encode(), digest_size=6).digest(), "little"))


def spoil(
    messages: Sequence[Message], spoilers: dict[str, Spoiler], rate: float, dice: Dice
) -> list[tuple[Message, str]]:
    """Spoiled copies of some messages, which are sent besides: the sender noticed, and sent it right as well.

    Each code once at least, unless the rate is 0 or nothing can be spoiled that way.
    """
    if not rate or not messages:
        return []
    codes = list(spoilers)
    count = max(len(codes), round(rate * len(messages)))
    order = pl.DataFrame({"uid": [m.uid for m in messages]}, schema={"uid": pl.Int64}).select(
        n=pl.int_range(pl.len()), draw=dice.bits("spoiled", "uid")
    ).sort("draw", "n")["n"].to_list()  # fmt: skip
    found: list[tuple[Message, str]] = []
    for rank in range(min(count, 40 * len(codes))):
        code = codes[rank % len(codes)]
        for n in order[rank::count]:
            spoiled = spoilers[code](messages[n].body, rank)
            if spoiled is not None:
                found.append((Message(SPOILED_BASE + messages[n].uid, messages[n].at, spoiled), code))
                break
    return found


def send(
    folder: Path, name: str, messages: Sequence[Message], spoiled: Sequence[tuple[Message, str]],
    days: list[date], rates: Rates, dice: Dice,
) -> tuple[list[Refusal], pl.DataFrame]:  # fmt: skip
    """Writes `folder/<name>` for each day, where `name` holds `{day}`. Returns the refusals in feed order and the arrivals."""
    folder.mkdir(parents=True, exist_ok=True)
    bodies = {m.uid: m.body for m in messages} | {m.uid: m.body for m, _ in spoiled}
    codes = {m.uid: code for m, code in spoiled}
    sent = arrivals(_dated([*messages, *(m for m, _ in spoiled)], days), _marked(codes), days, rates, dice)
    found: list[Refusal] = []
    by_day = in_feed_order(sent).partition_by("file", as_dict=True, maintain_order=True)
    files = {day: by_day[day,]["uid"].to_list() if (day,) in by_day else [] for day in days}
    for day, uids in files.items():
        _write(folder / name.format(day=day.isoformat()), [bodies[uid] for uid in uids])
        refused = [(n, uid) for n, uid in enumerate(uids, 1) if uid in codes]
        file = name.format(day=day.isoformat())
        found += [Refusal(file, n, codes[uid], bodies[uid], bodies[uid - SPOILED_BASE]) for n, uid in refused]
    clean = {day: [bodies[uid] for uid in takewhile(lambda uid: uid not in codes, uids)] for day, uids in files.items()}
    if rates.duplicates:
        _again(folder, name, clean, days)
    if rates.poison:
        found += _cut_off(folder, name, clean, days)
    return found, sent


def _write(path: Path, lines: Sequence[bytes]) -> None:
    with path.open("wb") as out:
        out.writelines(part for line in lines for part in (line, b"\n"))


def _again(folder: Path, name: str, clean: dict[date, list[bytes]], days: list[date]) -> None:
    """A file of the second half of the window that is sent again the next day, under another name and without its end."""
    chosen = _longest(clean, days[len(days) // 2 : -1])
    if chosen:
        after = days[days.index(chosen) + 1]
        _write(folder / name.format(day=f"{after.isoformat()}-again"), clean[chosen])


def _cut_off(folder: Path, name: str, clean: dict[date, list[bytes]], days: list[date]) -> list[Refusal]:
    """A file of the first half that breaks off in the middle of a line: the whole file comes after it."""
    # Not the first day, whose file of warehouses and ERP is nearly all there is.
    chosen = _longest(clean, days[1 : max(2, len(days) // 2)])
    if chosen is None:
        return []
    lines = clean[chosen][: len(clean[chosen]) * 2 // 3]
    *whole, last = lines
    cut = last[: len(last) // 2]
    file = name.format(day=f"{chosen.isoformat()}-cut-off")
    (folder / file).write_bytes(b"".join(line + b"\n" for line in whole) + cut)
    return [Refusal(file, len(lines), "not_json", cut, last)]


def _longest(clean: dict[date, list[bytes]], days: list[date]) -> date | None:
    """The day with the most lines before anything in its file must be refused; None if it has hardly any."""
    best = max(days, key=lambda day: len(clean[day]), default=None)
    return best if best and len(clean[best]) >= WORTH_A_FILE else None


def _dated(messages: Iterable[Message], days: list[date]) -> pl.DataFrame:
    first, last = days[0], days[-1]
    rows = [(m.uid, m.at) for m in messages]
    frame = pl.DataFrame(rows, schema={"uid": pl.Int64, "at": pl.Datetime("us")}, orient="row")
    # What was sent before the world begins arrives on its first day.
    return frame.with_columns(date=pl.col("at").dt.date().clip(pl.lit(first), pl.lit(last)))


def _marked(codes: dict[int, str]) -> pl.DataFrame:
    return pl.DataFrame({"uid": list(codes), "code": list(codes.values())}, schema={"uid": pl.Int64, "code": pl.String})
