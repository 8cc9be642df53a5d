"""What a run would do: new rows by topic, and what would be built of each table. Writes nothing anywhere."""

from collections.abc import Mapping
from datetime import date

import msgspec
import pyarrow as pa

from connectors.settings import Settings
from pipelines.warehouse import build, lake, load, project, store
from pipelines.warehouse.lake import Identity
from pipelines.warehouse.load import Feed, Progress
from pipelines.warehouse.models import Model
from pipelines.warehouse.reference import load_reference
from pipelines.warehouse.source import Source
from pipelines.warehouse.work import WHOLE, Work, Working


class Planned(msgspec.Struct, frozen=True):
    """`rows` counts what is new in each topic; `tables` says what would be built of each table (`build.said`)."""

    rows: dict[str, int]
    tables: dict[str, str]


def plan(settings: Settings, source: Source, progress: Progress, days: frozenset[date] = frozenset()) -> Planned:
    """Reads the topics, and takes nothing from them. Raises what a run would raise.

    When models changed, these and all that read them are said to be built whole; SQLMesh may find that fewer must be.
    """
    of = project.built_models()
    pending = {feed.topic: _pending(feed, settings, source, progress) for feed in load.feeds()}
    try:
        tables = _tables(settings, of, pending, days)
    except build.DAMAGE:
        tables = _everything(of)  # a run removes a damaged warehouse and makes it again
    rows = {topic: table.num_rows for topic, table in pending.items()}
    return Planned(rows, {name: build.said(todo) for name, todo in tables.items()})


def _pending(feed: Feed, settings: Settings, source: Source, progress: Progress) -> pa.Table:
    """What the topic holds beyond the lake, as rows of the lake."""
    log = source.log(feed.topic)
    table = lake.peek(store.of(settings), feed.topic)
    if table is not None:
        lake.same_topic(table.identity, Identity(settings.tenant, feed.topic, log.cluster_id, log.topic_id))
    start = {p: place.next for p, place in load.resume(table.places if table else {}, log, feed.topic).items()}
    taken = []
    for batch in load.batches(source.runs(feed.topic, start)):
        taken.append(load.take(feed, batch, settings.tenant, start))
        start |= {run.partition: max(start[run.partition], run.next) for run in batch}
        progress(f"{feed.topic}: {sum(rows.num_rows for rows in taken):,} rows")
    return pa.concat_tables([load.schema(feed).empty_table(), *taken])


def _tables(
    settings: Settings, of: tuple[Model, ...], pending: Mapping[str, pa.Table], days: frozenset[date]
) -> dict[str, Work]:
    folder = build.folder_of(settings.home)
    if not (folder / project.WAREHOUSE).exists():
        return _everything(of)
    with build.attached(folder, read_only=True) as con:
        known = build.standing(con)
        if known is None or [placed.name for placed in known.tables] != [model.name for model in of]:
            return _everything(of)
        lies = store.of(settings)
        store.reach(con, lies)
        con.execute(build.SEARCHED)
        changed = {m.name for m, p in zip(of, known.tables, strict=True) if p.text != project.fingerprint((m,))}
        work = Working(con, known, of, days, changed)
        queries = {}
        sql = {model.name: model.sql for model in of}
        for feed in load.shown():
            con.register(f"pending_{feed.view}", pending[feed.topic])
            shown = f"WITH {feed.view} AS (FROM pending_{feed.view}) SELECT * FROM ({sql[feed.shown]}\n)"  # noqa: S608
            queries[feed.shown] = f"SELECT * FROM ({shown})"  # noqa: S608
        with store.reached(lies):
            work.look(lake.tables(lies).values(), load_reference(con, settings, write=False), queries)
            return dict(work.through())


def _everything(of: tuple[Model, ...]) -> dict[str, Work]:
    return {model.name: WHOLE for model in of if model.layer != "ods"}
