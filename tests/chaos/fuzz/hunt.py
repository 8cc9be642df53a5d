"""One decoder under so many hostile inputs: nothing raised, nothing slow, nothing fat, and refusals that tell no value."""

import random
import re
import resource
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from contracts.refusals import REASONS, Refused
from tests.chaos.fuzz.breed import bred
from tests.chaos.fuzz.decoders import DECODERS

LONGEST_S = 1.0  # of a processor, so that a busy machine accuses nobody; decoders wait for nothing
LARGEST_KIB = 256 * 1024
# A place is made of names of fields and of indexes; what may be somebody's number is neither.
_PLACE = re.compile(r"(?:[@A-Za-z_:.\-/ ]|\[\d{1,6}\])*\Z")
KEPT = 20


class Violation(NamedTuple):
    decoder: str
    n: int
    seed: int
    what: str


class Hunted(NamedTuple):
    """What came of it. `slowest_s` and `fattest_kib` are those of single inputs."""

    decoder: str
    inputs: int
    good: int
    codes: dict[str, int]
    slowest_s: float
    fattest_kib: int
    violations: list[Violation]


class TooSlow(BaseException):
    """Raised into a decoder that takes too long. No decoder catches it."""


def hunt(name: str, seed: int, start: int, count: int) -> Hunted:
    """Inputs `start` to `start + count`; each depends on the seed and its own number only. Call it in a main thread."""
    decoder = DECODERS[name]()
    for example in decoder.examples:
        decoder.decode(example)  # warm, so that what is loaded once is not taken for what an input costs
    _forget_peak()
    dice = random.Random()
    good, slowest, fattest = 0, 0.0, 0
    codes: Counter[str] = Counter()
    found: list[Violation] = []
    before = signal.signal(signal.SIGPROF, _too_slow)
    try:
        for n in range(start, start + count):
            dice.seed(seed * 10**10 + n)
            value = bred(dice, n, decoder.examples, decoder.json)
            fat = _peak_kib()
            began = time.process_time()
            complaint, result = _tried(decoder.decode, value)
            took, fat = time.process_time() - began, _peak_kib() - fat
            slowest, fattest = max(slowest, took), max(fattest, fat)
            complaint = complaint or _complaint(result, decoder.good, took, fat)
            if complaint and len(found) < KEPT:
                found.append(Violation(name, n, seed, complaint))
            if isinstance(result, Refused):
                codes[result.code] += 1
            else:
                good += not complaint
    finally:
        signal.signal(signal.SIGPROF, before)
    return Hunted(name, count, good, dict(codes), slowest, fattest, found)


def _tried(decode: Any, value: bytes) -> tuple[str, Any]:
    signal.setitimer(signal.ITIMER_PROF, LONGEST_S * 5)
    try:
        return "", decode(value)
    except TooSlow:
        return f"took more than {LONGEST_S * 5:g} s", None
    except Exception as error:  # what is hunted
        return f"raised {type(error).__name__}", None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _complaint(result: Any, good: type, took: float, fat: int) -> str:
    if fat > LARGEST_KIB:
        return f"took {fat >> 10} MiB"
    if took > LONGEST_S:
        return f"took {took:.2f} s"
    if isinstance(result, Refused):
        if result.code not in REASONS:
            return f"refused with the unknown code {result.code}"
        return "" if _PLACE.match(result.place) else "refused at a place that may hold a value"
    return "" if isinstance(result, good) else f"gave a {type(result).__name__}"


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _forget_peak() -> None:
    """Else what this process needed long ago would hide what an input needs now. Linux only; elsewhere fresh processes help."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _too_slow(*_: Any) -> None:
    raise TooSlow
