"""`event.edge_arrival` → `state.edge`: what each shop's outbox has sent, and what is missing. The outbox reads it."""

from collections.abc import Sequence

from centers.edges import gaps
from contracts.edges import Edge, EdgeArrival
from contracts.keys import key
from pipelines.batch import Effects, Job, State, Table, decoded


def step(state: State[Edge], arrivals: Sequence[EdgeArrival]) -> Effects:
    changes: dict[bytes, Edge] = {}
    for arrival in arrivals:
        k = key(arrival.tenant, arrival.store, arrival.epoch, arrival.lane)
        changes[k] = gaps.apply(changes.get(k) or state.get(k), arrival)
    return Effects(changes)


JOB = Job(
    name="keep_edges",
    inputs=("event.edge_arrival",),
    prepare=decoded(EdgeArrival),
    step=step,
    state=Table("state.edge", Edge),
)
