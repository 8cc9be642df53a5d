"""Outboxes in the shops (edge/): what arrived of each, and what the centre knows to be missing."""

from typing import ClassVar, Literal

from contracts.wire import Record

Says = Literal["sent", "shed", "lost", "top"]
Ranges = tuple[tuple[int, int], ...]


class EdgeArrival(Record, frozen=True, kw_only=True, gc=False):
    """`event.edge_arrival`: numbers of one lane and epoch that came in together, as closed ranges, ascending.

    `sent`: the records themselves came. `shed` and `lost`: the outbox declares that they never will. `top`: everything up
    to the number was acknowledged to the outbox. `records` counts repeats too. Keyed by where the run that it sums up
    ended; partitioned by store. Order and repetition of arrivals change nothing but the counts.
    """

    TYPE: ClassVar[str] = "event.edge_arrival"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    store: str
    epoch: str
    lane: str
    says: Says
    ranges: Ranges
    records: int
    arrived_at: str


class Edge(Record, frozen=True, kw_only=True, gc=False):
    """`state.edge`: one lane of one outbox in one epoch. Absolute. The outbox reads it and sends `gaps` again.

    Keyed (tenant, store, epoch, lane); partitioned by store. `seen`, `shed` and `lost` are closed intervals, ascending and
    apart; `gaps` is what [1, last] holds beside them. `repeats` counts records that had come before. `seen_at` is the last
    sign of life.
    """

    TYPE: ClassVar[str] = "state.edge"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    store: str
    epoch: str
    lane: str
    last: int
    seen: Ranges
    gaps: Ranges
    shed: Ranges = ()
    lost: Ranges = ()
    records: int = 0
    repeats: int = 0
    seen_at: str
