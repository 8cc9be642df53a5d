"""`zhongtai rebuild`: one cut, everything made again from the lake below it, and compared with what stands.

1. pause the workers        2. a warehouse run: the lake takes what is decided        3. the offsets of each group
4. each job's state, from the events that it read        5. what the first jobs know, from the events that they let pass
6. the member map, by F        7. the tables        8. let the workers go on
"""

from collections.abc import Mapping

import msgspec

from connectors.groups import committed
from connectors.settings import Settings
from contracts.errors import Corrupt
from contracts.evidence import IdentityFact
from contracts.member_map import MemberOf
from contracts.schemas import record_of
from pipelines import supervisor_state
from pipelines.batch import Job
from pipelines.identity import auditing
from pipelines.jobs import jobs
from pipelines.newest import newest_by_key
from pipelines.rebuild import states, tables
from pipelines.rebuild.states import Compared
from pipelines.warehouse import lake
from pipelines.warehouse import run as warehouse
from pipelines.warehouse.load import Progress

# What follows from more than events: `resolve_late` asks what was kept when it decided, and its decisions are events.
NOT_REPLAYED = frozenset({"resolve_late"})


class Report(msgspec.Struct, frozen=True):
    states: tuple[Compared, ...]
    tables: tuple[Compared, ...]

    @property
    def different(self) -> int:
        return sum(part.different for part in (*self.states, *self.tables))

    @property
    def rows(self) -> int:
        return sum(part.rows for part in (*self.states, *self.tables))


def rebuild(settings: Settings, progress: Progress) -> Report:
    """Compares; changes nothing that stands but what a warehouse run changes.

    Raises `NotReady` when the workers do not pause, and `Corrupt` when the lake does not hold the whole history of a topic.
    """
    progress("pausing the workers")
    with supervisor_state.paused(settings.home):
        warehouse.run(settings, progress)
        cuts = committed(settings)
        found = [
            _state(settings, job, cuts.get(job.group, {}), progress)
            for job in jobs(settings).values()
            if replayable(job)
        ]
        found += [_marks(settings, topic, progress) for topic in states.MARKS]
        found += [_newest(settings, topic, progress) for topic in states.NEWEST]
        found.append(_members(settings, progress))
        if cuts != committed(settings):
            raise Corrupt("A worker went on working while the state was compared.", "Stop it, then: zhongtai rebuild")
        return Report(tuple(found), tuple(tables.compared(settings, lambda now: progress(f"tables: {now}"))))


def replayable(job: Job) -> bool:
    """Whether the job's state follows from events alone, which the lake keeps. It keeps no ticks."""
    return (
        job.state is not None
        and job.tick is None
        and job.inputs[0].startswith("event.")
        and job.name not in NOT_REPLAYED
    )


def _state(settings: Settings, job: Job, cut: Mapping[str, Mapping[int, int]], progress: Progress) -> Compared:
    assert job.state is not None, "replayable"
    progress(f"{job.state.topic}, from {job.inputs[0]}")
    topic = job.inputs[0]
    below = cut.get(topic, {})
    _whole(settings, topic, below)
    again = states.replayed(settings.home, job, record_of(topic), below)
    return states.compared(job.state.topic, again, newest_by_key(settings, job.state.topic, job.state.record))


def _members(settings: Settings, progress: Progress) -> Compared:
    """The member map, made by F from the facts that were compared above. Its versions tell how evidence came, and are left out."""
    progress(f"{auditing.MAP}, from {auditing.FACTS}")
    live = newest_by_key(settings, auditing.MAP, MemberOf)
    found = auditing.audited(settings, newest_by_key(settings, auditing.FACTS, IdentityFact), live)
    return Compared(auditing.MAP, found.health.identifiers, found.different, found.examples)


def _marks(settings: Settings, topic: str, progress: Progress) -> Compared:
    progress(f"{topic}, from what was accepted")
    source = states.MARKS[topic][0].TYPE
    taken = _whole(settings, source, {})
    again = states.marked(settings.home, topic, taken)
    return states.compared(topic, again, newest_by_key(settings, topic, record_of(topic)))


def _newest(settings: Settings, topic: str, progress: Progress) -> Compared:
    source, kind = states.NEWEST[topic], record_of(topic)
    progress(f"{topic}, from {source}")
    again = states.newest(settings.home, source, kind, _whole(settings, source, {}))
    return states.compared(topic, again, newest_by_key(settings, topic, kind))


def _whole(settings: Settings, topic: str, below: Mapping[int, int]) -> dict[int, int]:
    """How far the lake holds a topic. Raises `Corrupt` when it lacks the beginning, or what lies below the cut."""
    table = lake.peek(lake.folder_of(settings.home, topic))
    places = table.places if table else {}
    if any(place.first or place.lost for place in places.values()):
        raise Corrupt(
            f"The lake does not hold the beginning of {topic}: it had expired before the first run.",
            "Restore an older lake: zhongtai restore.",
        )
    if any(end > (places[p].next if p in places else 0) for p, end in below.items()):
        raise Corrupt(f"The lake lacks the newest records of {topic}.", "Look at it: zhongtai run")
    return {p: place.next for p, place in places.items()}
