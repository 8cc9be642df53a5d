"""As of which moment is the view complete? Pure: what was seen of Kafka in, a moment out.

Records pass from job to job. At a moment the ends of what shops send are noted (the chase begins); when the first jobs have
passed them, the ends of what these write are noted; and so on to the state topic and the view. Arrived there, everything
that had been sent before the chase began is in the view: it is complete as of that moment. Then the next chase begins.

A chase gets nowhere while a job on its road does not run, even when nothing waits for it: then nobody could tell whether
something would be late. So the age grows from the moment a worker stops.
"""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import NamedTuple

Place = tuple[str, int]  # topic, partition


class Stage(NamedTuple):
    """A job's consumer group, and what it reads."""

    group: str
    inputs: tuple[str, ...]


# Stages that follow each other; those of one step stand side by side.
Road = tuple[tuple[Stage, ...], ...]


class Look(NamedTuple):
    """What was seen at one time. `at` is before any of it was asked; `passed` was asked before `ends`.

    `ends` are last stable offsets; `passed` says up to where a group has done everything; `alive` are the groups that have
    members; `held` are the next offsets of the view.
    """

    at: datetime
    ends: Mapping[Place, int]
    passed: Mapping[tuple[str, Place], int]
    alive: Set[str]
    held: Mapping[Place, int]


class Chase(NamedTuple):
    """Under way since `at`: `wanted` is to be passed at step `step` of the road."""

    at: datetime
    step: int
    wanted: Mapping[Place, int]


class Told(NamedTuple):
    """How the chase goes on, the moment that was shown (if it arrived), and what it waits for ("" if it arrived)."""

    chase: Chase | None
    as_of: datetime | None
    waits: str


def advance(chase: Chase | None, look: Look, road: Road, topic: str) -> Told:
    """One look further. A topic whose ends the look does not know is waited for."""
    known = {name for name, _ in look.ends}
    missing = {topic, *(name for step in road for stage in step for name in stage.inputs)} - known
    if missing:
        return Told(None, None, f"The topic {min(missing)} does not exist.")
    now = chase or Chase(look.at, 0, _ends(look, _inputs(road, topic, 0)))
    while now.step < len(road):
        for stage in road[now.step]:
            if stage.group not in look.alive:
                return Told(now, None, f"The job {stage.group.removeprefix('zhongtai.')} does not run.")
            mine = {place: end for place, end in now.wanted.items() if place[0] in stage.inputs}
            if any(look.passed.get((stage.group, place), -1) < end for place, end in mine.items()):
                return Told(now, None, f"The job {stage.group.removeprefix('zhongtai.')} has not caught up.")
        step = now.step + 1
        now = Chase(now.at, step, _ends(look, _inputs(road, topic, step)))
    if any(look.held.get(place, -1) < end for place, end in now.wanted.items()):
        return Told(now, None, "The service has not caught up with the topic.")
    return Told(None, now.at, "")


def _inputs(road: Road, topic: str, step: int) -> set[str]:
    return {name for stage in road[step] for name in stage.inputs} if step < len(road) else {topic}


def _ends(look: Look, topics: set[str]) -> dict[Place, int]:
    return {place: end for place, end in look.ends.items() if place[0] in topics}
