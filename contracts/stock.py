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


class Batch(msgspec.Struct, frozen=True, gc=False):
    """The lot of the goods, and the day after which they are not to be sold ("" where nobody said)."""

    lot: str
    expires_on: str = ""


class CountEntry(msgspec.Struct, frozen=True, gc=False):
    """An absolute entry: at the end of a count the bucket held `held` base units. `started_at` is RFC 3339 in UTC.

    With `voids` it takes back the count entry of that movement id, which was declared an error, and `held` repeats it.
    """

    held: int
    started_at: str
    sheet: str = ""
    voids: str = ""


class StockMovement(Record, frozen=True, kw_only=True, gc=False):
    """`event.stock_movement`: one signed change of one bucket of one SKU at one location. Never changed, never twice.

    Keyed by `movement_id`; partitioned by SKU. `quantity` counts base units (`unit`); what is sold is negative.
    `at` is event time, `known_at` is when the platform first held it; both RFC 3339 in UTC. Buckets: `on_hand` is what
    stands there; `damaged` and `quality_control` are parts of it; `incoming` is on its way there.
    An entry with `count` is a count, not a change: its quantity is 0, and its `at` is the end of the count.
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
    batch: Batch | None = None
    count: CountEntry | None = None


class Ledger(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a level must remember so that late entries find their place, and the figures beside what is on hand.

    `recent` are the changes on hand since the last count, as text because millions of levels hold it: `at=quantity`,
    oldest first, a space between two. They are all of them, unless `forgotten` (the moment of the newest one that was
    dropped) is not "". `correction` is what the last count found more (or less) than was expected at its end;
    `counted_id` is its movement. `inside` counts the changes that happened while it was counted, which make a recount
    wise. `unplaced` are counts too late to be placed among what was forgotten.
    """

    recent: str = ""
    forgotten: str = ""
    counted_at: str = ""
    counted_from: str = ""
    counted_id: str = ""
    correction: int = 0
    inside: int = 0
    unplaced: int = 0
    damaged: int = 0
    quality_control: int = 0
    incoming: int = 0


class StockLevel(Record, frozen=True, kw_only=True, gc=False):
    """`state.stock_level`: what stands in a location. Absolute; the newest record of a key replaces the others.

    Keyed (tenant, SKU, location); partitioned by SKU. `movements` counts the changes on hand and the counts that were folded
    in, so it only grows.
    `as_of` is the greatest event time folded in. `on_hand` is the last count and the changes after it.
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
    ledger: Ledger | None = None
