"""Brings topics into the warehouse. The rows of a batch and the offsets after it are one DuckDB transaction.

    1. take a batch of runs        2. begin        3. insert its rows
    4. move the offsets, each by compare-and-set    5. commit

A crash at any step leaves the rows and the offsets of the last commit, so taking again continues where it stopped.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from contracts.errors import BadInput, Corrupt, NotReady
from contracts.keys import SEPARATOR
from pipelines.warehouse import load_sql
from pipelines.warehouse.models import models
from pipelines.warehouse.source import Log, Run, Source

BATCH_ROWS = 50_000
BATCH_BYTES = 64 << 20

Progress = Callable[[str], None]
At = Callable[[str], None]

# Every step at which a run may die, in order. Tests kill it at each one.
STEPS = ("load.began", "load.inserted", "load.moved", "load.committed")

FRESH = "Load again from the beginning: zhongtai run --fresh"


class Feed(NamedTuple):
    """A topic and its table. `newest`: the table keeps the newest record of each key, and a tombstone removes it."""

    topic: str
    table: str
    newest: bool


# What follows from something is loaded before it: then every level has its movements, and every movement its receipt.
FEEDS = (
    Feed("state.stock_level", "ods_state_stock_level", newest=True),
    Feed("event.stock_movement", "ods_event_stock_movement", newest=False),
    Feed("dlq.pos", "ods_dlq_pos", newest=True),
    Feed("event.receipt", "ods_event_receipt", newest=False),
)


def open_warehouse(file: Path, tenant: str) -> duckdb.DuckDBPyConnection:
    """The warehouse, its tables created. Raises `BadInput` when it holds another tenant's rows."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        con = duckdb.connect(str(file))
    except duckdb.IOException:
        raise NotReady(f"{file} is open in another program.", "Close it, then: zhongtai run") from None
    except duckdb.Error:
        raise Corrupt(f"{file} cannot be opened as a warehouse of this release.", FRESH) from None
    con.execute("SET TimeZone = 'UTC'")
    for model in models():
        if model.layer == "ods":
            con.execute(model.sql)
            if con.table(model.name).columns != list(model.described.columns):
                con.close()
                raise Corrupt(f"{file} was written by another release: {model.name} has other columns.", FRESH)
    others = [t for (t,) in con.execute(load_sql.other_tenants_sql(), [tenant]).fetchall()]
    if others:
        con.close()
        raise BadInput(f"This warehouse belongs to tenant {others[0]}.", "Give each tenant its own ZHONGTAI_HOME.")
    return con


def load(con: duckdb.DuckDBPyConnection, source: Source, tenant: str, progress: Progress, at: At) -> dict[str, int]:
    """Takes everything that is new in every topic; the number of rows by topic. Taking twice changes nothing."""
    rows = {}
    for feed in FEEDS:
        log = source.log(feed.topic)
        start = _resume(con, feed.topic, log, tenant, progress)
        rows[feed.topic] = 0
        for batch in batches(source.runs(feed.topic, start)):
            rows[feed.topic] += _take(con, feed, batch, tenant, at)
            progress(f"{feed.topic}: {rows[feed.topic]:,} rows")
    return rows


def batches(runs: Iterable[Run], rows: int = BATCH_ROWS, size: int = BATCH_BYTES) -> Iterator[list[Run]]:
    """Runs put together until they hold `rows` records or `size` bytes: many small transactions are slow."""
    batch: list[Run] = []
    held = heavy = 0
    for run in runs:
        batch.append(run)
        held += len(run.offsets)
        heavy += sum(len(value) for value in run.values if value)
        if held >= rows or heavy >= size:
            yield batch
            batch, held, heavy = [], 0, 0
    if batch:
        yield batch


def _resume(con: duckdb.DuckDBPyConnection, topic: str, log: Log, tenant: str, progress: Progress) -> dict[int, int]:
    """Where to go on in each partition. Raises `Corrupt` when the topic is not the one that was loaded before."""
    known = {p: (cluster, id, n) for p, cluster, id, n in con.execute(load_sql.offsets_sql(), [topic]).fetchall()}
    start = {}
    for partition, (low, high) in log.spans.items():
        if partition not in known:
            con.execute(load_sql.first_offset_sql(), [tenant, log.cluster_id, topic, log.topic_id, partition, low, low])
            start[partition] = low
            continue
        cluster, id, expected = known[partition]
        if (cluster, id) != (log.cluster_id, log.topic_id):
            raise Corrupt(
                f"Topic {topic} was created again since it was last loaded (or Kafka is another cluster).", FRESH
            )
        if expected > high:
            raise Corrupt(f"Topic {topic} ends before what was already loaded (partition {partition}).", FRESH)
        if expected < low:
            progress(
                f"{topic}: offsets {expected} to {low - 1} of partition {partition} expired before they were loaded"
            )
            _move(con, topic, partition, expected, low, lost=low - expected)
        start[partition] = max(expected, low)
    return start


def _take(con: duckdb.DuckDBPyConnection, feed: Feed, batch: list[Run], tenant: str, at: At) -> int:
    before = {p: n for p, _, _, n in con.execute(load_sql.offsets_sql(), [feed.topic]).fetchall()}
    records = _arrow(feed, batch, tenant, before)
    con.execute("BEGIN")
    try:
        at("load.began")
        _insert(con, feed, records)
        at("load.inserted")
        for partition, after in {run.partition: run.next for run in batch}.items():
            if after > before[partition]:
                _move(con, feed.topic, partition, before[partition], after)
        at("load.moved")
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    at("load.committed")
    taken: int = records.num_rows
    return taken


def _arrow(feed: Feed, batch: list[Run], tenant: str, before: Mapping[int, int]) -> pa.Table:
    """This tenant's records of a batch that were not taken before. Other tenants' are passed over unread."""
    prefix = f"{tenant}{SEPARATOR}".encode()
    rows = [
        (run.partition, offset, key, value)
        for run in batch
        for offset, key, value in zip(run.offsets, run.keys, run.values, strict=True)
        if offset >= before[run.partition] and key is not None and key.startswith(prefix)
    ]
    partitions, offsets, keys, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    try:
        return pa.table(
            {
                "kafka_partition": pa.array(partitions, pa.int32()),
                "kafka_offset": pa.array(offsets, pa.int64()),
                "kafka_key": pa.array(keys, pa.binary()).cast(pa.string()),
                "value": pa.array(values, pa.binary()).cast(pa.string()),
            }
        )
    except pa.ArrowInvalid:
        raise _unreadable(feed, "holds a record that is not UTF-8 text") from None


def _insert(con: duckdb.DuckDBPyConnection, feed: Feed, records: pa.Table) -> None:
    if not records.num_rows:
        return
    target = con.table(feed.table)
    columns = dict(zip(target.columns, target.types, strict=True))
    con.register("batch", records)
    try:
        if feed.newest:
            con.execute(load_sql.delete_keys_sql(feed.table))
        con.execute(load_sql.insert_sql(feed.table, columns, newest=feed.newest))
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.ConstraintException):
        # DuckDB quotes the value in its message; ours must not.
        raise _unreadable(feed, "holds a record of a version or shape that this release does not know") from None
    finally:
        con.unregister("batch")


def _move(
    con: duckdb.DuckDBPyConnection, topic: str, partition: int, before: int, after: int, *, lost: int = 0
) -> None:
    moved = con.execute(load_sql.move_offset_sql(), [after, lost, topic, partition, before]).fetchall()
    if len(moved) != 1:
        raise Corrupt(
            f"Another writer moved the offset of {topic}, partition {partition}.", "Stop it, then: zhongtai run"
        )


def _unreadable(feed: Feed, what: str) -> Corrupt:
    return Corrupt(
        f"Topic {feed.topic} {what}. Nothing of its batch was loaded.", "Run the release that wrote the topic."
    )
