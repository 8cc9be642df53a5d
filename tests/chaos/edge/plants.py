"""Bugs that a shop's process can be given, in this process only. Each is what somebody could write in good faith."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import zhongtai_edge.database as database
import zhongtai_edge.room as room
from zhongtai_edge.keeping import Keeper
from zhongtai_edge.outbox import Outbox
from zhongtai_edge.records import LANES, Held
from zhongtai_edge.sending import Sending


def cursor_before_ack() -> None:
    """The cursor moves when records are handed over: what was never acknowledged is never sent again."""
    original = Sending._send

    def send(self: Sending, line: Any, batch: list[Held], now: float) -> bool:
        self._outbox.advance(batch[0].lane, batch[0].epoch, batch[-1].seq)
        return original(self, line, batch, now)

    Sending._send = send  # type: ignore[method-assign]


def synchronous_off() -> None:
    """Commits are not fsynced: it is so much faster."""

    def prepare(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")

    database._prepare = prepare


def acked_before_commit() -> None:
    """Appends are gathered and committed some at a time; the till is told at once."""
    original = Outbox.append_many
    waiting: list[tuple[str, list[bytes]]] = []
    counts: dict[str, int] = {}

    def append_many(self: Outbox, lane: str, payloads: Sequence[bytes], **more: Any) -> tuple[str, range]:
        waiting.append((lane, list(payloads)))
        if len(waiting) >= 5:
            for one, gathered in waiting:
                original(self, one, gathered, **more)
            waiting.clear()
        first = counts.get(lane, 0) + 1
        counts[lane] = counts.get(lane, 0) + len(payloads)
        return self.epoch, range(first, first + len(payloads))

    Outbox.append_many = append_many  # type: ignore[method-assign]


def lane_order_ignored() -> None:
    """Whatever waits is sent, the last lane first."""
    original = Outbox.unsent

    def unsent(self: Outbox, most: int, leave: frozenset[int] = frozenset()) -> list[Held]:
        for lane in reversed(range(len(LANES))):
            found = original(self, most, leave | (frozenset(range(len(LANES))) - {lane}))
            if found:
                return found
        return []

    Outbox.unsent = unsent  # type: ignore[method-assign]


def epoch_kept() -> None:
    """A salvaged outbox goes on under the epoch that it had."""
    original = Keeper.new_epoch

    def new_epoch(self: Keeper) -> str:
        own = self.own_epochs()
        return own[-1] if own else original(self)

    Keeper.new_epoch = new_epoch  # type: ignore[method-assign]


def asking_ignored() -> None:
    """What was acknowledged once is never sent again, whatever the centre misses."""
    Sending._ripen = lambda self, now: None  # type: ignore[method-assign]


def shed_in_silence() -> None:
    """The cheap lane is shed, and nobody is told."""
    room._declare = lambda *_: None


def checksum_ignored() -> None:
    """What SQLite reads is sent."""
    Held.whole = property(lambda self: True)  # type: ignore[method-assign,assignment]


PLANTS: dict[str, Callable[[], None]] = {
    one.__name__: one
    for one in (
        cursor_before_ack,
        synchronous_off,
        acked_before_commit,
        lane_order_ignored,
        epoch_kept,
        asking_ignored,
        shed_in_silence,
        checksum_ignored,
    )
}


def plant(name: str) -> None:
    if name:
        PLANTS[name]()
