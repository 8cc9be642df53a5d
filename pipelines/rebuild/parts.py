"""Each topic that can be made again: from what, by what, and how it agrees with what stands."""

from collections.abc import Mapping
from functools import cached_property
from typing import cast

from connectors.settings import Settings
from contracts.errors import Corrupt
from contracts.evidence import IdentityFact, shard
from contracts.keys import partition
from contracts.member_map import MemberOf
from contracts.schemas import record_of
from contracts.topics import TOPICS
from contracts.wire import decoder
from pipelines.batch import Job
from pipelines.identity import auditing
from pipelines.jobs import jobs
from pipelines.rebuild import states
from pipelines.rebuild.standing import partitions, standing
from pipelines.rebuild.states import Changes, Part, Place, Values
from pipelines.warehouse import lake, store
from pipelines.warehouse.load import Progress

Cuts = Mapping[str, Mapping[str, Mapping[int, int]]]
# What follows from more than events: `resolve_late` asks what was kept when it decided, and its decisions are events.
NOT_REPLAYED = frozenset({"resolve_late"})


def replayable(job: Job) -> bool:
    """Whether the job's state follows from events alone, which the lake keeps. It keeps no ticks."""
    return (
        job.state is not None
        and job.tick is None
        and job.inputs[0].startswith("event.")
        and job.name not in NOT_REPLAYED
    )


class Parts:
    """Everything that can be made again at one cut (the offsets of each group), while nobody moves."""

    def __init__(self, settings: Settings, cuts: Cuts, progress: Progress) -> None:
        self._settings = settings
        self._cuts = cuts
        self._progress = progress
        self.jobs = {job.state.topic: job for job in jobs(settings).values() if job.state and replayable(job)}

    def topics(self) -> tuple[str, ...]:
        return (*self.jobs, *states.MARKS, *states.NEWEST, auditing.MAP)

    def left(self) -> tuple[str, ...]:
        """State that cannot be made again: docs/warehouse.md says of each why not."""
        made = frozenset(self.topics())
        return tuple(
            topic.name for topic in TOPICS if topic.name.startswith(("state.", "log.")) and topic.name not in made
        )

    def part(self, topic: str) -> Part:
        """One of `topics`, made again and compared. Raises `Corrupt` when the lake lacks what it follows from."""
        if topic == auditing.MAP:
            return self._members()
        if topic == auditing.FACTS:
            again = self._facts
        elif topic in self.jobs:
            again = self._state(self.jobs[topic])
        elif topic in states.MARKS:
            self._progress(f"{topic}, from what was accepted")
            again = states.marked(store.of(self._settings), topic, self._whole(states.MARKS[topic][0].TYPE, {}))
        else:
            again = self._newest(topic)
        return states.compared(topic, record_of(topic), again, standing(self._settings, topic))

    def cut(self, job: Job) -> Mapping[int, int]:
        """The offsets of the job's input to go on from, by partition."""
        return self._cuts.get(job.group, {}).get(job.inputs[0], {})

    def source(self, topic: str) -> str | None:
        """The events that a job's state follows from; None for what no job of events keeps."""
        return self.jobs[topic].inputs[0] if topic in self.jobs else None

    def _state(self, job: Job) -> Values:
        assert job.state is not None, "replayable"
        topic = job.inputs[0]
        self._progress(f"{job.state.topic}, from {topic}")
        self._whole(topic, self.cut(job))
        return states.replayed(store.of(self._settings), job, record_of(topic), self.cut(job))

    @cached_property
    def _facts(self) -> Values:
        return self._state(self.jobs[auditing.FACTS])

    def _newest(self, topic: str) -> Values:
        source, kind = states.NEWEST[topic], record_of(topic)
        self._progress(f"{topic}, from {source}")
        there = partitions(self._settings, topic)
        return states.newest(store.of(self._settings), source, kind, self._whole(source, {}), there)

    def _members(self) -> Part:
        """The member map, made by F from the facts. Its versions tell how evidence came, and are not compared."""
        settings, topic = self._settings, auditing.MAP
        self._progress(f"{topic}, from {auditing.FACTS}")
        facts = {at.key: cast(IdentityFact, fact) for at, fact in self._facts.items()}
        wanted, _ = auditing.should_be(settings, facts)
        own = partition(shard(settings.tenant), partitions(settings, topic))
        # What is written was resolved from all evidence below the cut.
        version = self.cut(self.jobs[auditing.FACTS]).get(own, 0)
        live = standing(settings, topic)
        places = live.keys() | {Place(own, k) for k in wanted}
        changes: Changes = {}
        for at in sorted(places):
            should = wanted.get(at.key) if at.partition == own else None
            if should != auditing.told(_read(live.get(at))):
                changes[at] = _member(settings.tenant, at.key, should, version)
        return states.part(topic, len(places), changes)

    def _whole(self, topic: str, below: Mapping[int, int]) -> dict[int, int]:
        """How far the lake holds a topic. Raises `Corrupt` when it lacks the beginning, or what lies below the cut."""
        table = lake.peek(store.of(self._settings), topic)
        places = table.places if table else {}
        if any(place.first or place.lost for place in places.values()):
            raise Corrupt(
                f"The lake does not hold the beginning of {topic}: it had expired before the first run.",
                "Restore an older lake: zhongtai restore.",
            )
        if any(end > (places[p].next if p in places else 0) for p, end in below.items()):
            raise Corrupt(f"The lake lacks the newest records of {topic}.", "Look at it: zhongtai run")
        return {p: place.next for p, place in places.items()}


_decode_member = decoder(MemberOf)


def _read(value: bytes | None) -> MemberOf | None:
    """An entry as it stands. One that cannot be read says nothing that could be right."""
    if value is None:
        return None
    try:
        return _decode_member(value)
    except Corrupt:
        return MemberOf(tenant="", nid="", member_id="", confidence=-1, version=0)


def _member(tenant: str, own: bytes, should: tuple[str, int] | None, version: int) -> MemberOf | None:
    if should is None:
        return None
    nid = own.decode().removeprefix(f"{tenant}|")
    return MemberOf(tenant=tenant, nid=nid, member_id=should[0], confidence=should[1], version=version)
