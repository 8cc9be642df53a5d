"""The flow picture: what stands between a till and a figure, and how much of it moves. Pure.

feeds → raw → events → state → lake → marts
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from contracts.topics import TOPICS, Topic
from oneservice.console.watch import Sample

STAGES = ("raw", "event", "state")
FEEDS = ("pos", "ecommerce", "wms", "erp")


class Box(NamedTuple):
    """A topic: what it holds, and records a second. None: not known."""

    name: str
    title: tuple[str, str]  # English, Chinese
    records: int | None
    rate: float | None


class Feed(NamedTuple):
    """What comes from outside: how many records it ever sent, and how many a second. None: not known."""

    name: str
    records: int | None
    rate: float | None


class Stage(NamedTuple):
    """A column of the picture. `trend` is records a second at each look, the oldest first."""

    name: str
    boxes: list[Box]
    rate: float | None
    trend: list[float]


class Work(NamedTuple):
    """A job: records a second, offsets that it has still to read, what it has in memory, milliseconds of a commit."""

    job: str
    rate: float | None
    behind: int | None
    keys: int | None
    commit_ms: float | None


def feeds(samples: Sequence[Sample]) -> list[Feed]:
    """Every feed, by what its raw topic took in. Nothing writes there in transactions, so an offset is a record."""
    ends = samples[-1].ends if samples else {}
    return [Feed(name, ends.get(f"raw.{name}", 0) if ends else None, rate(samples, [f"raw.{name}"])) for name in FEEDS]


def stages(samples: Sequence[Sample]) -> list[Stage]:
    """The topics of each stage, the busiest first; topics without a record are left out, unless all are."""
    return [_stage(name, [topic for topic in TOPICS if topic.name.startswith(f"{name}.")], samples) for name in STAGES]


def _stage(name: str, topics: Sequence[Topic], samples: Sequence[Sample]) -> Stage:
    last = samples[-1] if samples else None
    boxes = [
        Box(
            topic.name,
            topic.title,
            last.kept.get(topic.name, 0) if last and last.kept else None,
            rate(samples, [topic.name]),
        )
        for topic in topics
    ]
    shown = [box for box in boxes if box.records] or boxes
    names = [topic.name for topic in topics]
    rates = [rate(samples[n - 1 : n + 1], names) for n in range(1, len(samples))]
    trend = [known for known in rates if known is not None]
    return Stage(name, sorted(shown, key=lambda box: -(box.records or 0)), rate(samples, names), trend)


def rate(samples: Sequence[Sample], topics: Sequence[str]) -> float | None:
    """Offsets a second that the topics grew between the last two looks; markers of transactions count too."""
    if len(samples) < 2 or not samples[-1].ends or not samples[-2].ends:
        return None
    before, now = samples[-2], samples[-1]
    grown = sum(now.ends.get(topic, 0) - before.ends.get(topic, now.ends.get(topic, 0)) for topic in topics)
    return max(0.0, grown / (now.seen - before.seen))


def behind(sample: Sample | None) -> int | None:
    """What all groups together have still to read."""
    if sample is None or not sample.ends:
        return None
    return sum(sum(topics.values()) for topics in sample.lag.values())


def works(samples: Sequence[Sample]) -> list[Work]:
    """Every job that has a group in Kafka, or a worker that tells of it, by name."""
    if not samples:
        return []
    last = samples[-1]
    groups = {group.rpartition(".")[2]: sum(topics.values()) for group, topics in last.lag.items()}
    return [
        Work(job, _records(samples, job), groups.get(job), *_told(last.jobs.get(job, {})))
        for job in sorted({*groups, *filter(None, last.jobs)})
    ]


def _told(said: Mapping[str, float]) -> tuple[int | None, float | None]:
    keys, commit = said.get("zhongtai_state_keys"), said.get("zhongtai_commit_seconds")
    return (None if keys is None else int(keys), None if commit is None else commit * 1000)


def _records(samples: Sequence[Sample], job: str) -> float | None:
    if len(samples) < 2 or job not in samples[-1].jobs or job not in samples[-2].jobs:
        return None
    name = "zhongtai_records_total"
    grown = samples[-1].jobs[job].get(name, 0.0) - samples[-2].jobs[job].get(name, 0.0)
    return max(0.0, grown / (samples[-1].seen - samples[-2].seen))


def spark(trend: Sequence[float], width: int = 120, height: int = 24) -> str:
    """The trend as the points of an SVG line; "" while there is none."""
    if len(trend) < 2:
        return ""
    most = max(*trend, 1.0)
    step = width / (len(trend) - 1)
    return " ".join(f"{n * step:.1f},{height - 1 - value / most * (height - 2):.1f}" for n, value in enumerate(trend))


def waiting(samples: Sequence[Sample], taken: Mapping[str, int]) -> int | None:
    """Offsets that stand in Kafka and not yet in the lake; `taken` is by topic the next offset, partitions added up."""
    if not samples or not samples[-1].ends:
        return None
    return sum(max(0, samples[-1].ends.get(topic, 0) - upto) for topic, upto in taken.items())
