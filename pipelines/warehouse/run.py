"""One warehouse run: load, build, publish. One at a time, and safe to kill at any step.

    1. take what is new in the topics into the lake      2. build the days that it touches, audited
    3. publish, when anything changed                    4. tidy the lake

Everything in the warehouse follows from the lake, so a warehouse that is damaged is made again from it.
"""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import msgspec

from connectors import processes
from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.clock import Clock
from contracts.errors import BadInput, Corrupt, NotReady
from pipelines.warehouse import build, load, project, publish, quality, store
from pipelines.warehouse.build import Built
from pipelines.warehouse.lake import FRESH, LakeTable
from pipelines.warehouse.load import At, Progress
from pipelines.warehouse.source import KafkaSource, Source
from pipelines.warehouse.store import Store

# Every step at which a run may die, in order.
STEPS = (*load.STEPS, *build.STEPS, *publish.STEPS, "lake.tidied")


class Report(msgspec.Struct, frozen=True):
    """What a run did. `rows` counts what was new in each topic, `tables` says what was built of each table;
    `published` is false when nothing was new. `oldest_s` is how long the oldest new record had waited in its topic,
    `lost` how many offsets expired before they were taken. `cpu_seconds` are those of this process.
    """

    rows: dict[str, int]
    tables: dict[str, str]
    version: int
    published: bool
    seconds: float
    cpu_seconds: float
    oldest_s: float
    lost: int


def nowhere(step: str) -> None:
    """The usual `at`: nothing happens at any step."""


def run(
    settings: Settings,
    progress: Progress,
    at: At = nowhere,
    *,
    fresh: bool = False,
    anew: bool = False,
    days: tuple[date, date] | None = None,
    source: Source | None = None,
    clock: Clock | None = None,
    warn: Progress | None = None,
    check: quality.Check = quality.check,
) -> Report:
    """Takes what is new, builds it and publishes it. `at` is called with the name of each step in `STEPS` once it is done.

    With `days`, the first and the last, these days are built again besides, and published. With `fresh` everything is loaded
    again from the topics; with `anew` everything is built again from the lake, and published whether anything is new or not.
    What is published stays until the new version is. Raises `NotReady` while another run is under way.
    """
    clock = clock or SystemClock()
    started, used = clock.now(), time.process_time()
    home = settings.home
    lies = store.of(settings)
    with only_run(home), _room_on_disk():
        if fresh:
            set_aside(home, progress, lies)
        if anew:
            remove_warehouse(home)
        taken = load.load(lies, source or KafkaSource(settings), settings.tenant, clock, progress, at, warn or progress)
        held = [of.table for of in taken.values()]
        built = build_tables(settings, clock, progress, at, days=every_day(*days) if days else frozenset(), held=held)
        warehouse = build.folder_of(home) / project.WAREHOUSE
        wanted = anew or days is not None
        done = publish.publish(home, warehouse, started, clock, progress=progress, at=at, check=check, anew=wanted)
        if done.new:
            for table in held:
                table.keep_tidy()
        at("lake.tidied")
    return Report(
        rows={topic: of.rows for topic, of in taken.items()},
        tables={name: build.said(todo) for name, todo in built.tables.items()},
        version=done.version,
        published=done.new,
        seconds=round((clock.now() - started).total_seconds(), 3),
        cpu_seconds=round(time.process_time() - used, 3),
        oldest_s=round(max(of.oldest.total_seconds() for of in taken.values()), 3),
        lost=sum(of.lost for of in taken.values()),
    )


def build_tables(
    settings: Settings,
    clock: Clock,
    progress: Progress,
    at: At = nowhere,
    *,
    days: frozenset[date] = frozenset(),
    held: Sequence[LakeTable] | None = None,
) -> Built:
    """Builds what is new in the lake, whose tables are `held` by whom has them open.

    A damaged warehouse is removed and made again from the lake.
    """
    try:
        return _build(settings, clock, progress, at, days, held)
    except build.DAMAGE as error:
        if _is_full(error):
            raise  # nothing is damaged
        progress("the warehouse file is damaged: building it again from the lake")
        remove_warehouse(settings.home)
    try:
        return _build(settings, clock, progress, at, days, held)
    except build.DAMAGE as error:
        if _is_full(error):
            raise
        # DuckDB may quote a value in its message; ours must not.
        raise Corrupt("The lake cannot be read.", f"Restore it from a backup: zhongtai restore. Or: {FRESH}") from None


def _build(
    settings: Settings,
    clock: Clock,
    progress: Progress,
    at: At,
    days: frozenset[date],
    held: Sequence[LakeTable] | None,
) -> Built:
    of, lies = project.built_models(), store.of(settings)
    with store.reached(lies), build.opened(settings.home, of, at, store=lies) as (con, known):
        built = build.build(con, known, of, settings, clock, progress, at, days=days, held=held)
        con.execute("CHECKPOINT warehouse")
        return built


@contextmanager
def _room_on_disk() -> Iterator[None]:
    """Says in plain words that the disk is full, whichever library found it so. What was committed stays."""
    try:
        yield
    except Exception as error:
        if not _is_full(error):
            raise
        raise NotReady("The disk is full.", "Make room, then: zhongtai run") from None


def _is_full(error: Exception) -> bool:
    # Libraries in Rust and C++ pass on the system's words, not its number.
    return any(words in str(error) for words in ("No space left on device", "File too large", "Disk quota exceeded"))


def every_day(first: date, last: date) -> frozenset[date]:
    return frozenset(first + timedelta(days=n) for n in range((last - first).days + 1))


def remove_warehouse(home: Path) -> None:
    """Removes the warehouse and SQLMesh's state; the lake, from which both are made, stays."""
    folder = build.folder_of(home)
    for name in (project.WAREHOUSE, project.STATE):
        for file in folder.glob(f"{name}*"):
            file.unlink()
    shutil.rmtree(folder / project.FOLDER, ignore_errors=True)


def set_aside(home: Path, progress: Progress, lies: Store | None = None) -> None:
    """Begins anew: the warehouse goes, the lake stands aside under another name. Nobody but a person deletes a lake.

    Raises `BadInput`, having done nothing, for a lake in an object store: there names cannot be changed.
    """
    old = (lies or store.in_home(home)).folder
    if old is None:
        raise BadInput(
            "A lake in an object store cannot be set aside.", "Set ZHONGTAI_LAKE to another prefix, then run again."
        )
    remove_warehouse(home)
    if old.exists() and any(old.iterdir()):
        number = 1 + max((int(f.suffix[1:]) for f in home.glob("lake.*") if f.suffix[1:].isdigit()), default=0)
        old.rename(home / f"lake.{number}")
        progress(f"the lake so far stands in {home / f'lake.{number}'}")


@contextmanager
def only_run(home: Path) -> Iterator[None]:
    """Holds the lock, which names us. The system releases it when the process dies, however it dies."""
    file = build.folder_of(home) / "lock"
    try:
        with processes.lock(file):
            file.write_text(str(os.getpid()))
            yield
    except processes.Held:
        raise NotReady(f"A run is under way (pid {file.read_text()}).", "Wait until it has ended.") from None
