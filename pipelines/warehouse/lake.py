"""The lake: one Delta table for each topic. Kafka forgets; the lake does not.

The rows of a batch and the offsets after it are one Delta commit: the offsets travel as application transactions, one
for each partition, under the ids of cluster and topic. So a batch is in the lake whole, with its offsets, or not at all,
and a topic that was deleted and created again has other ids.

One writer at a time: the caller holds the lock of the run. Readers (DuckDB, Spark, Trino) need no lock.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from pyarrow.dataset import Dataset

from contracts.errors import BadInput, Corrupt, NotReady
from contracts.topics import BY_NAME
from pipelines.warehouse import lake_repair
from pipelines.warehouse.store import Store, reached

DAY = "ingested_on"
# Small files before a compaction: each run that finds something adds one for each day that it brought.
SMALL_FILES = 40
SMALL_BYTES = 16 << 20
# Spark or DuckDB may be reading what a compaction replaced.
KEPT = timedelta(hours=24)
FRESH = "Load again from the beginning: zhongtai run --fresh"


class Identity(msgspec.Struct, frozen=True):
    """Whose records a table holds. A topic that is created again has another `topic_id`."""

    tenant: str
    topic: str
    cluster_id: str
    topic_id: str


class Place(NamedTuple):
    """How far a partition was taken: from `first` up to, not including, `next`; `lost` expired before we came."""

    first: int
    next: int
    lost: int = 0


class LakeTable:
    """A topic in the lake. `places` is what the last commit says; partitions are numbered from 0 without holes."""

    def __init__(self, store: Store, identity: Identity, table: DeltaTable) -> None:
        self._store = store
        self.identity = identity
        self._table = table
        self.places = dict(self._committed())

    @property
    def place(self) -> str:
        """Where it lies, as delta-rs and DuckDB are told."""
        return self._store.table(self.identity.topic)

    def rows(self) -> Dataset:
        """The rows that the table had when it was opened, or written to."""
        return self._table.to_pyarrow_dataset()

    @property
    def version(self) -> int:
        """The number of the last commit."""
        return self._table.version()

    def append(self, rows: pa.Table, places: Mapping[int, Place]) -> None:
        """One atomic commit: `rows`, and `places` for the partitions that moved.

        Raises `Corrupt` when the table does not stand where it was left: then another writer is at work.
        """
        with reached(self._store):
            self._table.update_incremental()
        if dict(self._committed()) != self.places:
            raise self._moved()
        moved = [
            Transaction(self._app(partition, what), count)
            for partition, place in sorted(places.items())
            for what, count, before in zip(
                Place._fields, place, self.places.get(partition, (None, None, None)), strict=True
            )
            if count != before
        ]
        self._write(rows, moved)
        self.places |= places

    def _write(self, rows: pa.Table, moved: list[Transaction]) -> None:
        """The commit after the one that this table was read at. Raises `Corrupt` when another writer made it first."""
        with reached(self._store):
            try:
                write_deltalake(
                    self._table,
                    rows.cast(pa.schema(self._table.schema().to_arrow())),
                    mode="append",
                    commit_properties=CommitProperties(app_transactions=moved),
                )
            except CommitFailedError as error:
                if "Concurrent" not in str(error):
                    raise
                raise self._moved() from None

    def _moved(self) -> Corrupt:
        return Corrupt(f"Another writer moved the offsets of {self.identity.topic}.", "Stop it, then: zhongtai run")

    def keep_tidy(self) -> int:
        """Compacts many small files into few, and removes files that no reader can need. Rows stay. Files compacted."""
        with reached(self._store):
            return self._tidied()

    def _tidied(self) -> int:
        self._table.update_incremental()
        files = self._table.get_add_actions(flatten=True)
        small = sum(size < SMALL_BYTES for size in pa.table(files).column("size_bytes").to_pylist())
        if small < SMALL_FILES:
            return 0
        done = self._table.optimize.compact()
        self._table.vacuum(retention_hours=int(KEPT.total_seconds() // 3600), dry_run=False)
        return int(done["numFilesRemoved"])

    def _committed(self) -> list[tuple[int, Place]]:
        found: list[tuple[int, Place]] = []
        while (place := self._place(len(found))) is not None:
            found.append((len(found), place))
        return found

    def _place(self, partition: int) -> Place | None:
        counts = [self._table.transaction_version(self._app(partition, what)) for what in Place._fields]
        return None if counts[0] is None else Place(*(count or 0 for count in counts))

    def _app(self, partition: int, what: str) -> str:
        return f"zhongtai/{self.identity.cluster_id}/{self.identity.topic_id}/{partition}/{what}"


def tables(store: Store) -> dict[str, LakeTable]:
    """Every table of the lake, by topic. Damaged newest commits are set aside first (`lake_repair`)."""
    return {topic: table for topic in _topics(store) if (table := find(store, topic)) is not None}


def _topics(store: Store) -> list[str]:
    """Topics that may have a table. A folder also says which had one under an earlier release."""
    if store.folder is None:
        return sorted(BY_NAME)
    return sorted(table.name for table in store.folder.glob("*.*") if (table / "_delta_log").is_dir())


def find(store: Store, topic: str) -> LakeTable | None:
    """The table of a topic, a damaged newest commit set aside; None when there is none.

    Raises `Corrupt` when it cannot be read. An object store has no half-written objects, and keeps its own checksums.
    """
    if store.folder is not None:
        lake_repair.repair(store.folder / topic)
    return peek(store, topic)


def exists(store: Store, topic: str) -> bool:
    """Whether the lake has a table of the topic. Raises `NotReady` when the store cannot be reached."""
    with reached(store):
        return DeltaTable.is_deltatable(store.table(topic), store.options)


def peek(store: Store, topic: str) -> LakeTable | None:
    """The table of a topic as it stands. Raises `Corrupt` when it cannot be read, `NotReady` when the store cannot be."""
    if not exists(store, topic):
        return None
    try:
        with reached(store):
            table = DeltaTable(store.table(topic), storage_options=store.options)
        identity = msgspec.json.decode(table.metadata().description, type=Identity)
    except NotReady:
        raise
    except Exception:
        elsewhere = "Bring its older objects back, or set ZHONGTAI_LAKE to another prefix."
        raise Corrupt(
            f"The lake table {store.table(topic)} cannot be read.", FRESH if store.folder else elsewhere
        ) from None
    return LakeTable(store, identity, table)


def open_table(store: Store, identity: Identity, columns: pa.Schema) -> LakeTable:
    """The table of a topic, made when it is missing; columns that a later release added are added to it.

    Raises `BadInput` for another tenant's table, and `Corrupt` when the topic is not the one that was taken before.
    """
    found = find(store, identity.topic)
    if found is None:
        return _create(store, identity, columns)
    same_topic(found.identity, identity)
    return _widened(found, columns)


def same_topic(held: Identity, now: Identity) -> None:
    """Raises `BadInput` for another tenant's table, `Corrupt` when the topic is not the one that was taken before."""
    if held.tenant != now.tenant:
        raise BadInput(f"This warehouse belongs to tenant {held.tenant}.", "Give each tenant its own ZHONGTAI_HOME.")
    if held != now:
        raise Corrupt(
            f"Topic {now.topic} was created again since it was last loaded (or Kafka is another cluster).", FRESH
        )


def _create(store: Store, identity: Identity, columns: pa.Schema) -> LakeTable:
    place = store.table(identity.topic)
    if store.folder is not None:
        Path(place).mkdir(parents=True, exist_ok=True)
    with reached(store):
        table = DeltaTable.create(
            place,
            schema=columns,
            partition_by=[DAY],
            name=identity.topic,
            description=json.dumps(msgspec.to_builtins(identity)),
            configuration={"delta.deletedFileRetentionDuration": "interval 1 days"},
            storage_options=store.options,
        )
    return LakeTable(store, identity, table)


def _widened(found: LakeTable, columns: pa.Schema) -> LakeTable:
    table = found._table
    held = pa.schema(table.schema().to_arrow())
    gone = [name for name in held.names if name not in columns.names]
    changed = [
        field.name for field in columns if field.name in held.names and held.field(field.name).type != field.type
    ]
    if gone or changed:
        topic = found.identity.topic
        raise Corrupt(f"The lake table of {topic} has other columns: {', '.join((*gone, *changed))}.", FRESH)
    new = [field for field in columns if field.name not in held.names]
    if new:
        with reached(found._store):
            write_deltalake(table, pa.schema([*held, *new]).empty_table(), mode="append", schema_mode="merge")
    return found
