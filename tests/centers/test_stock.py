"""Receipts move stock, and movements and counts add up to levels."""

import random
from itertools import permutations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from centers.stock.levels import REMEMBERED, apply
from centers.stock.movements import movements
from contracts.errors import Corrupt
from contracts.keys import record_id
from contracts.receipts import Origin, Receipt, ReceiptLine
from contracts.stock import CountEntry, Document, Ledger, StockLevel, StockMovement

RECORDED = Origin("event.receipt", 1, 9)
RECEIPT = Receipt(
    tenant="t", receipt_id="r", kind="sale", store="S1", till="1", clerk="c", number=1, business_date="2026-11-22",
    at="2026-11-22T02:30:00Z", currency="CNY", total_cents=3,
    lines=(
        ReceiptLine(1, "WATER", 2, "each", 1),
        ReceiptLine(2, "WATER", 0, "each", 1),
        ReceiptLine(3, "APPLE", -5, "g", 1),
    ),
    tenders=(), products_version=1, received_at="2026-11-22T03:00:00Z", origin=Origin("raw.pos", 0, 0),
)  # fmt: skip


def test_each_line_is_one_movement_of_the_opposite_sign() -> None:
    found = movements(RECEIPT, RECORDED)
    assert [(m.sku, m.quantity, m.unit, m.bucket) for m in found] == [
        ("WATER", -2, "each", "on_hand"),
        ("WATER", 0, "each", "on_hand"),
        ("APPLE", 5, "g", "on_hand"),
    ]
    assert [m.why for m in found] == [Document("receipt", "r", n) for n in (1, 2, 3)]
    assert {(m.location, m.source, m.at, m.known_at, m.recorded) for m in found} == {
        ("S1", "pos", RECEIPT.at, RECEIPT.received_at, RECORDED)
    }


def test_ids_of_movements_are_theirs_for_ever() -> None:
    assert [m.movement_id for m in movements(RECEIPT, RECORDED)] == [
        record_id("t", "stock_movement", "r", n) for n in (1, 2, 3)
    ]


def moved(quantity: int, at: str = "2026-11-22T02:30:00Z", unit: str = "each") -> StockMovement:
    return msgspec.structs.replace(movements(RECEIPT, RECORDED)[0], quantity=quantity, at=at, unit=unit)


def test_a_level_is_the_sum_of_its_movements_in_any_order() -> None:
    given = (moved(-2), moved(12, "2026-11-22T02:30:00.500000Z"), moved(0, "2026-11-21T23:59:59Z"))
    for order in permutations(given):
        level = None
        for movement in order:
            level = apply(level, movement)
        assert level == StockLevel(
            tenant="t", sku="WATER", location="S1", on_hand=10, unit="each", movements=3,
            as_of="2026-11-22T02:30:00.500000Z",
            ledger=Ledger(
                recent="2026-11-21T23:59:59=0 2026-11-22T02:30:00=-2 2026-11-22T02:30:00.500000=12"
            ),
        )  # fmt: skip


def test_grams_are_never_added_to_pieces() -> None:
    with pytest.raises(Corrupt, match="WATER is counted in each"):
        apply(apply(None, moved(1)), moved(1, unit="g"))


def counted(held: int, at: str, id: str = "c", voids: str = "") -> StockMovement:
    count = CountEntry(held, started_at="2026-11-22T02:00:00Z", sheet="A1", voids=voids)
    return msgspec.structs.replace(moved(0, at), movement_id=id, count=count)


def folded(entries: list[StockMovement]) -> StockLevel:
    level = None
    for entry in entries:
        level = apply(level, entry)
    assert level is not None
    return level


def second(n: int) -> str:
    return f"2026-11-22T02:{n // 60:02}:{n % 60:02}Z"


changes = st.tuples(st.just("change"), st.integers(0, 600), st.integers(-9, 9))
counts = st.tuples(st.just("count"), st.integers(0, 600), st.integers(0, 50))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(changes, changes, counts), min_size=1, max_size=40), st.integers(0, 2**32))
def test_a_level_is_the_last_count_and_the_changes_after_it_in_any_order(
    written: list[tuple[str, int, int]], seed: int
) -> None:
    entries = [
        counted(n, second(at), f"c{i:03}") if kind == "count" else moved(n, second(at))
        for i, (kind, at, n) in enumerate(written)
    ]
    last = max(((at, i, n) for i, (kind, at, n) in enumerate(written) if kind == "count"), default=(-1, 0, 0))
    expected = last[2] + sum(n for kind, at, n in written if kind == "change" and at > last[0])
    shuffled = entries[:]
    random.Random(seed).shuffle(shuffled)
    for order in (entries, shuffled, shuffled[::-1]):
        level = folded(order)
        assert (level.on_hand, level.movements) == (expected, len(written))


def test_a_late_change_from_before_the_count_changes_what_the_count_found_missing() -> None:
    level = folded([moved(10, second(0)), counted(7, second(100)), moved(-2, second(200)), moved(-1, second(50))])
    assert level.on_hand == 5
    assert level.ledger is not None
    assert level.ledger.correction == -2
    assert level.ledger.inside == 1  # it happened while somebody was counting


def test_a_count_that_was_an_error_is_taken_back() -> None:
    level = folded(
        [
            moved(10, second(0)),
            counted(3, second(100), "c1"),
            moved(-2, second(200)),
            counted(3, second(100), "v", "c1"),
        ]
    )
    assert level.on_hand == 8


def test_a_count_older_than_what_is_remembered_is_said_to_be_unplaced() -> None:
    level = folded([*(moved(1, second(n)) for n in range(300)), counted(0, second(10))])
    assert level.on_hand == 300
    assert level.ledger is not None
    assert (level.ledger.unplaced, level.ledger.recent.count("=")) == (1, REMEMBERED)


def test_a_level_of_an_earlier_release_places_counts_after_it_only() -> None:
    old = StockLevel(tenant="t", sku="WATER", location="S1", on_hand=4, unit="each", movements=9, as_of=second(60))
    early, late = apply(old, counted(7, second(59))), apply(old, counted(7, second(61)))
    assert (early.on_hand, late.on_hand) == (4, 7)


def test_damaged_and_incoming_goods_stand_beside_what_is_on_hand() -> None:
    level = folded([moved(10), *(msgspec.structs.replace(moved(3), bucket=b) for b in ("damaged", "incoming"))])
    assert (level.on_hand, level.movements) == (10, 1)
    assert level.ledger is not None
    assert (level.ledger.damaged, level.ledger.incoming, level.ledger.quality_control) == (3, 3, 0)
