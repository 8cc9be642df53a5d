"""How much one caller, and all of them together, may ask: a token bucket for each token, and a number of requests at once."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple


class Limits(NamedTuple):
    """`per_second` and `burst` are for each token; `at_once` is for all; `body_bytes` is the longest request."""

    per_second: float = 200.0
    burst: float = 2_000.0
    at_once: int = 64
    body_bytes: int = 1 << 20


class Buckets:
    """A bucket for each name, which fills with time. `now` gives seconds that only grow."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._now = now
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> float:
        """Takes one request from the bucket; returns 0, or the seconds after which there will be one."""
        with self._lock:
            now = self._now()
            left, at = self._left.get(name, (self._limits.burst, now))
            left = min(self._limits.burst, left + (now - at) * self._limits.per_second)
            if left < 1:
                self._left[name] = (left, now)
                return (1 - left) / self._limits.per_second
            self._left[name] = (left - 1, now)
            return 0.0
