"""The disk budget. Payments and stock are never given up; the cheap lane is, and what was given up is declared.

From 80 % on the oldest behaviour goes, sent or not; from 95 % on no more of it is taken; at 100 % records that Kafka has
acknowledged go, which are held only in case the centre asks again; and then appending fails, visibly, at the till.
"""

from __future__ import annotations

import sqlite3

from zhongtai_edge.database import PAGE, used
from zhongtai_edge.errors import Full
from zhongtai_edge.records import LANES, Lane

SHED = 0.80
NO_MORE = 0.95
AT_ONCE = 2_000  # records shed by one append, so that a till never waits long


def make(db: sqlite3.Connection, lane: Lane, size: int, budget_mb: float) -> None:
    """Room for `size` bytes in `lane`, within the caller's transaction. Raises `Full` when there is none."""
    budget = budget_mb * (1 << 20)
    wanted = size + 4 * PAGE
    if used(db) + wanted <= SHED * budget:
        return
    _shed(db, AT_ONCE)
    if lane.cheap and used(db) + wanted > NO_MORE * budget:
        raise Full("The disk budget is used up: behaviour is not taken any more.", "See: zhongtai-edge status")
    while used(db) + wanted > budget and _shed(db, AT_ONCE):
        pass
    if used(db) + wanted > budget:
        for n, one in enumerate(LANES):
            db.execute(
                f"DELETE FROM {one.name} WHERE EXISTS"
                f" (SELECT 1 FROM cursors c WHERE c.lane = ? AND c.epoch = {one.name}.epoch AND {one.name}.seq <= c.acked)",
                (n,),
            )
    if used(db) + wanted > budget:
        raise Full(
            "The disk budget is used up: the record was NOT taken.",
            "Let the outbox send (is the line up?), or give it more: budget_mb in edge.json.",
        )


def _shed(db: sqlite3.Connection, most: int) -> int:
    """Gives up the oldest records of the cheap lanes. What had not been sent is declared. Returns how many went."""
    gone = 0
    for n, lane in enumerate(LANES):
        if not lane.cheap:
            continue
        rows = db.execute(f"SELECT id, epoch, seq FROM {lane.name} ORDER BY id LIMIT ?", (most,)).fetchall()
        acked = dict(db.execute("SELECT epoch, acked FROM cursors WHERE lane = ?", (n,)))
        for epoch in dict.fromkeys(row[1] for row in rows):
            unsent = [seq for _, e, seq in rows if e == epoch and seq > acked.get(epoch, 0)]
            if unsent:
                _declare(db, n, epoch, min(unsent), max(unsent))
        if rows:
            db.execute(f"DELETE FROM {lane.name} WHERE id <= ?", (rows[-1][0],))
        gone += len(rows)
    return gone


def _declare(db: sqlite3.Connection, lane: int, epoch: str, low: int, high: int) -> None:
    """Joined to the range before it while that has not been sent, so that a long time offline is one declaration."""
    joined = db.execute(
        "UPDATE said SET high = ? WHERE lane = ? AND epoch = ? AND says = 'shed' AND sent = 0 AND high = ?",
        (high, lane, epoch, low - 1),
    )
    if not joined.rowcount:
        db.execute(
            "INSERT INTO said (lane, epoch, says, low, high) VALUES (?, ?, 'shed', ?, ?)", (lane, epoch, low, high)
        )
