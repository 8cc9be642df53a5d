"""The state of a job made again from the lake, and how it differs from the state that stands in Kafka."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

import msgspec

from centers.receipts import marks
from contracts.errors import Corrupt
from contracts.keys import SEPARATOR, key, partition
from contracts.masters import MASTERS
from contracts.orders import OrderFact, OrderMarks
from contracts.receipts import Origin, Receipt, ReceiptMarks
from contracts.visibility import VisibilityEvent, VisibilityMark
from contracts.wire import Record, decoder, encode
from pipelines.batch import Job, Run, State
from pipelines.jobs import raw_wms_to_event_visibility as visibility
from pipelines.rebuild import lake_records
from pipelines.warehouse.store import Store


class Place(NamedTuple):
    """Where a value of a compacted topic belongs. State belongs to a partition of the job's input: a key alone does not tell."""

    partition: int
    key: bytes


Values = dict[Place, Record]
# What must be written so that a topic holds what was made again: new values, and None for what must not be there.
Changes = dict[Place, Record | None]
SLICE = 1_000
SHOWN = 5
_CIPHER = re.compile(rb'"cipher":"[^"]*"')


class Compared(msgspec.Struct, frozen=True):
    """How a part that was made again agrees with the live one. `examples` are keys or rows that differ, a few of them."""

    name: str
    rows: int
    different: int
    examples: tuple[str, ...] = ()


class Part(NamedTuple):
    """A topic that was made again: how it agrees with what stands, and what would mend it."""

    compared: Compared
    changes: Changes


def replayed(store: Store, job: Job, kind: type[Record], cut: Mapping[int, int]) -> Values:
    """The job's state after the events below `cut`, by the job's own step. The order within each partition is the log's."""
    assert job.state is not None, "only a job with state can be replayed"
    values: Values = {}
    held: tuple[int, State[Record]] = (-1, State(decoder(job.state.record), {}))
    for run in lake_records.runs(store, job.inputs[0], kind, cut):
        if run.partition != held[0]:
            held = (run.partition, State(decoder(job.state.record), {}))
        _apply(job, held[1], run, values)
    return values


def _apply(job: Job, state: State[Record], run: Run, values: Values) -> None:
    for piece in run.slices(SLICE):
        changes = job.step(state, job.prepare(piece)).changes
        state.change(changes)
        state.take()
        for k, value in changes.items():
            if value is None:
                values.pop(Place(piece.partition, k), None)
            else:
                values[Place(piece.partition, k)] = value


def receipts_taken(receipts: Iterable[Receipt]) -> Values:
    """`log.accept_receipts` from what was accepted: the numbers of each till and day."""
    found: dict[Place, ReceiptMarks] = {}
    for r in receipts:
        own = _marked_at(r.origin, key(r.tenant, r.store, r.till, r.business_date))
        old = found.get(own)
        seen, _ = marks.add(old.seen if old else (), r.number)
        found[own] = ReceiptMarks(tenant=r.tenant, store=r.store, till=r.till, business_date=r.business_date, seen=seen)
    return dict(found)


def orders_taken(facts: Iterable[OrderFact]) -> Values:
    """`log.accept_orders` from the facts that web shops sent (tills have some to tell, too): their ids, for each order."""
    seen: dict[tuple[int, str, str], set[bytes]] = {}
    for fact in facts:
        if fact.origin.topic == "raw.ecommerce":
            seen.setdefault((fact.origin.partition, fact.tenant, fact.order_id), set()).add(UUID(fact.fact_id).bytes)
    return {
        Place(p, key(tenant, order)): OrderMarks(tenant=tenant, order_id=order, seen=b"".join(sorted(ids)))
        for (p, tenant, order), ids in seen.items()
    }


def events_taken(events: Iterable[VisibilityEvent]) -> Values:
    """`log.accept_visibility` from the events and declarations that were let pass, each key's in their order."""
    found: dict[Place, VisibilityMark] = {}
    for event in events:
        own = _marked_at(event.origin, key(event.tenant, event.epcis_id))
        mark, _ = visibility.settle(found.get(own), event)
        if mark is not None:
            found[own] = mark
    return dict(found)


def _marked_at(origin: Origin, own: bytes) -> Place:
    """A first job keeps its marks beside the partition of `raw.*` that it read."""
    return Place(origin.partition, own)


# The marks of first jobs, whose own input is gone after days: topic → what they follow from, and how.
MARKS: dict[str, tuple[type[Record], Callable[[Iterable[Record]], Values]]] = {
    "log.accept_receipts": (Receipt, receipts_taken),  # type: ignore[dict-item]
    "log.accept_orders": (OrderFact, orders_taken),  # type: ignore[dict-item]
    "log.accept_visibility": (VisibilityEvent, events_taken),  # type: ignore[dict-item]
}
# What stands of each master is its newest change: topic → the topic of its changes.
NEWEST: dict[str, str] = {f"state.{table}": f"event.{table}" for table in MASTERS}


def marked(store: Store, topic: str, cut: Mapping[int, int]) -> Values:
    """A log of `MARKS`, made from the events that its job let pass."""
    kind, made = MARKS[topic]
    read = decoder(kind)
    return made(read(value) for run in lake_records.runs(store, kind.TYPE, kind, cut) for value in run.values)


def newest(store: Store, topic: str, kind: type[Record], cut: Mapping[int, int], partitions: int) -> Values:
    """The last record of each key below `cut`: a key stays in its partition, so offsets tell.

    What stands of it has `partitions`, and is partitioned by its key, too.
    """
    read = decoder(kind)
    values = {
        k: value
        for run in lake_records.runs(store, topic, kind, cut)
        for k, value in zip(run.keys, run.values, strict=True)
    }
    return {Place(partition(k, partitions), k): read(value) for k, value in values.items()}


def compared(name: str, kind: type[Record], again: Values, standing: Mapping[Place, bytes]) -> Part:
    """Place by place, all fields but ciphers, which the lake does not hold. `standing` has values as they lie in Kafka.

    What stands and cannot be read differs; it is told by its key.
    """
    places = again.keys() | standing.keys()
    different = sorted(at for at in places if not _same(kind, again.get(at), standing.get(at)))
    return part(name, len(places), {at: again.get(at) for at in different})


def part(name: str, rows: int, changes: Changes) -> Part:
    shown = tuple(at.key.decode(errors="replace").replace(SEPARATOR, " / ") for at in list(changes)[:SHOWN])
    return Part(Compared(name, rows, len(changes), shown), changes)


def _same(kind: type[Record], again: Record | None, stands: bytes | None) -> bool:
    if again is None or stands is None:
        return again is None and stands is None
    plain = _plain(encode(again))
    if plain == _plain(stands):
        return True
    try:  # an older release of the same version may have spelt it otherwise
        return plain == _plain(encode(decoder(kind)(stands)))
    except Corrupt:
        return False


def _plain(value: bytes) -> bytes:
    return _CIPHER.sub(b'"cipher":""', value)
