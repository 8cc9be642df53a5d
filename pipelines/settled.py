"""Have the jobs done everything that there was to do? Asked of the broker alone: committed offsets against ends."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta

from confluent_kafka import Consumer, TopicPartition

from connectors import kafka
from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.errors import NotReady
from contracts.topics import BY_NAME

PAUSE_S = 0.5

# Group → topic → lag in offsets. Offsets of transaction markers count only while records stand behind them.
Lags = dict[str, dict[str, int]]
Ends = dict[tuple[str, int], int]


def wait_until_settled(
    settings: Settings, jobs: Mapping[str, Sequence[str]], timeout_s: float, progress: Callable[[str], None]
) -> None:
    """Returns once every group has committed to the end of all its inputs, seen twice in a row with the same ends.

    Once is not enough: between looking at one job and at the next, a job may have written input for the first.
    Raises `NotReady` after `timeout_s`, saying which job lags by how much.
    """
    clock = SystemClock()
    until = clock.now() + timedelta(seconds=timeout_s)
    before: Ends | None = None
    while True:
        ends, lags = look(settings, jobs)
        if not lags and ends == before:
            return
        before = None if lags else ends
        if clock.now() >= until:
            behind = _words(lags) or "new records keep coming"
            raise NotReady(f"The jobs have not finished after {timeout_s:g} s: {behind}.", "See: zhongtai status")
        if lags:
            progress(f"waiting for the jobs: {_words(lags)}")
            time.sleep(PAUSE_S)


def look(settings: Settings, jobs: Mapping[str, Sequence[str]]) -> tuple[Ends, Lags]:
    """Where the inputs end, and which jobs have records before them that they have not committed.

    The ends of ticked topics are left out, because they grow by themselves. What an unfinished job upstream wrote into one
    meanwhile is found at the next look.
    """
    ends: Ends = {}
    lags: Lags = {}
    reader = kafka.reader(settings)
    try:
        for group, topics in jobs.items():
            for topic in topics:
                spans = kafka.spans(reader, topic)
                if not BY_NAME[topic].ticked:
                    ends |= {(topic, p): high for p, (_, high) in spans.items()}
                lag = _lag(settings, group, topic, spans)
                if lag:
                    lags.setdefault(group, {})[topic] = lag
    finally:
        reader.close()
    return ends, lags


def _lag(settings: Settings, group: str, topic: str, spans: Mapping[int, tuple[int, int]]) -> int:
    done = _committed(settings, group, topic, spans)
    lag = sum(max(0, high - done[p]) for p, (_, high) in spans.items())
    # A transaction ends with a marker that no job ever sees: what counts is whether records stand there.
    return lag if lag and _records_follow(settings, topic, done) else 0


def _committed(settings: Settings, group: str, topic: str, spans: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """The committed offset of each partition, or its beginning. Offsets of an open transaction are waited for."""
    consumer = Consumer(
        settings.librdkafka()
        # read_committed makes the broker answer only when no transaction on these offsets is open.
        | {"group.id": group, "enable.auto.commit": False, "isolation.level": "read_committed"}
    )
    wanted = [TopicPartition(topic, p) for p in spans]
    try:
        found = kafka.patiently(lambda: consumer.committed(wanted, timeout=kafka.TIMEOUT_S))
    finally:
        consumer.close()
    return {tp.partition: max(tp.offset, spans[tp.partition][0]) for tp in found}


def _records_follow(settings: Settings, topic: str, done: Mapping[int, int]) -> bool:
    with closing(kafka.read(settings, topic, done, chunk=1)) as runs:  # type: ignore[type-var]
        return any(records for _, records, _ in runs)


def _words(lags: Lags) -> str:
    return ", ".join(
        f"{group} by {lag:,} of {topic}" for group, topics in lags.items() for topic, lag in topics.items()
    )
