"""Sending: what was appended goes to the centre, dear lanes first, until everything is there.

 1. Read the next records: of the first lane that has any, in the order of their numbers.
 2. Hand them to Kafka, no faster than the rate.
 3. Wait until all replicas acknowledged them.
 4. Move the cursor to the end of the longest acknowledged prefix.

Killed anywhere, it goes on from the cursor: some records are sent twice, none is left out, and the centre takes each
(store, epoch, lane, seq) once. A lane is looked at again after each batch, so payments never wait for more than one.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Callable, Protocol

from zhongtai_edge.line import Broken, Known, NoTopic, Parcel
from zhongtai_edge.outbox import Outbox
from zhongtai_edge.pace import Backoff, Bucket
from zhongtai_edge.records import DECLARATIONS, LANES, Declared, Held, declaration, headers

BATCH = 500
PAUSE_S = 0.2
LOOK_S = 1.0
HOLD_S = 60.0
EXPIRE_S = 3600.0
LISTEN_S = 10.0


class Line(Protocol):
    """The centre, as sending needs it."""

    def send(self, parcels: Sequence[Parcel]) -> int: ...
    def known(self, wait_s: float) -> list[Known]: ...
    def heard_all(self) -> bool: ...
    def close(self) -> None: ...


class Sending:
    """One per outbox at a time: two would do no harm, but send everything twice."""

    def __init__(
        self,
        outbox: Outbox,
        connect: Callable[[], Line],
        dice: Callable[[], float],
        *,
        notify: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._connect = connect
        self._notify = notify
        self._clock = clock
        self._grace = outbox.config.grace_s
        self._backoff = Backoff(1.0, 60.0, dice)
        self._bucket = Bucket(outbox.config.rate, max(outbox.config.rate, BATCH), clock())
        self._stop = threading.Event()
        self._held_up: dict[int, float] = {}  # lanes whose topic the centre lacks → until when they wait
        self._gaps: dict[tuple[int, str, int, int], tuple[float, int]] = {}  # gap → since when, how often answered
        self._again: deque[tuple[int, str, int, int]] = deque()
        self._due = {"look": 0.0, "top": 0.0, "expire": 0.0}
        self._silent = False

    def stop(self) -> None:
        """`run` returns soon after. May be called from any thread, or a signal handler."""
        self._stop.set()

    def run(self, until_empty: bool = False) -> None:
        """Sends until `stop`, or, if wished, until nothing waits to be sent. Outages are waited out."""
        while not self._stop.is_set():
            line = None
            try:
                line = self._connect()
                self._listen_first(line)
                if self._silent:
                    self._notify("The centre answers again.")
                    self._silent = False
                self._stay(line, until_empty)
                return
            except Broken as error:
                pause = self._backoff.failed()
                if not self._silent:
                    self._notify(f"The centre does not answer ({error}). Records are kept; trying again by itself.")
                    self._silent = True
                self._stop.wait(pause)
            finally:
                if line is not None:
                    line.close()

    def _stay(self, line: Line, until_empty: bool) -> None:
        while not self._stop.is_set():
            busy = self._step(line)
            self._housekeeping(line)
            if not busy and until_empty and not self._outbox.undeclared() and not self._again:
                return
            if not busy:
                self._stop.wait(PAUSE_S)

    def _step(self, line: Line) -> bool:
        """One batch. The order of the lanes: payments, stock, what the outbox has to declare, behaviour."""
        now = self._clock()
        leave = frozenset(lane for lane, until in self._held_up.items() if until > now)
        batch = self._outbox.unsent(BATCH, leave)
        if self._again and (not batch or self._again[0][0] < batch[0].lane):
            return self._answer(line)
        if (not batch or LANES[batch[0].lane].cheap) and self._declare(line):
            return True
        if not batch:
            return False
        return self._send(line, batch, now)

    def _send(self, line: Line, batch: list[Held], now: float) -> bool:
        lane, epoch = batch[0].lane, batch[0].epoch
        allowed = self._bucket.take(len(batch), now)
        if not allowed:
            self._stop.wait(0.02)
            return True
        self._outbox.at("read")
        try:
            acked = line.send(self._parcels(batch[:allowed]))
        except NoTopic as error:
            self._notify(f"The centre has no topic {error}: lane {LANES[lane].name} waits.")
            self._held_up[lane] = now + HOLD_S
            return True
        if acked:
            self._outbox.advance(lane, epoch, batch[acked - 1].seq)
            self._outbox.at("cursor moved")
            self._backoff.succeeded()
        if acked < allowed:
            raise Broken("a record was not acknowledged")
        return True

    def _parcels(self, batch: Sequence[Held]) -> list[Parcel]:
        store = self._outbox.config.store
        return [Parcel(LANES[one.lane].topic, one.payload, headers(store, one)) for one in batch]

    def _declare(self, line: Line) -> bool:
        """Tells the centre what was shed or lost, so that it does not ask for it, and how far each lane has come."""
        said = self._outbox.undeclared()
        if not said or self._held_up.get(len(LANES), 0.0) > self._clock():
            return False
        store = self._outbox.config.store
        parcels = [Parcel(DECLARATIONS, _words(store, one), declaration(store, one)) for _, one in said]
        try:
            acked = line.send(parcels)
        except NoTopic:
            self._held_up[len(LANES)] = self._clock() + HOLD_S
            return False
        self._outbox.declared([number for number, _ in said[:acked]])
        if acked < len(said):
            raise Broken("a declaration was not acknowledged")
        return True

    # -- what the centre says ------------------------------------------------------------------------------------------

    def _listen_first(self, line: Line) -> None:
        """Before anything is sent: does the centre know more of us than we do? Then a backup of the outbox was put back."""
        until = self._clock() + LISTEN_S
        told: list[Known] = []
        while self._clock() < until and not self._stop.is_set():
            told += line.known(0.1)
            if line.heard_all():
                break
        if any(self._outbox.is_stale_copy(one.lane, one.epoch, one.last) for one in told):
            self._outbox.begin_anew()
        self._take(told)

    def _housekeeping(self, line: Line) -> None:
        now = self._clock()
        if now >= self._due["look"]:
            self._due["look"] = now + min(LOOK_S, self._grace)
            self._take(line.known(0.02))
            self._ripen(now)
        if now >= self._due["top"]:
            self._due["top"] = now + self._outbox.config.heartbeat_s
            self._outbox.tell_tops()
        if now >= self._due["expire"]:
            self._due["expire"] = now + EXPIRE_S
            self._outbox.expire()

    def _take(self, told: Sequence[Known]) -> None:
        own = set(self._outbox.own_epochs()) if told else set()
        latest = {(one.lane, one.epoch): one for one in told if one.epoch in own}
        for one in latest.values():
            self._outbox.confirm(one.lane, one.epoch, one.seen)
            for gap in [g for g in self._gaps if g[:2] == (one.lane, one.epoch) and g[2:] not in one.gaps]:
                del self._gaps[gap]
            for low, high in one.gaps:
                self._gaps.setdefault((one.lane, one.epoch, low, high), (self._clock(), 0))

    def _ripen(self, now: float) -> None:
        """A gap counts as asked for when it has stood for a while: records on their way are no gap."""
        for gap, (since, answered) in self._gaps.items():
            if now - since >= self._grace * 2 ** min(answered, 10) and gap not in self._again:
                self._gaps[gap] = (now, answered + 1)
                self._again.append(gap)

    def _answer(self, line: Line) -> bool:
        """Sends a piece of what was asked for again. The cursor stays: these were acknowledged before."""
        lane, epoch, low, high = self._again[0]
        allowed = self._bucket.take(BATCH, self._clock())
        if not allowed:
            self._stop.wait(0.02)
            return True
        rows = self._outbox.asked(lane, epoch, low, high, allowed)
        if rows and line.send(self._parcels(rows)) < len(rows):
            raise Broken("a record was not acknowledged")
        self._again.popleft()
        if len(rows) == allowed and rows[-1].seq < high:
            self._again.appendleft((lane, epoch, rows[-1].seq + 1, high))
        return True


def _words(store: str, said: Declared) -> bytes:
    """The declaration once more, for people who look into the topic. Machines read its headers."""
    told = {"v": 1, "store": store, **said._asdict(), "lane": LANES[said.lane].name}
    return json.dumps(told).encode()
