"""Builds the tables from the lake: exactly the days that new rows touch, all tables in one DuckDB transaction.

    1. begin        2. replace the rows of each table on its days        3. audit        4. note the cut        5. commit

A kill or a broken rule at any step leaves the tables and the cut as they were, so building again does the same work.
Nothing that a run has not audited is ever in a table.

Which days: those that new rows of a topic fall on (`touched`), those that a changed dimension touches, and those that
were built in a table that is read. However late a fact is, its day is found; a day that nothing touched is not read.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec

from connectors.settings import Settings
from contracts.clock import Clock
from contracts.errors import Corrupt, NotReady
from pipelines.warehouse import build_sql, duck, forecast, lake, load, project
from pipelines.warehouse.audits import AuditFailed, broken_rules
from pipelines.warehouse.lake import LakeTable
from pipelines.warehouse.load import At, Progress
from pipelines.warehouse.models import Model
from pipelines.warehouse.project import Project
from pipelines.warehouse.reference import load_reference, make_tables
from pipelines.warehouse.store import Store, in_home, reach
from pipelines.warehouse.store import of as of_settings
from pipelines.warehouse.work import WHOLE, Work, Working

STEPS = ("models.applied", "build.began", "build.written", "build.audited", "build.noted", "build.committed")


# What DuckDB raises when a file is not what it wrote.
DAMAGE = (duckdb.IOException, duckdb.InternalException, duckdb.FatalException, duckdb.SerializationException)
# What it says when another process has the file. "lock" alone is also in "block", of which it tells when one is damaged.
HELD = "Could not set lock on file"
# Names in models/ are of SQLMesh's views, or of what a run makes before the models.
SEARCHED = f"SET search_path = 'warehouse.{project.VIEWS},warehouse.main'"


class Built(NamedTuple):
    """What a build did: new rows of all topics, and what was built of each table. No table: nothing was new."""

    rows: int
    tables: dict[str, Work]


class Started(NamedTuple):
    """When a build began: on the clock of the world, and on those that measure."""

    at: datetime
    seconds: float
    cpu_seconds: float


def folder_of(home: Path) -> Path:
    return home / "warehouse"


@contextmanager
def opened(
    home: Path, of: tuple[Model, ...], at: At = lambda _: None, *, store: Store | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Project]]:
    """The warehouse and its project, made or brought up to the models as they are now. Without a `store` the lake is the
    home's own.

    Raises `NotReady` while another program has the file open.
    """
    folder, lies = folder_of(home), store or in_home(home)
    folder.mkdir(parents=True, exist_ok=True)
    with attached(folder) as con:
        prepare(con, lies)
        known = standing(con)
    if known is None or known.fingerprint != project.fingerprint(of):
        known = project.apply(folder, of, lies)
        with attached(folder) as con:
            con.execute("TRUNCATE warehouse_project")
            text = msgspec.json.encode(known).decode()
            con.execute("INSERT INTO warehouse_project VALUES (?, ?)", [known.fingerprint, text])
        at("models.applied")
    with attached(folder) as con:
        con.execute(SEARCHED)
        yield con, known


@contextmanager
def attached(folder: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse file, and nobody else may have it."""
    file = folder / project.WAREHOUSE
    try:
        with duck.attached(file, read_only=read_only) as con:
            yield con
    except duckdb.IOException as error:
        if HELD not in str(error):
            raise
        raise NotReady(f"{file} is open in another program.", "Close it, then: zhongtai run") from None


def prepare(con: duckdb.DuckDBPyConnection, store: Store) -> None:
    """Makes what the models read: the books, the reference tables, a view for each topic of the lake."""
    con.execute(build_sql.BOOKS)
    make_tables(con)
    reach(con, store)
    for feed in load.shown():
        if not lake.exists(store, feed.topic):
            raise Corrupt(f"The lake has no table of {feed.topic}.", "Load it: zhongtai run")
        con.execute(build_sql.lake_view_sql(feed.view, duck.quoted(store.table(feed.topic)), feed.types))


def standing(con: duckdb.DuckDBPyConnection) -> Project | None:
    """The project as it was applied last; None before the first time, and when a kill left tables missing."""
    row = con.execute("SELECT project FROM warehouse_project").fetchone()
    if row is None:
        return None
    known = msgspec.json.decode(row[0], type=Project)
    views = con.execute("SELECT view_name FROM duckdb_views() WHERE schema_name = ?", [project.VIEWS]).fetchall()
    return known if {placed.name for placed in known.tables} <= {name for (name,) in views} else None


def build(
    con: duckdb.DuckDBPyConnection,
    known: Project,
    of: Sequence[Model],
    settings: Settings,
    clock: Clock,
    progress: Progress,
    at: At,
    *,
    days: frozenset[date] = frozenset(),
    held: Iterable[LakeTable] | None = None,
    validate: bool = True,
) -> Built:
    """Builds what is new in the lake, and `days` besides, whether anything is new there or not.

    `held` are the tables of the lake, for whom has them open: finding how far each was taken costs more than the rest.
    With `validate` off no rule is asked and nothing is forecast, which is for measuring. Raises `AuditFailed`, having
    changed nothing, when a rule is broken.
    """
    started = Started(clock.now(), time.perf_counter(), time.process_time())
    con.execute("BEGIN")
    try:
        at("build.began")
        work = Working(con, known, of, days)
        held = lake.tables(of_settings(settings)).values() if held is None else held
        rows = work.look(held, load_reference(con, settings))
        for name, todo in work.through():
            progress(f"{name}: {said(todo)}")
            work.write(name, todo)
            if name == forecast.OF and validate:
                forecast.make(con, progress)
        at("build.written")
        broken = broken_rules(con, of, work.done) if validate and work.done else []
        if broken:
            raise AuditFailed(
                "Nothing was built or published: " + " ".join(broken),
                "Readers keep the version before, and the lake keeps the rows. Look at them: zhongtai trace",
            )
        at("build.audited")
        if work.done or work.moved:
            _note_cut(con, work)
        if work.done or rows:
            _note_build(con, work, rows, started, clock)
        at("build.noted")
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    at("build.committed")
    return Built(rows, work.done)


def said(todo: Work) -> str:
    """Work in words: `whole`, `3 days from 2026-11-01 to 2026-11-09`, `nothing`."""
    if isinstance(todo, str):
        return "whole"
    if not todo:
        return "nothing"
    first, last = min(todo), max(todo)
    return f"{first}" if first == last else f"{len(todo)} days from {first} to {last}"


def _note_cut(con: duckdb.DuckDBPyConnection, work: Working) -> None:
    """Writes into the books how far the lake is in the tables, and how far rows are."""
    con.execute("TRUNCATE warehouse_cut")
    if work.cut:
        con.executemany("INSERT INTO warehouse_cut VALUES (?, ?, ?, ?, ?, ?, ?, ?)", work.cut)
    for (topic, partition), after in work.reached.items():
        con.execute('DELETE FROM warehouse_reached WHERE topic = ? AND "partition" = ?', [topic, partition])
        con.execute("INSERT INTO warehouse_reached VALUES (?, ?, ?)", [topic, partition, after])


def _note_build(con: duckdb.DuckDBPyConnection, work: Working, rows: int, started: Started, clock: Clock) -> None:
    """Writes the tables that are filled now, and what this build did, into the books."""
    whole = [work.placed[name].physical for name, todo in work.done.items() if todo == WHOLE]
    con.execute("INSERT INTO warehouse_filled SELECT unnest(?::VARCHAR[]) EXCEPT FROM warehouse_filled", [whole])
    (number,) = con.execute("SELECT coalesce(max(build), 0) + 1 FROM warehouse_build").fetchall()[0]
    for name, todo in work.done.items():
        days = None if isinstance(todo, str) else sorted(todo)
        con.execute(
            "INSERT INTO warehouse_build_table VALUES (?, ?, ?, ?, ?, ?)",
            [number, name, todo == WHOLE, days, work.written[name].rows, work.written[name].milliseconds],
        )
    con.execute(
        "INSERT INTO warehouse_build VALUES (?, ?, ?, ?, ?, ?)",
        [
            number,
            started.at,
            clock.now(),
            rows,
            round(1000 * (time.perf_counter() - started.seconds)),
            round(1000 * (time.process_time() - started.cpu_seconds)),
        ],
    )
    for book in ("warehouse_build", "warehouse_build_table"):
        con.execute(f"DELETE FROM {book} WHERE build <= ?", [number - build_sql.BUILDS_KEPT])  # noqa: S608
