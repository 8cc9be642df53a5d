"""Stock: immutable movements, and the level that they add up to."""

from typing import ClassVar

import msgspec

from contracts.receipts import Origin
from contracts.wire import Record


class Document(msgspec.Struct, frozen=True, gc=False):
    """Why goods moved: the document and its line."""

    type: str
    id: str
    line: int


class StockMovement(Record, frozen=True, kw_only=True, gc=False):
    """`event.stock_movement`: one signed change of one bucket of one SKU at one location. Never changed, never twice.

    Keyed by `movement_id`; partitioned by SKU. `quantity` counts base units (`unit`); what is sold is negative.
    `at` is event time, `known_at` is when the platform first held it; both RFC 3339 in UTC.
    """

    TYPE: ClassVar[str] = "event.stock_movement"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    movement_id: str
    sku: str
    location: str
    bucket: str
    quantity: int
    unit: str
    at: str
    known_at: str
    source: str
    why: Document
    recorded: Origin


class StockLevel(Record, frozen=True, kw_only=True, gc=False):
    """`state.stock_level`: what stands in a location. Absolute; the newest record of a key replaces the others.

    Keyed (tenant, SKU, location); partitioned by SKU. `movements` counts the movements folded in, so it only grows.
    `as_of` is the greatest event time folded in.
    """

    TYPE: ClassVar[str] = "state.stock_level"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    sku: str
    location: str
    on_hand: int
    unit: str
    movements: int
    as_of: str
