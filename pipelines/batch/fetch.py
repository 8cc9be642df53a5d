"""Fetched runs, taken whole out of aiokafka's fetcher. The one file that reaches into aiokafka.

aiokafka's public `getmany` builds an object for each record, which costs more than everything else that a worker does.
Below it lies a compiled iterator over record batches; this file walks that iterator and keeps columns. It repeats, for each
batch, what aiokafka does for read_committed: skip control batches and those of aborted transactions.
"""

import asyncio
import inspect
from typing import Any

import aiokafka
from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher, FetchError, FetchResult, PartitionRecords

from contracts.errors import NotReady
from pipelines.batch.engine import Fence
from pipelines.batch.job import Run

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
    source = inspect.getsource(Fetcher) + inspect.getsource(FetchResult) + inspect.getsource(PartitionRecords)
    fields = (
        "_records",
        "_records_iterator",
        "_partition_records",
        "_wait_consume_future",
        "next_fetch_offset",
        "_aborted_producers",
    )
    moved += [name for name in fields if f"self.{name}" not in source]
    if moved:
        raise NotReady(
            f"The installed aiokafka {aiokafka.__version__} is not built as this release expects: {', '.join(moved)}.",
            "Operator action: install the versions of uv.lock (make install).",
        )


async def take_runs(client: aiokafka.AIOKafkaConsumer, timeout: float) -> list[Run]:
    """Everything that has been fetched, a run for each partition; waits up to `timeout` seconds when there is nothing.

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
            done, _ = await asyncio.wait([waiter], timeout=timeout)
        if not done:
            waiter.cancel()
            return []
        waiter.result()  # raises an authorisation error
    return [run for tp in list(fetcher._records) if (run := _take(fetcher, tp)) is not None]


def _take(fetcher: Any, tp: Any) -> Run | None:
    result = fetcher._records.pop(tp)
    fetcher._notify(fetcher._wait_consume_future)
    if isinstance(result, FetchError):
        result.check_raise()
    if not result.has_more() or not result.check_assignment(tp):
        return None
    run = columns(result._partition_records)
    result._update_position()
    # aiokafka's own iterator, which nobody asked, refers to what it would read: a cycle that keeps every fetch alive until
    # the collector comes by, and ours comes seldom.
    result._partition_records._records_iterator = None
    return run


def columns(fetched: Any) -> Run:
    """The records of one fetch as columns. Leaves `next_fetch_offset` behind everything read, markers included."""
    start = fetched.next_fetch_offset
    offsets: list[int] = []
    keys: list[Any] = []
    values: list[Any] = []
    times: list[int] = []
    headers: list[Any] = []
    memory = fetched._records
    while memory.has_next():
        batch = memory.next_batch()
        if not batch.validate_crc():
            raise aiokafka.errors.CorruptRecordException(f"Invalid CRC - {fetched._tp}")
        following = batch.next_offset
        if not _skipped(fetched, batch):
            # A fetch that starts inside a compressed batch gets the whole batch.
            inside = batch.base_offset < fetched.next_fetch_offset
            for r in batch:
                if inside and r.offset < fetched.next_fetch_offset:
                    continue
                offsets.append(r.offset)
                keys.append(r.key)
                values.append(r.value)
                times.append(r.timestamp)
                headers.append(r.headers or ())  # thousands of empty lists are work for the garbage collector
        fetched.next_fetch_offset = following
    return Run(
        fetched._tp.topic,
        fetched._tp.partition,
        start,
        fetched.next_fetch_offset,
        offsets,
        keys,
        values,
        times,
        headers,
    )


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
