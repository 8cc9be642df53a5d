"""An outbox in a temporary folder, and a line to a centre that is a list."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from zhongtai_edge import Config, Outbox
from zhongtai_edge.line import Broken, Known, NoTopic, Parcel


@pytest.fixture
def config(tmp_path: Path) -> Config:
    made = Config(tmp_path, "demo", "S001", "127.0.0.1:1", rate=10_000, grace_s=0.01, heartbeat_s=0.01)
    made.write()
    return made


@pytest.fixture
def outbox(config: Config) -> Outbox:
    return Outbox(config)


class ListLine:
    """Acknowledges what it is given, up to `good` records in all; tells what it was told to tell."""

    def __init__(self) -> None:
        self.came: list[Parcel] = []
        self.good = 1 << 30
        self.lacks: set[str] = set()
        self.told: list[Known] = []
        self.swallowed: Callable[[Parcel], bool] = lambda _: False

    def send(self, parcels: Sequence[Parcel]) -> int:
        for parcel in parcels:
            if parcel.topic in self.lacks:
                raise NoTopic(parcel.topic)
        acked = min(len(parcels), self.good)
        self.good -= acked
        self.came += [p for p in parcels[:acked] if not self.swallowed(p)]
        return acked

    def known(self, wait_s: float) -> list[Known]:
        told, self.told = self.told, []
        return told

    def heard_all(self) -> bool:
        return not self.told

    def close(self) -> None:
        pass

    def values(self, topic: str) -> list[bytes]:
        return [p.value for p in self.came if p.topic == topic]

    def edges(self, topic: str) -> list[str]:
        return [dict(p.headers)["zt_edge"].decode() for p in self.came if p.topic == topic]


@pytest.fixture
def line() -> ListLine:
    return ListLine()


__all__ = ["Broken", "ListLine"]
