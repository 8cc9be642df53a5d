"""One trial: shops that append while the line is down, and are all back at once; and its verdict."""

import json
import multiprocessing
import random
import secrets
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from zhongtai_edge import Config

from connectors.settings import Settings
from tests.chaos.edge import disk, shop
from tests.chaos.edge.centre import settle
from tests.chaos.edge.gate import Gate
from tests.chaos.edge.oracle import Noted, Shop, Witness, complete, judge
from tests.chaos.edge.shop import LANES, Death, Plan

AT_ONCE = 4
PATIENCE_S = 180.0
MOST_TOLD = 10
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.chaos.edge.shop"])
_starting = threading.Lock()


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    violations: int
    told: list[str]
    seconds: float
    shops: int
    offline: int  # receipts that tills appended while the centre could not be reached
    receipts: int
    records: int
    repeats: int
    shed: int
    lost: int
    deaths: dict[str, int]
    kept: str = ""


@contextmanager
def _no_main() -> Iterator[None]:
    """A child would import whatever was started as the main module, in half a second, and needs nothing of it."""
    main: Any = sys.modules["__main__"]
    hidden = {name: getattr(main, name) for name in ("__spec__", "__file__") if hasattr(main, name)}
    for name in hidden:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in hidden.items():
            setattr(main, name, value)


class Stage:
    """A shop's folder and its processes. One thread drives it."""

    def __init__(self, address: str, folder: Path, tenant: str, plan: Plan, seed: str, plant: str) -> None:
        self.plan = plan
        self.home = folder / plan.store
        self.noted: list[Noted] = []
        self.deaths: Counter[str] = Counter()
        self._plant = plant
        self._dice = random.Random(f"{seed} {plan.store}")
        self._damaged = False
        self._line: Any = None
        self._till: Any = None
        self.config = Config(
            self.home,
            tenant,
            plan.store,
            address,
            rate=plan.rate,
            budget_mb=plan.budget_mb,
            grace_s=plan.grace_s,
            heartbeat_s=0.5,
        )
        self.config.write()

    def offline(self) -> None:
        """The till appends its backlog, dying now and then, and beside it the line tries in vain to reach the centre."""
        work = self.plan.offline
        for death in (*self.plan.till, None):
            if self._line is None:
                self._start_line(0)
            self._start_till(work, death)
            self._till.join()
            if self.plan.damage or (death is not None and death.power_cut):
                self._kill_line()
            self._died(self._till, death)
            if self.plan.damage in ("page", "flip"):
                self._damage()

    def back(self, settled: threading.Event) -> None:
        """The centre answers: the line sends, dying now and then, while the till goes on appending."""
        if self.plan.damage == "junk":
            self._send_all_then_lose_the_disk()
        self._start_till(self.plan.work, None)
        for number, death in enumerate((*self.plan.line, None)):
            if self._line is None:
                self._start_line(number)
            while self._line.is_alive() and not settled.is_set():
                self._line.join(0.1)
            if settled.is_set():
                break
            if death is not None and death.power_cut:
                self._kill(self._till)
            self._died(self._line, death)
            self._line = None
            self._note()
            if death is not None and death.power_cut:
                self._start_till(self.plan.work, None)
        settled.wait()
        self.end()

    def end(self) -> None:
        """Ends what still runs of this shop."""
        if self._line is not None and self._line.is_alive():
            self._line.terminate()
            self._line.join(20)
        for process in (self._line, self._till):
            self._kill(process)

    @property
    def appended(self) -> bool:
        return len(shop.acknowledged(self.home)) == len(self.plan.work)

    def shop(self) -> Shop:
        path = self.home / "swallowed"
        return Shop(self.plan, shop.acknowledged(self.home), set(path.read_text().split()) if path.exists() else set())  # type: ignore[arg-type]

    def _swallow(self) -> int:
        return 0 if (self.home / "swallowed").exists() else self.plan.swallow

    def _start(self, target: Any, *arguments: Any) -> Any:
        process = _context.Process(target=target, args=arguments)
        with _starting, _no_main():
            process.start()
        return process

    def _start_line(self, number: int) -> None:
        """The line with the death that it is to die as the `number`th."""
        death = (*self.plan.line, None)[number]
        self._line = self._start(shop.line, self.config, death, self._plant, self._swallow())

    def _kill_line(self) -> None:
        self._kill(self._line)
        self._line = None

    def _start_till(self, work: Sequence[tuple[str, int]], death: Death | None) -> None:
        self._till = self._start(shop.till, self.config, work, death, self._plant)

    def _kill(self, process: Any) -> None:
        if process is not None and process.is_alive():
            process.kill()
        if process is not None:
            process.join()

    def _died(self, process: Any, death: Death | None) -> None:
        process.join()
        # 255 is what multiprocessing says when it missed the status of a child that was killed; ours never end so.
        if process.exitcode not in (-signal.SIGKILL, 255):
            self.deaths[f"exit {process.exitcode}"] += process.exitcode != 0
            return
        if death is None:
            return  # it was to do all of its work, and whether it did is judged
        self.deaths[death.step + (", power cut" if death.power_cut else "")] += 1
        if death.power_cut:
            disk.cut(self.home, self._dice)

    def _note(self) -> None:
        now = int(time.time() * 1000)
        for lane, epoch, acked in _cursors(self.home):
            self.noted.append(Noted(now, self.plan.store, epoch, LANES[lane], acked))

    def _damage(self) -> None:
        if not self._damaged and (self.home / "current").exists() and shop.acknowledged(self.home):
            self._damaged = _damage(self.home, self.plan.damage, self._dice)
            self.deaths[f"damage: {self.plan.damage}"] += self._damaged

    def _send_all_then_lose_the_disk(self) -> None:
        self._kill_line()
        self._line = self._start(shop.line, self.config, None, self._plant, 0)
        until = time.monotonic() + 30
        while time.monotonic() < until and _waiting(self.home):
            time.sleep(0.1)
        self._kill_line()
        _damage(self.home, "junk", self._dice)
        self.deaths["damage: junk"] += 1


def run(
    settings: Settings, plans: Sequence[Plan], seed: str, plant: str = "", patience_s: float = PATIENCE_S
) -> Verdict:
    """Plays the plans and judges them. The same seed gives the same plans, deaths and damage, though not the same moments."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="zhongtai-chaos-edge-"))
    tenant = f"e-{secrets.token_hex(6)}"
    witness = Witness(settings, tenant)
    gate = Gate(settings.bootstrap)
    stages = [Stage(gate.address, folder, tenant, plan, seed, plant) for plan in plans]
    settled = threading.Event()
    try:
        with ThreadPoolExecutor(AT_ONCE) as several:
            list(several.map(Stage.offline, stages))
        gate.open()
        with ThreadPoolExecutor(len(stages)) as all_:
            back = [all_.submit(stage.back, settled) for stage in stages]
            try:
                _watch(witness, stages, patience_s)
            finally:
                settled.set()
            for one in back:
                one.result()
        settle(settings, 60)
        witness.drain()
    finally:
        for stage in stages:
            stage.end()
        gate.close()
        witness.close()
    shops = [stage.shop() for stage in stages]
    told = judge(witness, shops, [note for stage in stages for note in stage.noted])
    told += [f"{s.plan.store}: the till did not come to the end of its work" for s in stages if not s.appended]
    told += [
        f"{s.plan.store}: {word}" for s in stages for word in s.deaths if word.startswith("exit") and s.deaths[word]
    ]
    if told:
        (folder / "told.json").write_text(json.dumps(told, indent=1))
    if not told or plant:
        shutil.rmtree(folder, ignore_errors=True)
    return Verdict(
        violations=len(told),
        told=told[:MOST_TOLD],
        seconds=round(time.monotonic() - started, 1),
        shops=len(plans),
        offline=sum(count for plan in plans for lane, count in plan.offline if lane == "payments"),
        receipts=sum(witness.receipts.values()),
        records=len(witness.first),
        repeats=sum(edge["repeats"] for edge in witness.edges.values()),
        shed=_sum(witness, "shed"),
        lost=_sum(witness, "lost"),
        deaths=dict(sorted(sum((+stage.deaths for stage in stages), Counter()).items())),
        kept=str(folder) if told and not plant else "",
    )


def _sum(witness: Witness, word: str) -> int:
    return sum(high - low + 1 for edge in witness.edges.values() for low, high in edge[word])


def _watch(witness: Witness, stages: Sequence[Stage], patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        while witness.look(0.2):
            pass
        if all(stage.appended for stage in stages) and complete(witness, [stage.shop() for stage in stages]):
            return


def _database(home: Path) -> Path:
    return home / (home / "current").read_text()


def _cursors(home: Path) -> list[tuple[int, str, int]]:
    """Read from a copy: whoever closes a database last writes to it."""
    if not (home / "current").exists():
        return []
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            source = _database(home).with_name(_database(home).name + suffix)
            if source.exists():
                shutil.copy(source, Path(folder) / f"copy{suffix}")
        db = sqlite3.connect(Path(folder) / "copy")
        try:
            return db.execute("SELECT lane, epoch, acked FROM cursors").fetchall()
        except sqlite3.DatabaseError:
            return []
        finally:
            db.close()


def _waiting(home: Path) -> bool:
    wanted = sum(int(str(note["count"])) for note in shop.acknowledged(home))
    return sum(acked for _, _, acked in _cursors(home)) < wanted


def _damage(home: Path, kind: str, dice: random.Random) -> bool:
    """Spoils the database file behind SQLite's back, everything having been synced before. False: there was nothing to spoil."""
    path = _database(home)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    raw = bytearray(path.read_bytes())
    if kind == "junk":
        raw = bytearray(dice.randbytes(len(raw)))
    elif kind == "page":
        leaves = [at for at in range(4096, len(raw), 4096) if raw[at] == 0x0D and b'"store"' in raw[at : at + 4096]]
        for at in dice.sample(leaves, min(2, len(leaves))):
            raw[at : at + 4096] = dice.randbytes(4096)
    else:
        at = raw.find(b'"clerk": "anna"', dice.randrange(len(raw) // 2))
        if at < 0:
            return False
        raw[at + 10] ^= 1
    path.write_bytes(raw)
    for suffix in ("", "-wal", "-shm"):
        shadow = home / disk.SHADOW / (path.name + suffix)
        shadow.unlink(missing_ok=True)
        if suffix:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    (home / disk.SHADOW / path.name).write_bytes(raw)
    return True
