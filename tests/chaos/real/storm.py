"""Seeded faults on living workers: killed, ended, doubled, stopped for longer than their session, killed at a named step."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable

from tests.chaos.real.faults import IN_TRANSACTIONS
from tests.chaos.real.feed import Source
from tests.chaos.real.process import Process
from tests.chaos.real.scene import Scene

SLOTS = "abc"
TICK_S = 0.05
RATE = 1000  # events a second
# Longer than the session of three seconds: another worker takes over meanwhile.
ZOMBIE_S = (3.5, 6.0)
# A slot comes back at once, or only after its partitions have gone to another worker.
BACK_S = (0.0, 0.0, 0.5, 4.5)
STEPS = (
    *IN_TRANSACTIONS,
    *IN_TRANSACTIONS,
    "after committed",
    "in restore",
    "before revoke",
    "after revoke",
    "after assign",
)


class Storm:
    """Production and faults for `lasting_s` seconds, in one loop. Counts what it did in `actions`."""

    def __init__(self, scene: Scene, dice: random.Random, lasting_s: float) -> None:
        self.slots = set(SLOTS[: dice.randint(1, 3)])
        self.actions: Counter[str] = Counter()
        self._scene = scene
        self._dice = dice
        self._lasting_s = lasting_s
        # Dice of their own: how many events are drawn depends on the machine, and what happens next must not.
        self._feed_dice = random.Random(dice.random())
        self._source = Source(random.Random(dice.random()))
        self._due: list[tuple[float, Callable[[], object]]] = []
        self._away: set[str] = set()  # slots that somebody brings back later

    def blow(self) -> None:
        started = time.monotonic()
        next_action = started + 2.0  # workers need about that long to join
        fed = 0.0
        for slot in sorted(self.slots):
            self._scene.start(slot)
        while (now := time.monotonic()) < started + self._lasting_s:
            self._feed(now - started - fed)
            fed = now - started
            for due in [due for due in self._due if due[0] <= now]:
                self._due.remove(due)
                due[1]()
            self._supervise()
            if now >= next_action:
                next_action = now + self._dice.uniform(0.4, 2.0)
                self._act()
            time.sleep(TICK_S)

    # -- production ----------------------------------------------------------------------------------------------------

    def _feed(self, seconds: float) -> None:
        """What has come in since the last look; now and then in a transaction, and now and then that is aborted."""
        events = self._source.draw(min(2000, int(seconds * RATE)))
        roll = self._feed_dice.random()
        if roll < 0.1:
            self._scene.feed.send_transaction(events, abort=roll < 0.04)
        elif events:
            self._scene.feed.send(events)

    # -- faults --------------------------------------------------------------------------------------------------------

    def _act(self) -> None:
        actions = (self._kill, self._end, self._join, self._zombie, self._twin, self._at_a_step)
        action = self._dice.choices(actions, weights=(3, 2, 2, 3, 1, 3))[0]
        running = [process for process in self._scene.living if not process.stopped]
        if running:
            action(self._dice.choice(running))

    def _kill(self, victim: Process) -> None:
        self._count("kill -9")
        self._later_back(victim.slot)
        victim.kill()

    def _end(self, victim: Process) -> None:
        self._count("SIGTERM")
        self._later_back(victim.slot)
        victim.send(signal.SIGTERM)

    def _join(self, _: Process) -> None:
        free = sorted(set(SLOTS) - self.slots)
        if free:
            self._count("join")
            self.slots.add(free[0])

    def _zombie(self, victim: Process) -> None:
        self._count("zombie")
        victim.send(signal.SIGSTOP)
        self._after(self._dice.uniform(*ZOMBIE_S), victim.cont)

    def _twin(self, victim: Process) -> None:
        """A second process with the same slot, with the first one stopped for a while, or not."""
        self._count("twin")
        if self._dice.random() < 0.5:
            victim.send(signal.SIGSTOP)
            self._after(self._dice.uniform(1.0, 6.0), victim.cont)
        self._scene.start(victim.slot)

    def _at_a_step(self, victim: Process) -> None:
        """Replaced by a process that kills or stops itself, or has a transaction refused, at a named step."""
        what = self._dice.choices(("kill", "stop", "refuse"), weights=(3, 2, 1))[0]
        step = self._dice.choice(STEPS if what != "refuse" else ("after produce", "after offsets"))
        self._count(f"{what} {step}")
        victim.kill()
        nth = self._dice.randint(1, 2) if step not in IN_TRANSACTIONS else self._dice.randint(1, 8)
        self._scene.start(victim.slot, f"{what} {step}:{nth}")

    # -- what brings things back ---------------------------------------------------------------------------------------

    def _supervise(self) -> None:
        """As pipelines.supervisor: whoever is dead is started again. Continues those that have stopped themselves."""
        for slot in sorted(self.slots - self._away - {process.slot for process in self._scene.living}):
            self._count("start")
            self._scene.start(slot)
        for process in self._scene.living:
            if process.faults and process.stopped:
                process.faults = ()
                self._after(self._dice.uniform(*ZOMBIE_S), process.cont)

    def _later_back(self, slot: str) -> None:
        wait_s = self._dice.choice(BACK_S)
        if wait_s and slot not in self._away:
            self._away.add(slot)
            self._after(wait_s, lambda: self._away.discard(slot))

    def _after(self, seconds: float, do: Callable[[], object]) -> None:
        self._due.append((time.monotonic() + seconds, do))

    def _count(self, action: str) -> None:
        self.actions[action] += 1
