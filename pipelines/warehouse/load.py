"""Brings topics into the lake. The rows of a batch and the offsets after it are one Delta commit.

    1. take a batch of runs        2. parse its records strictly        3. commit rows and offsets

A crash at any step leaves the rows and the offsets of the last commit, so taking again continues where it stopped.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

import duckdb
import pyarrow as pa

from contracts.clock import Clock
from contracts.errors import Corrupt
from contracts.keys import SEPARATOR
from contracts.schemas import record_of
from contracts.topics import BY_NAME, TOPICS
from contracts.wire import Record, decoder, encode
from pipelines.warehouse import lake, load_sql
from pipelines.warehouse.lake import FRESH, Identity, LakeTable, Place
from pipelines.warehouse.lake_columns import PLACE, LakeColumn, columns
from pipelines.warehouse.models import models
from pipelines.warehouse.source import Log, Run, Source
from pipelines.warehouse.store import Store

BATCH_ROWS = 50_000
BATCH_BYTES = 64 << 20
# Untaken records that are older than this share of their retention are an alert: half of the time is left.
ALERT = 0.5

Progress = Callable[[str], None]
At = Callable[[str], None]

# Every step at which a run may die, in order. Tests kill it at each one.
STEPS = ("load.began", "load.parsed", "load.committed")


class Taken(NamedTuple):
    """What a load found in a topic: new rows, what expired unread, how old the oldest record was that it took. And the
    topic's table in the lake, as it now stands.
    """

    table: lake.LakeTable
    rows: int = 0
    lost: int = 0
    oldest: timedelta = timedelta()


class Feed(NamedTuple):
    """A topic of the lake, its record, and the table of `ods` that shows it, when there is one."""

    topic: str
    record: type[Record]
    shown: str = ""

    @property
    def view(self) -> str:
        """The name under which models/ods reads the topic's table in the lake."""
        return f"lake_{self.topic.replace('.', '_')}"

    @property
    def compacted(self) -> bool:
        return BY_NAME[self.topic].compacted

    @property
    def columns(self) -> dict[str, LakeColumn]:
        return columns(self.record)

    @property
    def types(self) -> dict[str, str]:
        """Every column of the lake table with its DuckDB type."""
        return {name: column.type for name, column in self.columns.items()} | PLACE


@cache
def feeds() -> tuple[Feed, ...]:
    """Every topic of events, and whatever else a table of `ods` shows.

    What follows from something is loaded before it: then every movement has its receipt. So the topic table is read
    from its end, because it lists what a job reads before what it writes.
    """
    shown = {model.described.topic: model.name for model in models() if model.described.topic}
    return tuple(
        Feed(topic.name, record_of(topic.name), shown.get(topic.name, ""))
        for topic in reversed(TOPICS)
        if topic.name in shown or topic.name.startswith("event.")
    )


def shown() -> tuple[Feed, ...]:
    """The topics that a table of `ods` shows."""
    return tuple(feed for feed in feeds() if feed.shown)


def load(
    store: Store, source: Source, tenant: str, clock: Clock, progress: Progress, at: At, warn: Progress
) -> dict[str, Taken]:
    """Takes everything that is new in every topic. Taking twice changes nothing.

    Raises `BadInput` when the lake is another tenant's, `Corrupt` when a topic is not the one that was taken before or
    holds a record that this release does not know; of its batch nothing is then in the lake.
    """
    return {feed.topic: _load(feed, store, source, tenant, clock.now(), progress, at, warn) for feed in feeds()}


def _load(
    feed: Feed, store: Store, source: Source, tenant: str, now: datetime, progress: Progress, at: At, warn: Progress
) -> Taken:
    log = source.log(feed.topic)
    table = open_table(feed, store, log, tenant)
    start = resume(table.places, log, feed.topic)
    _tell_lost(feed.topic, table.places, start, warn)
    lost = {p: place.lost - table.places[p].lost for p, place in start.items() if p in table.places}
    rows, oldest = 0, now
    at("load.began")
    # Reading costs a connection, and most topics have nothing new.
    new = any(place.next < log.spans[p][1] for p, place in start.items())
    for batch in batches(source.runs(feed.topic, {p: place.next for p, place in start.items()}) if new else ()):
        records = take(feed, batch, tenant, {p: place.next for p, place in start.items()})
        at("load.parsed")
        oldest = min(oldest, _oldest(batch, now))
        start |= {
            run.partition: start[run.partition]._replace(next=run.next)
            for run in batch
            if run.next > start[run.partition].next
        }
        table.append(records, start)
        at("load.committed")
        rows += records.num_rows
        progress(f"{feed.topic}: {rows:,} rows")
    if any(place != table.places.get(p, place._replace(next=place.first)) for p, place in start.items()):
        table.append(schema(feed).empty_table(), start)
        at("load.committed")
    _alert(feed, now - oldest, warn)
    return Taken(table, rows, sum(lost.values()), now - oldest)


def open_table(feed: Feed, store: Store, log: Log, tenant: str) -> LakeTable:
    """The topic's table in the lake, made when it is missing."""
    identity = Identity(tenant, feed.topic, log.cluster_id, log.topic_id)
    return lake.open_table(store, identity, schema(feed))


def resume(places: Mapping[int, Place], log: Log, topic: str) -> dict[int, Place]:
    """Where to go on in each partition; what expired before it was taken counts as lost.

    Raises `Corrupt` when the topic ends before what was already taken.
    """
    start = {}
    for partition, (low, high) in log.spans.items():
        known = places.get(partition, Place(low, low))
        if known.next > high:
            raise Corrupt(f"Topic {topic} ends before what was already loaded (partition {partition}).", FRESH)
        gap = max(low - known.next, 0)
        start[partition] = known._replace(next=known.next + gap, lost=known.lost + gap)
    return start


def batches(runs: Iterable[Run], rows: int = BATCH_ROWS, size: int = BATCH_BYTES) -> Iterator[list[Run]]:
    """Runs put together until they hold `rows` records or `size` bytes: many small commits are slow."""
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


def take(feed: Feed, batch: list[Run], tenant: str, start: Mapping[int, int]) -> pa.Table:
    """This tenant's records of a batch from `start` on, as rows of the lake. Other tenants' are passed over unread.

    Raises `Corrupt` when a record has another version or shape.
    """
    prefix = f"{tenant}{SEPARATOR}".encode()
    seen = dict(start)
    rows = []
    for run in batch:
        for offset, key, value, taken in zip(run.offsets, run.keys, run.values, run.times, strict=True):
            ours = key is not None and key.startswith(prefix)
            if ours and offset >= seen[run.partition] and (value is not None or feed.compacted):
                rows.append((run.partition, offset, taken, key, value))
        seen[run.partition] = max(seen[run.partition], run.next)
    if not rows:
        return schema(feed).empty_table()
    return _parsed(feed, *zip(*rows, strict=True))


@cache
def schema(feed: Feed) -> pa.Schema:
    """The Arrow schema of the topic's lake table."""
    with _parser() as con:
        return con.execute(load_sql.empty_sql(feed.types)).to_arrow_table().schema


def _parsed(feed: Feed, partitions: object, offsets: object, times: object, keys: object, values: object) -> pa.Table:
    try:
        batch = {
            "kafka_partition": pa.array(partitions, pa.int32()),
            "kafka_offset": pa.array(offsets, pa.int64()),
            "taken_ms": pa.array(times, pa.int64()),
            "kafka_key": pa.array(keys, pa.binary()).cast(pa.string()),
            "value": pa.array(values, pa.binary()).cast(pa.string()),
        }
    except pa.ArrowInvalid:
        raise _unreadable(feed, "holds a record that is not UTF-8 text") from None
    try:
        return _in_columns(feed, pa.table(batch))
    except duckdb.Error:
        # DuckDB wants every field, and a record that is older than its newest optional field lacks it.
        return _in_columns(feed, pa.table(batch | {"value": _completed(feed, batch["value"])}))


def _in_columns(feed: Feed, batch: pa.Table) -> pa.Table:
    with _parser() as con:
        con.register("batch", batch)
        kinds = con.execute(load_sql.empty_sql({name: column.read_as for name, column in feed.columns.items()}))
        types = {column[0]: column[1] for column in kinds.description or []}
        con.execute(f"CREATE TABLE parsed AS {load_sql.parse_sql(types)}")
        ((unknown,),) = con.execute(load_sql.unknown_sql(feed.columns, feed.record.V)).fetchall()
        if unknown:
            raise _unknown(feed)
        return con.execute(load_sql.lake_rows_sql(feed.columns)).to_arrow_table()


def _completed(feed: Feed, values: pa.Array) -> pa.Array:
    """Values written out with every field of their contract. Raises `Corrupt` when one does not fit it."""
    read = decoder(feed.record)
    try:
        whole = [None if value is None else encode(read(value.encode())).decode() for value in values.to_pylist()]
    except Corrupt:
        raise _unknown(feed) from None
    return pa.array(whole, pa.string())


def _parser() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    return con


def _oldest(batch: list[Run], now: datetime) -> datetime:
    taken = [min(run.times) for run in batch if run.times]
    return min(now, datetime.fromtimestamp(min(taken) / 1000, now.tzinfo)) if taken else now


def _alert(feed: Feed, age: timedelta, warn: Progress) -> None:
    """Says that records waited long, while there is still time: Kafka drops them at the end of their retention."""
    days = BY_NAME[feed.topic].retention_days
    if days is not None and age > ALERT * timedelta(days=days):
        warn(
            f"Records of {feed.topic} waited {age.days} days; Kafka keeps them for {days}. "
            "Run more often: zhongtai run --every 1h"
        )


def _tell_lost(topic: str, before: Mapping[int, Place], now: Mapping[int, Place], warn: Progress) -> None:
    for partition, place in now.items():
        if partition in before and place.lost > before[partition].lost:
            gone = f"offsets {before[partition].next} to {place.next - 1} of partition {partition}"
            warn(f"{topic}: {gone} expired before they were loaded")


def _unknown(feed: Feed) -> Corrupt:
    # The value is not quoted: it may be personal.
    return _unreadable(feed, "holds a record of a version or shape that this release does not know")


def _unreadable(feed: Feed, what: str) -> Corrupt:
    return Corrupt(
        f"Topic {feed.topic} {what}. Nothing of its batch was loaded.", "Run the release that wrote the topic."
    )
