"""One shop's processes, as they run under chaos: a till that appends, and the line that sends. Each may have to die."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import zhongtai_edge.sending
from zhongtai_edge import Config, Full, Outbox
from zhongtai_edge.line import KafkaLine, Parcel
from zhongtai_edge.pace import Backoff
from zhongtai_edge.sending import Sending

from tests.chaos.edge import disk, plants

DAY = "2026-11-22"
LANES = ("payments", "stock", "behaviour")


class Death(NamedTuple):
    """The process kills itself when it passes `step` for the `times`th time; the power may go with it."""

    step: str
    times: int
    power_cut: bool = False


class Plan(NamedTuple):
    """What a shop does and what befalls it. `work` is lane and count of each commit, in order; the last `live` are
    appended while it sends. `damage` happens after the first death of the till, or after everything was sent.
    """

    store: str
    work: tuple[tuple[str, int], ...]
    live: int = 0
    till: tuple[Death, ...] = ()
    line: tuple[Death, ...] = ()
    damage: str = ""
    budget_mb: float = 64.0
    swallow: int = 0
    grace_s: float = 1.0
    rate: float = 3_000.0

    @property
    def offline(self) -> tuple[tuple[str, int], ...]:
        """The work that is done while the centre cannot be reached."""
        return self.work[: len(self.work) - self.live]


def payload(store: str, lane: str, n: int) -> bytes:
    """The nth record of a lane: what the oracle expects, and nothing that depends on how it gets there."""
    if lane == "payments":
        cents = 100 + n % 900
        line = {"sku": "WATER", "quantity": "1", "unit": "each", "amount_cents": cents}
        told = {
            "store": store,
            "till": "1",
            "clerk": "anna",
            "number": n,
            "at": f"{DAY}T10:00:00+08:00",
            "kind": "sale",
        }
        told |= {"currency": "CNY", "lines": [line], "tenders": [{"type": "cash", "amount_cents": cents}]}
    elif lane == "stock":
        told = {"store": store, "counted": n}
    else:
        told = {"type": "track", "messageId": f"{store}-{n}", "event": "Product Viewed", "filler": "x" * 300}
    return json.dumps(told).encode()


def till(config: Config, work: Sequence[tuple[str, int]], death: Death | None, plant: str) -> None:
    """Appends what has not been acknowledged yet, and writes down each acknowledgement after it was given.

    It is killed between the two now and then: then it appends again what the outbox already has, as a till would.
    """
    at = _begin(config.home, death, plant)
    outbox = Outbox(config, at=at)
    done = len(acknowledged(config.home))
    given: Counter[str] = Counter()
    with (config.home / "acknowledged").open("a") as file:
        for number, (lane, count) in enumerate(work):
            first = given[lane] + 1
            given[lane] += count
            if number < done:
                continue
            payloads = [payload(config.store, lane, n) for n in range(first, first + count)]
            try:
                epoch, seqs = outbox.append_many(lane, payloads)
                told = {"lane": lane, "first": first, "count": count, "epoch": epoch, "seq": seqs[0]}
            except Full:
                told = {"lane": lane, "first": first, "count": 0, "epoch": "", "seq": 0}
            file.write(json.dumps(told) + "\n")
            file.flush()
    outbox.close()


def acknowledged(home: Path) -> list[dict[str, object]]:
    """What the till was told is safe, commit by commit. Half a line at the end was not told yet."""
    path = home / "acknowledged"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]]


class Lossy(KafkaLine):
    """A centre that acknowledges some records and does not have them: what a broker does that loses its disk."""

    swallow = 0

    def send(self, parcels: Sequence[Parcel]) -> int:
        dice = random.Random(self.swallow)
        lost = set(dice.sample(range(len(parcels)), min(self.swallow, len(parcels))))
        lost = {n for n in lost if parcels[n].topic == "raw.pos"}
        with (self._config.home / "swallowed").open("a") as file:
            file.writelines(dict(parcels[n].headers)["zt_edge"].decode() + "\n" for n in sorted(lost))
        if lost:
            self.swallow = 0
        super().send([parcel for n, parcel in enumerate(parcels) if n not in lost])
        return len(parcels)


def line(config: Config, death: Death | None, plant: str, swallow: int) -> None:
    """Sends until SIGTERM."""
    at = _begin(config.home, death, plant)
    outbox = Outbox(config, at=at)
    zhongtai_edge.sending.BATCH = 50  # more batches, so more places to die at

    def connect() -> KafkaLine:
        made = Lossy(config, at) if swallow else KafkaLine(config, at)
        if isinstance(made, Lossy):
            made.swallow = swallow
        return made

    sending = Sending(outbox, connect, random.Random(config.store).random)
    sending._backoff = Backoff(0.2, 3.0, random.Random(config.store).random)  # a trial has no hour
    signal.signal(signal.SIGTERM, lambda *_: sending.stop())
    sending.run()
    outbox.close()


def _outlive_nobody(server: int) -> None:
    """Ends this process when the driver has ended. Our parent is multiprocessing's server, which lives as long as we do."""

    def parent(pid: int) -> int:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])

    driver = parent(server)
    while os.getppid() == server and parent(server) == driver:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGKILL)


def _begin(home: Path, death: Death | None, plant: str) -> Callable[[str], None]:
    threading.Thread(target=_outlive_nobody, args=(os.getppid(),), daemon=True).start()
    passed: Counter[str] = Counter()

    def at(step: str) -> None:
        passed[step] += 1
        if death is not None and (death.step, death.times) == (step, passed[step]):
            os.kill(os.getpid(), signal.SIGKILL)

    disk.install(home, at)
    plants.plant(plant)
    return at
