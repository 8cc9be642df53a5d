"""The scripts of the plants, played: with the bug, or without it."""

import time
from pathlib import Path

from tests.chaos.warehouse.plants import PLANTS
from tests.chaos.warehouse.trial import Storm

LAST = 3


class Scene(Storm):
    """A storm with faults at fixed points."""

    def rest(self) -> None:
        """Time enough for the reader to look at what is published."""
        time.sleep(1.0)

    def cut_newest_commit(self) -> None:
        """The newest commit of the receipts loses its second half, as when the disk is full."""
        log: Path = self.home / "lake" / "event.receipt" / "_delta_log"
        newest = max(log.glob("*.json"))
        newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])


def violations(name: str, *, seed: int = 1, planted: bool = True) -> list[str]:
    """What the script of a plant finds, with the bug or without."""
    scene = Scene(seed)
    PLANTS[name].script(scene, {"plant": name} if planted else {})
    return scene.end(LAST)
