"""`raw.*` → `event.edge_arrival`: which records of the shops' outboxes came in. Reads headers only. No state.

A job of its own, so that no feed's first job has to know of outboxes; a run of a thousand records is one small event.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from centers.edges.arrivals import Heard, arrivals, read
from contracts.edges import EdgeArrival
from contracts.instants import spelt
from contracts.keys import SEPARATOR, key
from contracts.wire import headers
from pipelines.batch import Effects, Job, Output, Run, State

# The topics to which an outbox sends (zhongtai_edge.records.LANES), and the one where it speaks of itself.
INPUTS = ("raw.pos", "raw.wms", "raw.ecommerce", "raw.edge")


class Came(NamedTuple):
    """The arrivals of one run, and the place of its first record: the same run gives the same keys."""

    place: str
    arrivals: list[EdgeArrival]


def prepare(run: Run) -> list[Came]:
    heard = [
        one
        for k, fields, time in zip(run.keys, run.headers, run.times, strict=True)
        if fields and (one := _heard(k, fields, time)) is not None
    ]
    return [Came(f"{run.topic}|{run.partition}|{run.offsets[0]}", arrivals(heard))] if heard else []


def _heard(k: bytes, fields: Sequence[tuple[str, bytes]], time: int) -> Heard | None:
    if not any(name == "zt_edge" for name, _ in fields):
        return None
    tenant = (k or b"").decode(errors="replace").split(SEPARATOR, 1)[0]
    return read(tenant, fields, spelt(datetime.fromtimestamp(time / 1000, UTC)))


def step(_: State[EdgeArrival] | None, events: Sequence[Came]) -> Effects:
    return Effects({}, [_output(n, came.place, one) for came in events for n, one in enumerate(came.arrivals)])


def _output(n: int, place: str, arrival: EdgeArrival) -> Output:
    id_ = f"{place}|{n}"
    return Output(
        "event.edge_arrival",
        key(arrival.tenant, id_),
        key(arrival.tenant, arrival.store),
        arrival,
        headers(EdgeArrival, id_, "/centers/edges", arrival.arrived_at),
    )


JOB = Job(name="note_edge_arrivals", inputs=INPUTS, prepare=prepare, step=step)
