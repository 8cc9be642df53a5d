"""Receipts move stock, and movements add up to levels."""

from itertools import permutations

import msgspec
import pytest

from centers.stock.levels import apply
from centers.stock.movements import movements
from contracts.errors import Corrupt
from contracts.keys import record_id
from contracts.receipts import Origin, Receipt, ReceiptLine
from contracts.stock import Document, StockLevel, StockMovement

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
        )  # fmt: skip


def test_grams_are_never_added_to_pieces() -> None:
    with pytest.raises(Corrupt, match="WATER is counted in each"):
        apply(apply(None, moved(1)), moved(1, unit="g"))
