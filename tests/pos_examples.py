"""Receipts for tests: a good one as an object and as a line, with changes; and the products that it names."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from contracts.products import Product, Products

PHONE = "13812345678"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

PRODUCTS = {
    "WATER": Product("WATER", "each", {"each": 1, "case": 12}, ("6901234567892",)),
    "APPLE": Product("APPLE", "g", {"g": 1, "kg": 1000, "jin": 500}),
    "SAND": Product("SAND", "g", {"g": 1, "t": 10**6}),
    "PIE": Product("PIE", "slice", {"slice": 1, "third": Fraction(8, 3)}),
}
REFERENCE = Products(7, PRODUCTS, {"6901234567892": PRODUCTS["WATER"]})
REFERENCE_LINES = [
    {"sku": "WATER", "base_unit": "each", "units": {"each": "1", "case": "12"}, "barcodes": ["6901234567892"]},
    {"sku": "APPLE", "base_unit": "g", "units": {"g": "1", "kg": "1000", "jin": "500"}},
]


class StillClock:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOON


def dice(seed: str) -> Callable[[int], bytes]:
    """Bytes that look random, and are the same for the same seed."""
    rolled = 0

    def roll(size: int) -> bytes:
        nonlocal rolled
        rolled += 1
        return hashlib.shake_256(f"{seed} {rolled}".encode()).digest(size)

    return roll


def line(quantity: str = "2", amount: int = 400, **change: Any) -> dict[str, Any]:
    written = {"sku": "WATER", "quantity": quantity, "unit": "each", "amount_cents": amount} | change
    return {name: value for name, value in written.items() if value is not None}


def receipt(**change: Any) -> dict[str, Any]:
    """A good receipt. A change to None leaves the field out; payments follow the lines unless they are given."""
    lines = change.get("lines", [line()])
    whole = {
        "store": "S001",
        "till": "1",
        "clerk": "anna",
        "number": 17,
        "at": "2026-11-22T10:30:00+08:00",
        "kind": "sale",
        "currency": "CNY",
        "lines": lines,
        "tenders": [{"type": "cash", "amount_cents": sum(one.get("amount_cents", 0) for one in lines)}],
    } | change
    return {name: value for name, value in whole.items() if value is not None}


def text(**change: Any) -> bytes:
    return json.dumps(receipt(**change), ensure_ascii=False).encode()
