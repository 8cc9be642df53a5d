"""How long people waited for identity to show something, beside the interval at which the jobs commit."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipelines.batch.faust_host import COMMIT_INTERVAL_S


class Waits(NamedTuple):
    """The median, the 99th percentile and the longest, in seconds."""

    p50: float
    p99: float
    worst: float

    @property
    def intervals(self) -> float:
        """The 99th percentile in commit intervals."""
        return self.p99 / COMMIT_INTERVAL_S

    def __str__(self) -> str:
        return f"p50 {self.p50 * 1e3:.0f} ms, p99 {self.p99 * 1e3:.0f} ms, worst {self.worst * 1e3:.0f} ms"

    def line(self) -> dict[str, float]:
        """As a bench's last line has them, in milliseconds."""
        told = {"p50_ms": self.p50, "p99_ms": self.p99, "max_ms": self.worst}
        return {name: round(seconds * 1e3, 1) for name, seconds in told.items()} | {
            "commit_interval_ms": round(COMMIT_INTERVAL_S * 1e3)
        }


def waits(seconds: Sequence[float]) -> Waits:
    return Waits(*(float(np.percentile(seconds, q)) for q in (50, 99, 100)))
