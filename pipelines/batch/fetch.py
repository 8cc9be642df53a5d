"""Fetched runs, taken whole out of aiokafka's fetcher. The one file that reaches into aiokafka.

aiokafka's public `getmany` builds an object for each record, which costs more than everything else that a worker does.
Below it lies a compiled iterator over record batches; this file walks that iterator and keeps columns. It repeats, for each
batch, what aiokafka does for read_committed: skip control batches and those of aborted transactions.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from inspect import isfunction
from itertools import chain, dropwhile, islice
from operator import attrgetter
from typing import Any, NamedTuple

import aiokafka
from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher, FetchError, FetchResult, PartitionRecords

from contracts.errors import NotReady
from pipelines.batch.engine import Engine, Fence
from pipelines.batch.job import Run

# How long the broker gathers records, in ms, and how many bytes end the wait sooner. While records come: one fetch and one
# transaction for many of them. While none come: the first one ends the wait, and a quiet job asks ten times a second.
BUSY = (3, 64 << 10)
QUIET = (100, 1)
QUIET_AFTER_S = 0.05
READ_TIMES, READ_HEADERS = attrgetter("timestamp"), attrgetter("headers")

TOUCHED = {
    Fetcher: ("_create_fetch_waiter", "_notify"),
    FetchResult: ("check_assignment", "_update_position"),
    FetchError: ("check_raise",),
    PartitionRecords: ("_consume_aborted_up_to", "_contains_abort_marker"),
}


def self_test() -> None:
    """Raises `NotReady` when the installed aiokafka is not built as this file expects."""
    moved = [
        f"{owner.__name__}.{name}" for owner, names in TOUCHED.items() for name in names if not hasattr(owner, name)
    ]
    fields = {
        "_records",
        "_records_iterator",
        "_partition_records",
        "_wait_consume_future",
        "_fetch_max_wait_ms",
        "_fetch_min_bytes",
        "next_fetch_offset",
        "_aborted_producers",
    }
    methods = [vars(owner).values() for owner in (Fetcher, FetchResult, PartitionRecords)]
    named = {name for method in chain(*methods) if isfunction(method) for name in method.__code__.co_names}
    moved += sorted(fields - named)
    if moved:
        raise NotReady(
            f"The installed aiokafka {aiokafka.__version__} is not built as this release expects: {', '.join(moved)}.",
            "Operator action: install the versions of uv.lock (make install).",
        )


async def take_runs(client: aiokafka.AIOKafkaConsumer, timeout: float) -> Iterable[Run]:
    """Everything that has been fetched, in runs; waits up to `timeout` seconds when there is nothing.

    A run may be stale after a seek or a rebalance: the engine compares its start with the position that it keeps.
    """
    fetcher = client._fetcher
    subscriptions = client._subscription
    client._coordinator.check_errors()  # else its errors reach only those who wait, and it stops for ever meanwhile
    if subscriptions.subscription is None or subscriptions.reassignment_in_progress:
        await asyncio.sleep(0.01)
        return []
    if not fetcher._records:
        with subscriptions.fetch_context():
            waiter = fetcher._create_fetch_waiter()
            done, _ = await asyncio.wait([waiter], timeout=QUIET_AFTER_S)
            if not done:
                _pace(fetcher, QUIET)
                done, _ = await asyncio.wait([waiter], timeout=timeout)
        if not done:
            waiter.cancel()
            return []
        waiter.result()  # raises an authorisation error
    _pace(fetcher, BUSY)
    taken = [batches for tp in list(fetcher._records) if (batches := _take(fetcher, tp)) is not None]
    return chain.from_iterable(map(columns, taken))


def _pace(fetcher: Any, gather: tuple[int, int]) -> None:
    fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes = gather


def _take(fetcher: Any, tp: Any) -> "Batches | None":
    result = fetcher._records.pop(tp)
    fetcher._notify(fetcher._wait_consume_future)
    if isinstance(result, FetchError):
        result.check_raise()
    if not result.has_more() or not result.check_assignment(tp):
        return None
    taken = batches(result._partition_records)
    result._update_position()
    # aiokafka's own iterator, which nobody asked, refers to what it would read: a cycle that keeps every fetch alive until
    # the collector comes by, and ours comes seldom.
    result._partition_records._records_iterator = None
    return taken


class Batches(NamedTuple):
    """A fetch of one partition, still compressed: the batches that count.

    `start` is the offset that was asked for, `next` the one behind everything fetched, markers included.
    """

    topic: str
    partition: int
    start: int
    next: int
    batches: list[Any]


def batches(fetched: Any) -> Batches:
    """What was fetched, without markers and aborted transactions. Leaves `next_fetch_offset` behind all of it."""
    start = fetched.next_fetch_offset
    found = []
    memory = fetched._records
    while memory.has_next():
        batch = memory.next_batch()
        if not batch.validate_crc():
            raise aiokafka.errors.CorruptRecordException(f"Invalid CRC - {fetched._tp}")
        if not _skipped(fetched, batch):
            found.append(batch)
        fetched.next_fetch_offset = batch.next_offset
    return Batches(fetched._tp.topic, fetched._tp.partition, start, fetched.next_fetch_offset, found)


def columns(taken: Batches) -> Iterator[Run]:
    """The records of a fetch as runs that follow each other without a gap. Each is read when it is asked for: records
    that wait uncompressed for their turn have left the processor's cache when it comes, and fill the memory meanwhile."""
    records: Iterator[Any] = chain.from_iterable(taken.batches)
    if taken.batches and taken.batches[0].base_offset < taken.start:
        # A fetch that starts inside a compressed batch gets the whole batch.
        records = dropwhile(lambda r: bool(r.offset < taken.start), records)
    start, some = taken.start, list(islice(records, Engine.SLICE))
    while more := list(islice(records, Engine.SLICE)):
        after = more[0].offset
        yield _run(taken, start, after, some)
        start, some = after, more
    yield _run(taken, start, taken.next, some)


def _run(taken: Batches, start: int, after: int, records: list[Any]) -> Run:
    offsets: Sequence[int] = range(0)
    if records:
        offsets = range(records[0].offset, records[-1].offset + 1)
        if len(offsets) != len(records):
            offsets = [r.offset for r in records]
    keys, values = [r.key for r in records], [r.value for r in records]
    times, headers = Later(records, READ_TIMES), Later(records, READ_HEADERS)
    return Run(taken.topic, taken.partition, start, after, offsets, keys, values, times, headers)


class Later(Sequence[Any]):
    """A column that is read when it is asked for: most jobs never ask for times and headers."""

    __slots__ = ("_read", "_records")

    def __init__(self, records: list[Any], read: Callable[[Any], Any]) -> None:
        self._records, self._read = records, read

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, i: Any) -> Any:
        return Later(self._records[i], self._read) if isinstance(i, slice) else self._read(self._records[i])

    def __iter__(self) -> Iterator[Any]:
        return map(self._read, self._records)


def _skipped(fetched: Any, batch: Any) -> bool:
    if fetched._isolation_level == READ_COMMITTED and batch.producer_id is not None:
        fetched._consume_aborted_up_to(batch.base_offset)
        if batch.is_control_batch and fetched._contains_abort_marker(batch):
            fetched._aborted_producers.discard(batch.producer_id)
        if batch.is_transactional and batch.producer_id in fetched._aborted_producers:
            return True
    return bool(batch.is_control_batch)


def membership(client: aiokafka.AIOKafkaConsumer) -> Fence:
    """Who we are in the group, now. To be read inside the assignment callback only: aiokafka resets it on failures."""
    coordinator = client._coordinator
    return Fence(coordinator.generation, coordinator.member_id, client._group_instance_id)


def rejoin(client: aiokafka.AIOKafkaConsumer) -> None:
    """Ask for a new assignment."""
    client._coordinator.request_rejoin()
