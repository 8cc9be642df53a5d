"""The outbox: what is appended is durable when `append` returns, and is held until the centre has it.

One `Outbox` belongs to one thread; any number of processes may have the same one open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Callable

from zhongtai_edge import database, room
from zhongtai_edge.config import Config
from zhongtai_edge.database import Rotten, transaction
from zhongtai_edge.errors import BadInput
from zhongtai_edge.keeping import Keeper
from zhongtai_edge.records import BY_NAME, LANES, Declared, Held, held, missing
from zhongtai_edge.salvage import begin

LARGEST = (1 << 20) - 16 * 1024  # Kafka's limit for a raw record, less what travels with it
BATCH_BYTES = 4 << 20


class Outbox:
    """`at` is told each step by name: for tests that stop the process there."""

    def __init__(
        self,
        config: Config,
        *,
        check: bool = True,
        at: Callable[[str], None] = lambda _: None,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.config = config
        self.at = at
        self._notify = notify
        self._keeper = Keeper(config.home, at, notify)
        if check:
            self._keeper.do(database.check)

    @property
    def epoch(self) -> str:
        return self._keeper.epoch

    # -- appending -----------------------------------------------------------------------------------------------------

    def append(self, lane: str, payload: bytes, *, format: str = "") -> tuple[str, int]:
        """(epoch, seq) of a record that survives a power cut from now on. Raises `Full` when it was not taken."""
        epoch, seqs = self.append_many(lane, [payload], format=format)
        return epoch, seqs[0]

    def append_many(
        self, lane: str, payloads: Sequence[bytes], *, format: str = "", read: tuple[str, int, int] | None = None
    ) -> tuple[str, range]:
        """All of them or none, in one commit, under consecutive numbers. `read` says how far a file was read (path,
        inode, offset), in the same commit: a folder that is watched is taken exactly once.
        """
        if lane not in BY_NAME:
            raise BadInput(f"There is no lane {lane}.", f"Lanes: {', '.join(BY_NAME)}.")
        if any(not 0 < len(payload) <= LARGEST for payload in payloads):
            raise BadInput(
                f"A record is empty, or longer than {LARGEST} bytes.", "Send it another way; nothing was taken."
            )
        number = BY_NAME[lane].rank
        now = _spelt(datetime.now(timezone.utc))
        named = format or BY_NAME[lane].format

        def work(db: sqlite3.Connection) -> tuple[str, range]:
            with transaction(db):
                room.make(db, LANES[number], sum(map(len, payloads)), self.config.budget_mb)
                first = self._next(db, number)
                seqs = range(first, first + len(payloads))
                rows = (held(number, self.epoch, seq, now, named, payload) for seq, payload in zip(seqs, payloads))
                db.executemany(
                    f"INSERT INTO {lane} (epoch, seq, at, format, crc, payload) VALUES (?, ?, ?, ?, ?, ?)",
                    [(r.epoch, r.seq, r.at, r.format, r.crc, r.payload) for r in rows],
                )
                db.execute("UPDATE cursors SET next = ? WHERE lane = ? AND epoch = ?", (seqs.stop, number, self.epoch))
                if read is not None:
                    db.execute("REPLACE INTO files VALUES (?, ?, ?)", read)
                self.at("before commit")
            self.at("committed")
            return self.epoch, seqs

        return self._keeper.do(work)

    def read_until(self, path: str) -> tuple[int, int]:
        """Inode and offset until which a watched file was taken; (0, 0) when it never was."""
        row = self._keeper.do(lambda db: db.execute("SELECT inode, read FROM files WHERE path = ?", (path,)).fetchone())
        return (int(row[0]), int(row[1])) if row else (0, 0)

    # -- sending -------------------------------------------------------------------------------------------------------

    def unsent(self, most: int, leave: frozenset[int] = frozenset()) -> list[Held]:
        """The next records to send: of the first lane that has any, of its oldest epoch, in the order of their numbers."""

        def work(db: sqlite3.Connection) -> list[Held]:
            cursors = db.execute("SELECT lane, epoch, acked FROM cursors WHERE acked < next - 1 ORDER BY lane, epoch")
            for lane, epoch, acked in cursors.fetchall():
                if lane in leave:
                    continue
                rows = self._rows(db, lane, epoch, acked + 1, 1 << 62, most)
                if rows:
                    return rows
                # What stood there was shed or lost, and said so.
                with transaction(db):
                    db.execute("UPDATE cursors SET acked = next - 1 WHERE lane = ? AND epoch = ?", (lane, epoch))
            return []

        return self._keeper.do(work)

    def advance(self, lane: int, epoch: str, seq: int) -> None:
        """Everything of this lane and epoch up to `seq` was acknowledged by Kafka. Never goes back."""

        def work(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.execute(
                    "UPDATE cursors SET acked = MAX(acked, ?) WHERE lane = ? AND epoch = ? AND ? < next",
                    (seq, lane, epoch, seq),
                )

        self._keeper.do(work)

    def undeclared(self) -> list[tuple[int, Declared]]:
        """What the centre has not been told yet: ranges shed or lost, and how far each lane has come."""

        def work(db: sqlite3.Connection) -> list[tuple[int, Declared]]:
            rows = db.execute("SELECT id, lane, epoch, says, low, high FROM said WHERE sent = 0 ORDER BY id")
            return [(row[0], Declared(*row[1:])) for row in rows.fetchall()]

        return self._keeper.do(work)

    def declared(self, ids: Sequence[int]) -> None:
        def work(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.executemany("UPDATE said SET sent = 1 WHERE id = ?", [(one,) for one in ids])
                db.execute("DELETE FROM said WHERE sent = 1 AND says = 'top'")

        self._keeper.do(work)

    def tell_tops(self) -> None:
        """Has the centre told how far each lane was acknowledged, where that is new: so it sees a missing tail too."""

        def work(db: sqlite3.Connection) -> None:
            moved = db.execute("SELECT lane, epoch, acked FROM cursors WHERE acked > topped").fetchall()
            if not moved:
                return
            with transaction(db):
                db.executemany(
                    "INSERT INTO said (lane, epoch, says, low, high) VALUES (?, ?, 'top', ?, ?)",
                    [(lane, epoch, acked, acked) for lane, epoch, acked in moved],
                )
                db.execute("UPDATE cursors SET topped = acked WHERE acked > topped")

        self._keeper.do(work)

    # -- what the centre says ------------------------------------------------------------------------------------------

    def asked(self, lane: int, epoch: str, low: int, high: int, most: int) -> list[Held]:
        """The records of a gap that are still held. What is not held any more is declared lost, so that nobody asks again.

        Numbers that were not acknowledged yet are on their way in any case, and are left to it.
        """

        def work(db: sqlite3.Connection) -> list[Held]:
            row = db.execute("SELECT acked FROM cursors WHERE lane = ? AND epoch = ?", (lane, epoch)).fetchone()
            last = min(high, row[0]) if row else high if epoch in self.own_epochs() else 0
            if last < low:
                return []
            rows = self._rows(db, lane, epoch, low, last, most)
            until = rows[-1].seq if len(rows) == most else last
            with transaction(db):
                for a, b in missing(low, until, [r.seq for r in rows]):
                    db.execute(
                        "INSERT INTO said (lane, epoch, says, low, high) SELECT ?, ?, 'lost', ?, ? WHERE NOT EXISTS"
                        " (SELECT 1 FROM said WHERE lane = ? AND epoch = ? AND low <= ? AND high >= ? AND says <> 'top')",
                        (lane, epoch, a, b, lane, epoch, a, b),
                    )
            return rows

        return self._keeper.do(work)

    def confirm(self, lane: int, epoch: str, seen: Sequence[tuple[int, int]]) -> None:
        """The centre has these: what Kafka acknowledged of them is not held any longer."""

        def work(db: sqlite3.Connection) -> None:
            row = db.execute("SELECT acked FROM cursors WHERE lane = ? AND epoch = ?", (lane, epoch)).fetchone()
            first = db.execute(f"SELECT min(seq) FROM {LANES[lane].name} WHERE epoch = ?", (epoch,)).fetchone()[0]
            if row is None or first is None:
                return
            for low, high in seen:
                if min(high, row[0]) >= max(low, first):
                    with transaction(db):
                        db.execute(
                            f"DELETE FROM {LANES[lane].name} WHERE epoch = ? AND seq BETWEEN ? AND ?",
                            (epoch, max(low, first), min(high, row[0])),
                        )

        self._keeper.do(work)

    def expire(self) -> None:
        """Lets go of what was acknowledged longer ago than `keep_days`, though the centre never confirmed it."""
        until = _spelt(datetime.now(timezone.utc) - timedelta(days=self.config.keep_days))

        def work(db: sqlite3.Connection) -> None:
            for lane, epoch, acked in db.execute("SELECT lane, epoch, acked FROM cursors").fetchall():
                with transaction(db):
                    db.execute(
                        f"DELETE FROM {LANES[lane].name} WHERE epoch = ? AND seq <= ? AND at < ?",
                        (epoch, acked, until),
                    )

        self._keeper.do(work)

    def is_stale_copy(self, lane: int, epoch: str, last: int) -> bool:
        """Whether the centre knows numbers of our present epoch that we never gave out: a backup was put back."""
        row = self._keeper.do(
            lambda db: db.execute("SELECT next FROM cursors WHERE lane = ? AND epoch = ?", (lane, epoch)).fetchone()
        )
        return epoch == self.epoch and row is not None and last >= row[0]

    def begin_anew(self) -> None:
        """Goes on under a new epoch; what was never acknowledged moves into it, because its numbers may be taken."""

        def work(db: sqlite3.Connection) -> None:
            old, new = self.epoch, self._keeper.new_epoch()
            with transaction(db):
                begin(db, new)
                for lane, acked in db.execute("SELECT lane, acked FROM cursors WHERE epoch = ?", (old,)).fetchall():
                    moved = self._rows(db, lane, old, acked + 1, 1 << 62, 1 << 62)
                    for seq, one in enumerate(moved, 1):
                        now = held(lane, new, seq, one.at, one.format, one.payload)
                        db.execute(
                            f"UPDATE {LANES[lane].name} SET epoch = ?, seq = ?, crc = ? WHERE epoch = ? AND seq = ?",
                            (new, seq, now.crc, old, one.seq),
                        )
                    db.execute("UPDATE cursors SET next = ? WHERE lane = ? AND epoch = ?", (len(moved) + 1, lane, new))
                    db.execute("UPDATE cursors SET next = acked + 1 WHERE lane = ? AND epoch = ?", (lane, old))
            self._keeper.epoch = new
            self._notify(
                f"This outbox is an older copy of itself (a backup was put back?). It goes on under epoch {new}."
            )

        self._keeper.do(work)

    # -- for people ----------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, object]:
        """Counts by lane, what was shed or lost, and how much of the disk budget is used."""

        def work(db: sqlite3.Connection) -> dict[str, object]:
            lanes = {}
            for n, lane in enumerate(LANES):
                (waiting, sent) = db.execute(
                    f"SELECT coalesce(sum(r.seq > c.acked), 0), coalesce(sum(r.seq <= c.acked), 0) FROM {lane.name} r"
                    " JOIN cursors c ON c.lane = ? AND c.epoch = r.epoch",
                    (n,),
                ).fetchone()
                (next_,) = db.execute("SELECT coalesce(sum(next - 1), 0) FROM cursors WHERE lane = ?", (n,)).fetchone()
                gone = dict(
                    db.execute(
                        "SELECT says, sum(high - low + 1) FROM said WHERE lane = ? AND says <> 'top' GROUP BY says",
                        (n,),
                    )
                )
                lanes[lane.name] = {
                    "appended": next_,
                    "waiting": waiting,
                    "unconfirmed": sent,
                    "shed": gone.get("shed", 0),
                    "lost": gone.get("lost", 0),
                }
            full = database.used(db) / (self.config.budget_mb * (1 << 20))
            return {"store": self.config.store, "epoch": self.epoch, "lanes": lanes, "full": round(full, 4)}

        return self._keeper.do(work)

    def verify(self) -> int:
        """Reads everything; the number of records held. Raises `Rotten` for the first that is not what was written."""

        def work(db: sqlite3.Connection) -> int:
            database.check(db)
            count = 0
            for lane, name in enumerate(one.name for one in LANES):
                for row in db.execute(f"SELECT epoch, seq, at, format, payload, crc FROM {name}"):
                    if not Held(lane, *row).whole:
                        raise Rotten(f"{name} {row[0]} {row[1]}: checksum")
                    count += 1
            return count

        return self._keeper.look(work)

    def salvage(self, why: str) -> None:
        """Puts the database aside and goes on with what can be read of it."""
        self._keeper.salvage(why)

    def own_epochs(self) -> list[str]:
        """Every epoch that this outbox ever had, oldest first, also of databases that are gone."""
        return self._keeper.own_epochs()

    def close(self) -> None:
        self._keeper.close()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _next(self, db: sqlite3.Connection, lane: int) -> int:
        row = db.execute("SELECT next FROM cursors WHERE lane = ? AND epoch = ?", (lane, self.epoch)).fetchone()
        if row is None:
            raise Rotten("a lane has no cursor")
        return int(row[0])

    def _rows(self, db: sqlite3.Connection, lane: int, epoch: str, low: int, high: int, most: int) -> list[Held]:
        query = f"SELECT epoch, seq, at, format, payload, crc FROM {LANES[lane].name} WHERE epoch = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"  # noqa: E501
        found: list[Held] = []
        size = 0
        for row in db.execute(query, (epoch, low, high, most)):
            one = Held(lane, *row)
            if not one.whole:
                raise Rotten(f"{LANES[lane].name} {epoch} {one.seq}: checksum")
            found.append(one)
            size += len(one.payload)
            if size > BATCH_BYTES and most < 1 << 62:
                break
        return found


def _spelt(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
