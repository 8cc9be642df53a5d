"""Which numbers of an outbox came and which are missing, whatever the order and however often."""

import random

import pytest

from centers.edges.arrivals import arrivals, read
from centers.edges.gaps import MOST_INTERVALS, apply, size, without
from contracts.edges import Edge, EdgeArrival

AT = "2026-11-22T02:30:00Z"


def arrival(*ranges: tuple[int, int], says: str = "sent", records: int | None = None, at: str = AT) -> EdgeArrival:
    return EdgeArrival(
        tenant="demo",
        store="S001",
        epoch="17-ab",
        lane="payments",
        says=says,  # type: ignore[arg-type]
        ranges=ranges,
        records=size(ranges) if records is None else records,
        arrived_at=at,
    )


def fold(*came: EdgeArrival) -> Edge:
    edge: Edge | None = None
    for one in came:
        edge = apply(edge, one)
    assert edge is not None
    return edge


def test_what_is_missing_below_the_highest_number_is_a_gap() -> None:
    edge = fold(arrival((1, 5)), arrival((8, 9)), arrival((12, 12)))
    assert (edge.last, edge.seen, edge.gaps) == (12, ((1, 5), (8, 9), (12, 12)), ((6, 7), (10, 11)))


def test_the_first_numbers_may_be_missing_too() -> None:
    assert fold(arrival((3, 4))).gaps == ((1, 2),)


def test_a_gap_that_is_filled_is_none_and_repeats_are_counted() -> None:
    edge = fold(arrival((1, 5)), arrival((8, 9)), arrival((6, 7), records=2), arrival((6, 9)))
    assert (edge.gaps, edge.records, edge.repeats) == ((), 13, 4)


def test_what_was_shed_or_lost_is_not_asked_for_and_a_missing_tail_is() -> None:
    edge = fold(
        arrival((1, 2)), arrival((3, 4), says="shed"), arrival((6, 6), says="lost"), arrival((9, 9), says="top")
    )
    assert (edge.last, edge.gaps, edge.shed, edge.lost) == (9, ((5, 5), (7, 9)), ((3, 4),), ((6, 6),))
    assert fold(arrival((1, 4), says="lost"), arrival((2, 3))).lost == ((1, 1), (4, 4))


def numbers(*ranges: tuple[int, int]) -> set[int]:
    return {n for low, high in ranges for n in range(low, high + 1)}


@pytest.mark.parametrize("seed", range(20))
def test_any_order_and_any_repetition_gives_the_same_ranges(seed: int) -> None:
    dice = random.Random(seed)
    came = []
    for _ in range(40):
        low = dice.randint(1, 60)
        came.append(arrival((low, low + dice.randint(0, 5)), says=dice.choice(("sent", "sent", "shed", "lost", "top"))))
    told = {says: numbers(*(r for a in came if a.says == says for r in a.ranges)) for says in ("sent", "shed", "lost")}
    edge = fold(*dice.sample(came, len(came)), *dice.choices(came, k=10))
    assert numbers(*edge.seen) == told["sent"]
    assert numbers(*edge.gaps) == set(range(1, edge.last + 1)) - told["sent"] - told["shed"] - told["lost"]
    assert numbers(*edge.shed) == told["shed"] - told["sent"]
    other = fold(*dice.sample(came, len(came)))
    assert (other.seen, other.gaps, other.shed, other.lost) == (edge.seen, edge.gaps, edge.shed, edge.lost)


def test_a_shop_that_sends_every_other_number_makes_no_endless_record() -> None:
    edge = None
    for n in range(1, 4 * MOST_INTERVALS, 2):
        edge = apply(edge, arrival((n, n)))
    assert edge is not None
    assert len(edge.seen) == MOST_INTERVALS
    assert len(edge.gaps) <= MOST_INTERVALS
    filled = apply(edge, arrival((1, 4 * MOST_INTERVALS)))
    assert (len(filled.seen), filled.gaps) == (1, ())


def test_a_difference_of_ranges() -> None:
    assert without(((1, 10), (20, 30)), ((0, 1), (5, 6), (10, 22), (30, 40))) == ((2, 4), (7, 9), (23, 29))
    assert without((), ((1, 2),)) == ()


@pytest.mark.parametrize(
    "header",
    [b"", b"S1|e|payments", b"S1|e|payments|0", b"S1|e|payments|x", b"S1|e|payments|1-2", b"S1||payments|1", b"a|b|c|d|1",
     b"\xff\xfe|e|payments|" + b"9" * 40, b"S1|e|PAY|1", b" S1|e|payments|1"],
)  # fmt: skip
def test_a_header_that_cannot_be_read_counts_as_none(header: bytes) -> None:
    assert read("demo", [("zt_edge", header)], AT) is None


def test_a_declaration_needs_a_known_word_and_a_range_that_is_one() -> None:
    good = ("zt_edge", b"S1|e|payments|3-5")
    assert read("demo", [good, ("zt_edge_says", b"shed")], AT) is not None
    assert read("demo", [good, ("zt_edge_says", b"sent")], AT) is None
    assert read("demo", [good, ("zt_edge_says", b"sold")], AT) is None
    assert read("demo", [("zt_edge", b"S1|e|payments|5-3"), ("zt_edge_says", b"shed")], AT) is None
    assert read("demo", [("zt_format", b"x")], AT) is None


def test_a_run_becomes_one_arrival_for_each_lane_and_kind() -> None:
    headers = [[("zt_edge", b"S1|e|payments|%d" % n)] for n in (1, 2, 2, 4)]
    headers += [[("zt_edge", b"S1|e|behaviour|1-9"), ("zt_edge_says", b"shed")]]
    made = arrivals(heard for one in headers if (heard := read("demo", one, AT)) is not None)
    assert [(a.lane, a.says, a.ranges, a.records) for a in made] == [
        ("payments", "sent", ((1, 2), (4, 4)), 4),
        ("behaviour", "shed", ((1, 9),), 1),
    ]
