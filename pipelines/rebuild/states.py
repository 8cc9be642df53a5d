"""The state of a job made again from the lake, and how it differs from the state that stands in Kafka."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from uuid import UUID

import msgspec

from centers.receipts import marks
from contracts.keys import SEPARATOR, key
from contracts.masters import MASTERS
from contracts.orders import OrderFact, OrderMarks
from contracts.receipts import Receipt, ReceiptMarks
from contracts.visibility import VisibilityEvent, VisibilityMark
from contracts.wire import Record, decoder, encode
from pipelines.batch import Job, Run, State
from pipelines.jobs import raw_wms_to_event_visibility as visibility
from pipelines.rebuild import lake_records

Values = dict[bytes, Record]
SLICE = 1_000
SHOWN = 5
_CIPHER = re.compile(rb'"cipher":"[^"]*"')


class Compared(msgspec.Struct, frozen=True):
    """How a part that was made again agrees with the live one. `examples` are keys or rows that differ, a few of them."""

    name: str
    rows: int
    different: int
    examples: tuple[str, ...] = ()


def replayed(home: Path, job: Job, kind: type[Record], cut: Mapping[int, int]) -> Values:
    """The job's state after the events below `cut`, by the job's own step. The order within each partition is the log's."""
    assert job.state is not None, "only a job with state can be replayed"
    values: Values = {}
    held: tuple[int, State[Record]] = (-1, State(decoder(job.state.record), {}))
    for run in lake_records.runs(home, job.inputs[0], kind, cut):
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
                values.pop(k, None)
            else:
                values[k] = value


def receipts_taken(receipts: Iterable[Receipt]) -> Values:
    """`log.accept_receipts` from what was accepted: the numbers of each till and day."""
    found: dict[bytes, ReceiptMarks] = {}
    for r in receipts:
        own = key(r.tenant, r.store, r.till, r.business_date)
        old = found.get(own)
        seen, _ = marks.add(old.seen if old else (), r.number)
        found[own] = ReceiptMarks(tenant=r.tenant, store=r.store, till=r.till, business_date=r.business_date, seen=seen)
    return dict(found)


def orders_taken(facts: Iterable[OrderFact]) -> Values:
    """`log.accept_orders` from the facts that web shops sent (tills have some to tell, too): their ids, for each order."""
    seen: dict[tuple[str, str], set[bytes]] = {}
    for fact in facts:
        if fact.origin.topic == "raw.ecommerce":
            seen.setdefault((fact.tenant, fact.order_id), set()).add(UUID(fact.fact_id).bytes)
    return {
        key(tenant, order): OrderMarks(tenant=tenant, order_id=order, seen=b"".join(sorted(ids)))
        for (tenant, order), ids in seen.items()
    }


def events_taken(events: Iterable[VisibilityEvent]) -> Values:
    """`log.accept_visibility` from the events and declarations that were let pass, each key's in their order."""
    found: dict[bytes, VisibilityMark] = {}
    for event in events:
        own = key(event.tenant, event.epcis_id)
        mark, _ = visibility.settle(found.get(own), event)
        if mark is not None:
            found[own] = mark
    return dict(found)


# The marks of first jobs, whose own input is gone after days: topic → what they follow from, and how.
MARKS: dict[str, tuple[type[Record], Callable[[Iterable[Record]], Values]]] = {
    "log.accept_receipts": (Receipt, receipts_taken),  # type: ignore[dict-item]
    "log.accept_orders": (OrderFact, orders_taken),  # type: ignore[dict-item]
    "log.accept_visibility": (VisibilityEvent, events_taken),  # type: ignore[dict-item]
}
# What stands of each master is its newest change: topic → the topic of its changes.
NEWEST: dict[str, str] = {f"state.{table}": f"event.{table}" for table in MASTERS}


def marked(home: Path, topic: str, cut: Mapping[int, int]) -> Values:
    """A log of `MARKS`, made from the events that its job let pass."""
    kind, made = MARKS[topic]
    read = decoder(kind)
    return made(read(value) for run in lake_records.runs(home, kind.TYPE, kind, cut) for value in run.values)


def newest(home: Path, topic: str, kind: type[Record], cut: Mapping[int, int]) -> Values:
    """The last record of each key below `cut`: a key stays in its partition, so offsets tell."""
    read = decoder(kind)
    values = {
        k: value
        for run in lake_records.runs(home, topic, kind, cut)
        for k, value in zip(run.keys, run.values, strict=True)
    }
    return {k: read(value) for k, value in values.items()}


def compared(name: str, again: Values, standing: Values) -> Compared:
    """Key by key, all fields but ciphers, which the lake does not hold."""
    keys = again.keys() | standing.keys()
    different = sorted(k for k in keys if _plain(again.get(k)) != _plain(standing.get(k)))
    shown = tuple(k.decode().replace(SEPARATOR, " / ") for k in different[:SHOWN])
    return Compared(name, len(keys), len(different), shown)


def _plain(value: Record | None) -> bytes:
    return b"" if value is None else _CIPHER.sub(b'"cipher":""', encode(value))
