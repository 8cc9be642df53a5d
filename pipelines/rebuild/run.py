"""`zhongtai rebuild`: one cut, everything made again from the lake below it, and compared with what stands.

 1. pause the workers        2. a warehouse run: the lake takes what is decided        3. the offsets of each group
 4. each job's state, from the events that it read        5. what the first jobs know, from the events that they let pass
 6. the member map, by F        7. the tables

And with `write`, when something differs:

 8. wait until the workers' sessions are over        9. each topic that differs, in one transaction of its own
10. a warehouse run: all tables anew, when one differed        11. compare again what was written: it must be equal

Then the workers go on, from what stands now. A kill between any two steps leaves each topic and the publication as it was or
as it must be, and the workers go on; a second rebuild finds what still differs, and writes that.
"""

from collections.abc import Iterable, Iterator

import msgspec

from connectors.groups import committed
from connectors.settings import Settings
from contracts.errors import Corrupt
from pipelines import supervisor_state
from pipelines.rebuild import tables
from pipelines.rebuild import write as writing
from pipelines.rebuild.parts import Cuts, Parts
from pipelines.rebuild.states import Compared, Part
from pipelines.rebuild.write import At
from pipelines.warehouse import run as warehouse
from pipelines.warehouse.load import Progress

# Every step of writing at which a rebuild may die, in order; those of the new publication come from the warehouse run.
STEPS = (*writing.STEPS, *warehouse.STEPS, "rebuild.equal")


class Report(msgspec.Struct, frozen=True):
    """What was compared, and what was written then: `written` rows of state, and the version of the tables anew (0: none).

    `left` is state that cannot be made again; `sealed` counts identifiers that were written without their cipher.
    """

    states: tuple[Compared, ...]
    tables: tuple[Compared, ...]
    written: int = 0
    published: int = 0
    left: tuple[str, ...] = ()
    sealed: int = 0

    @property
    def different(self) -> int:
        return sum(part.different for part in (*self.states, *self.tables))

    @property
    def mended(self) -> bool:
        """Whether all that differed was written, and is equal now."""
        return bool(self.written or self.published)

    @property
    def rows(self) -> int:
        return sum(part.rows for part in (*self.states, *self.tables))


def rebuild(settings: Settings, progress: Progress, at: At = warehouse.nowhere, *, write: bool = False) -> Report:
    """Compares; changes nothing that stands but what a warehouse run changes, unless it is to `write`.

    `at` is called with the name of each step of `STEPS` once it is done. Raises `NotReady` when the workers do not pause, or
    others are at work, and `Corrupt` when the lake does not hold the whole history of a topic.
    """
    progress("pausing the workers")
    with supervisor_state.paused(settings.home):
        warehouse.run(settings, progress)
        cuts = committed(settings)
        parts = Parts(settings, cuts, progress)
        found = [parts.part(topic) for topic in parts.topics()]
        of_tables = tuple(tables.compared(settings, lambda now: progress(f"tables: {now}")))
        _unmoved(settings, cuts, "zhongtai rebuild")
        report = Report(tuple(one.compared for one in found), of_tables, left=parts.left())
        if not write or not report.different:
            return report
        at("rebuild.compared")
        for topic, job in parts.jobs.items():
            if any(one.compared.name == topic and one.changes for one in found):
                writing.refuse_lost_offsets(settings, job, parts.cut(job))
        writing.await_alone(settings, progress)
        _unmoved(settings, cuts, writing.AGAIN)
        at("rebuild.alone")
        written = _mended(settings, parts, found, report, progress, at)
        _unmoved(settings, cuts, writing.AGAIN)
        at("rebuild.equal")
        return written


def _unmoved(settings: Settings, cuts: Cuts, again: str) -> None:
    """Raises `Corrupt` when a job has gone on since the cut: then states and events are not of one moment."""
    if cuts != committed(settings):
        raise Corrupt("A worker went on working meanwhile.", f"Stop it, then: {again}")


def _mended(settings: Settings, parts: Parts, found: list[Part], report: Report, progress: Progress, at: At) -> Report:
    """Steps 9 to 11."""
    differing = {one.compared.name: one.changes for one in found if one.changes}
    sealed = 0
    for topic, changes in differing.items():
        progress(f"writing {topic}")
        whole, lacking = writing.sealed(settings, topic, parts.source(topic), changes)
        writing.write(settings, topic, whole, at)
        sealed += lacking
    # The lake holds one of these topics, too: a table may follow from what was just written.
    run = warehouse.run(settings, progress, at, anew=any(table.different for table in report.tables))
    published = run.version if run.published else 0
    if wrong := list(_still_wrong(settings, parts, differing, run.published, progress)):
        raise Corrupt(
            f"What was written does not stand: {', '.join(wrong)}.", f"See who else writes there, then: {writing.AGAIN}"
        )
    rows = sum(map(len, differing.values()))
    return msgspec.structs.replace(report, written=rows, published=published, sealed=sealed)


def _still_wrong(
    settings: Settings, parts: Parts, topics: Iterable[str], published: bool, progress: Progress
) -> Iterator[str]:
    """Step 11."""
    again = [parts.part(topic).compared for topic in topics]
    again += tables.compared(settings, lambda now: progress(f"tables: {now}")) if published else []
    return (one.name for one in again if one.different)
