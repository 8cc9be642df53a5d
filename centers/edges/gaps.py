"""What arrived of an outbox, folded: the highest number known, and the ranges that are missing below it. Pure.

The fold is a union of sets, so any order and any repetition of arrivals gives the same ranges; only `records` and
`repeats` count how often something came.
"""

from centers.receipts import marks
from contracts.edges import Edge, EdgeArrival, Ranges
from contracts.instants import latest

# A shop that sends every other number would otherwise grow a record without end, up to what Kafka does not take.
MOST_INTERVALS = 1_000


def apply(edge: Edge | None, arrival: EdgeArrival) -> Edge:
    """The edge with the arrival in it. Numbers that came beyond `MOST_INTERVALS` gaps are left out: they are asked for
    again once lower ones have come.
    """
    seen: Ranges = edge.seen if edge else ()
    shed: Ranges = edge.shed if edge else ()
    lost: Ranges = edge.lost if edge else ()
    last = edge.last if edge else 0
    repeats = 0
    if arrival.says == "sent":
        before = size(seen)
        joined = marks.union(seen, arrival.ranges)
        repeats = max(0, arrival.records - (size(joined) - before))
        seen = joined[:MOST_INTERVALS]
    elif arrival.says == "shed":
        shed = marks.union(shed, arrival.ranges)[:MOST_INTERVALS]
    elif arrival.says == "lost":
        lost = marks.union(lost, arrival.ranges)[:MOST_INTERVALS]
    last = max(last, max((high for _, high in arrival.ranges), default=0))
    # What came after all, by a way that the outbox did not know of, is neither shed nor lost.
    shed, lost = without(shed, seen), without(lost, seen)
    known = marks.union(seen, marks.union(shed, lost))
    return Edge(
        tenant=arrival.tenant,
        store=arrival.store,
        epoch=arrival.epoch,
        lane=arrival.lane,
        last=last,
        seen=seen,
        gaps=without(((1, last),), known)[:MOST_INTERVALS] if last else (),
        shed=shed,
        lost=lost,
        records=(edge.records if edge else 0) + (arrival.records if arrival.says == "sent" else 0),
        repeats=(edge.repeats if edge else 0) + repeats,
        seen_at=latest(edge.seen_at, arrival.arrived_at) if edge else arrival.arrived_at,
    )


def size(ranges: Ranges) -> int:
    return sum(high - low + 1 for low, high in ranges)


def without(ranges: Ranges, those: Ranges) -> Ranges:
    """The numbers of `ranges` that are not in `those`; both ascending and apart."""
    left: list[tuple[int, int]] = []
    for low, high in ranges:
        at = low
        for a, b in those:
            if b < at:
                continue
            if a > high:
                break
            if a > at:
                left.append((at, a - 1))
            at = b + 1
        if at <= high:
            left.append((at, high))
    return tuple(left)
