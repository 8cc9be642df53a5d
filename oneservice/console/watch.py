"""What Kafka and the workers say: offsets, how far the groups are, records a second. Looked at while somebody looks.

A thread asks every `PAUSE_S` and ends by itself `IDLE_S` after the last question, so a page never waits for a Kafka that does
not answer, and a console that nobody reads costs nothing.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from connectors import worker_metrics
from connectors.groups import lags
from connectors.settings import Settings
from connectors.topics import describe
from contracts.clock import Clock
from contracts.errors import ZhongtaiError
from oneservice.console.mending import Letters

PAUSE_S = 2.0
IDLE_S = 20.0
KEPT = 60  # samples: two minutes
LETTERS_S = 15.0  # dead letters are counted by reading them all


class Sample(NamedTuple):
    """One look. `seen` is on a clock that only grows, in seconds. `ends` sums the offsets of a topic, `kept` those it holds.

    `lag` is by group, then by topic; `jobs` is what the workers say. `wrong` and `do` are "" when Kafka answered.
    """

    at: datetime
    seen: float
    ends: Mapping[str, int] = {}
    kept: Mapping[str, int] = {}
    lag: Mapping[str, Mapping[str, int]] = {}
    jobs: Mapping[str, Mapping[str, float]] = {}
    wrong: str = ""
    do: str = ""


class Watch:
    """May be shared between threads."""

    def __init__(self, settings: Settings, clock: Clock, letters: Letters) -> None:
        self._settings = settings
        self._clock = clock
        self._letters = letters
        self._lock = threading.Lock()
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._asked = 0.0
        self._runs = False

    def samples(self) -> list[Sample]:
        """What was seen lately, the oldest first; none before the first look is over. Never waits."""
        with self._lock:
            self._asked = time.monotonic()
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._look_on, name="console watch", daemon=True).start()
            return list(self._samples)

    def _look_on(self) -> None:
        while True:
            sample = look(self._settings, self._clock)
            if not sample.wrong:
                self._letters.read(LETTERS_S)
            with self._lock:
                # Rates over a pause in which nobody looked would be of another time.
                if self._samples and sample.seen - self._samples[-1].seen > IDLE_S:
                    self._samples.clear()
                self._samples.append(sample)
                if time.monotonic() - self._asked > IDLE_S:
                    self._runs = False
                    return
            time.sleep(PAUSE_S)


def look(settings: Settings, clock: Clock) -> Sample:
    """Asks once. A Kafka that does not answer is a fact too."""
    jobs = worker_metrics.read(settings.home)
    try:
        topics = describe(settings)
        lag = lags(settings)
    except ZhongtaiError as error:
        return Sample(clock.now(), time.monotonic(), jobs=jobs, wrong=error.wrong, do=error.do)
    ends = {topic.name: sum(topic.ends.values()) for topic in topics if topic.exists}
    kept = {topic.name: topic.records for topic in topics if topic.exists}
    return Sample(clock.now(), time.monotonic(), ends, kept, lag, jobs)
