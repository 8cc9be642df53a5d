"""Fetched runs, taken whole out of aiokafka's fetcher. The one file that reaches into aiokafka.

aiokafka's public `getmany` builds an object for each record, which costs more than everything else that a worker does.
Below it lies a compiled iterator over record batches; this file walks that iterator and keeps columns. It repeats, for each
batch, what aiokafka does for read_committed: skip control batches and those of aborted transactions.
"""

import asyncio
from collections.abc import Iterable, Iterator
from inspect import isfunction
from itertools import chain
from typing import Any, NamedTuple

import aiokafka
from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher, FetchError, FetchResult, PartitionRecords

from contracts.errors import NotReady
from pipelines.batch.engine import Fence
from pipelines.batch.job import Run

# How long the broker gathers records, in ms, and how many bytes end the wait sooner. While records come: one fetch and one
# transaction for many of them. While none come: the first one ends the wait, and a quiet job asks ten times a second.
BUSY = (3, 64 << 10)
QUIET = (100, 1)
QUIET_AFTER_S = 0.05
ENOUGH = 2_000  # records of a run; a record batch is never divided

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
    """A fetch of one partition, still compressed: the batches that count, each with the offset that follows it.

    `start` is the offset that was asked for, `next` the one behind everything fetched, markers included.
    """

    topic: str
    partition: int
    start: int
    next: int
    batches: list[tuple[int, Any]]


def batches(fetched: Any) -> Batches:
    """What was fetched, without markers and aborted transactions. Leaves `next_fetch_offset` behind all of it."""
    start = fetched.next_fetch_offset
    found: list[tuple[int, Any]] = []
    memory = fetched._records
    while memory.has_next():
        batch = memory.next_batch()
        if not batch.validate_crc():
            raise aiokafka.errors.CorruptRecordException(f"Invalid CRC - {fetched._tp}")
        following = batch.next_offset
        if not _skipped(fetched, batch):
            found.append((following, batch))
        fetched.next_fetch_offset = following
    return Batches(fetched._tp.topic, fetched._tp.partition, start, fetched.next_fetch_offset, found)


def columns(taken: Batches) -> Iterator[Run]:
    """The records of a fetch as runs that follow each other without a gap. Each is read when it is asked for: records
    that wait uncompressed for their turn have left the processor's cache when it comes, and fill the memory meanwhile."""
    start, last = taken.start, len(taken.batches) - 1
    offsets: list[int] = []
    keys: list[Any] = []
    values: list[Any] = []
    times: list[int] = []
    headers: list[Any] = []
    for i, (following, batch) in enumerate(taken.batches):
        # A fetch that starts inside a compressed batch gets the whole batch.
        inside = batch.base_offset < taken.start
        for r in batch:
            if inside and r.offset < taken.start:
                continue
            offsets.append(r.offset)
            keys.append(r.key)
            values.append(r.value)
            times.append(r.timestamp)
            headers.append(r.headers or ())  # thousands of empty lists are work for the garbage collector
        if i < last and len(offsets) >= ENOUGH:
            yield Run(taken.topic, taken.partition, start, following, offsets, keys, values, times, headers)
            start, offsets, keys, values, times, headers = following, [], [], [], [], []
    yield Run(taken.topic, taken.partition, start, taken.next, offsets, keys, values, times, headers)


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
