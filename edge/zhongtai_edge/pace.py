"""How fast, and when to try again. Pure: time and dice come in as arguments."""

from __future__ import annotations

from typing import Callable


class Backoff:
    """Pauses after failures: anywhere between nothing and a limit that doubles, so that shops do not return in step.

    "Full jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    def __init__(self, first_s: float, most_s: float, dice: Callable[[], float]) -> None:
        self._first, self._most, self._dice = first_s, most_s, dice
        self._failures = 0

    def failed(self) -> float:
        """How long to wait now, in seconds: never under a tenth of the limit, so that a loop cannot spin."""
        limit = min(self._most, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return limit * (0.1 + 0.9 * self._dice())

    def succeeded(self) -> None:
        self._failures = 0


class Bucket:
    """A token bucket: never more than `burst` at once, and `rate` a second in the long run."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._at = burst, now

    def take(self, wanted: int, now: float) -> int:
        """How many of `wanted` may go now; they count as gone."""
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now
        taken = min(wanted, int(self._tokens))
        self._tokens -= taken
        return taken
