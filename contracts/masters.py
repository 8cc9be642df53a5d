"""Master data as the ERP keeps it: what is sold, for how much, by whom, bought from whom, and on which account.

One record a change of one row, on `event.<noun>`; the newest of each key stands in `state.<noun>`. `version` tells where the
change stands in its source: the place in a database's log, or the number of a drop; it only grows, and a change with a
smaller one than its key has seen is not taken. Texts of codes are the ERP's own. Amounts are in minor units of `currency`.
"""

from typing import ClassVar, Literal

import msgspec

from contracts.receipts import Origin
from contracts.wire import Record

Change = Literal["upsert", "deleted", "discontinued"]


class Master(Record, frozen=True, kw_only=True, gc=False):
    """What every master record carries. A `deleted` or `discontinued` one repeats the last contents that were known.

    `at` is when the source changed it, `known_at` when the platform first held it: RFC 3339 in UTC.
    """

    v: int = 1
    tenant: str
    change: Change
    source: Literal["debezium", "csv"]
    version: tuple[int, ...]
    at: str
    known_at: str
    origin: Origin


class Barcode(msgspec.Struct, frozen=True, gc=False):
    code: str
    unit: str


class BundlePart(msgspec.Struct, frozen=True, gc=False):
    """`quantity` is a decimal number of `unit`, "" being the part's base unit."""

    sku: str
    quantity: str
    unit: str = ""


class Product(Master, frozen=True, kw_only=True, gc=False):
    """Keyed (tenant, SKU). `units` maps each unit to base units in one of it, exactly: `12`, `0.5` or `1/3`."""

    TYPE: ClassVar[str] = "event.product"
    V: ClassVar[int] = 1

    sku: str
    name: str
    category: str
    base_unit: str
    units: dict[str, str]
    barcodes: tuple[Barcode, ...]
    bundle: tuple[BundlePart, ...]
    status: Literal["active", "discontinued"]
    shelf_life_days: int | None


class Category(Master, frozen=True, kw_only=True, gc=False):
    """Keyed (tenant, category). `parent` is "" at the top of the hierarchy."""

    TYPE: ClassVar[str] = "event.category"
    V: ClassVar[int] = 1

    category: str
    parent: str
    name: str


class Price(Master, frozen=True, kw_only=True, gc=False):
    """What one `unit` of a SKU costs, from a day on, up to a day that is no longer part of it ("": open).

    Keyed (tenant, SKU, store, kind, unit, valid from). `store` "" means all of them. Days are those of the store.
    """

    TYPE: ClassVar[str] = "event.price"
    V: ClassVar[int] = 1

    sku: str
    store: str
    kind: Literal["list", "promotion", "cost"]
    currency: str
    amount_cents: int
    unit: str
    valid_from: str
    valid_to: str


class Supplier(Master, frozen=True, kw_only=True, gc=False):
    """Keyed (tenant, supplier). No contacts: a supplier's people are nobody's business here."""

    TYPE: ClassVar[str] = "event.supplier"
    V: ClassVar[int] = 1

    supplier: str
    name: str
    currency: str
    lead_days: int | None
    status: Literal["active", "blocked"]


class PurchaseOrder(Master, frozen=True, kw_only=True, gc=False):
    """Keyed (tenant, po). `location` is where the goods are to arrive."""

    TYPE: ClassVar[str] = "event.purchase_order"
    V: ClassVar[int] = 1

    po: str
    supplier: str
    location: str
    currency: str
    ordered_at: str
    expected_on: str
    status: Literal["open", "closed", "cancelled"]


class PurchaseOrderLine(Master, frozen=True, kw_only=True, gc=False):
    """Keyed (tenant, po, line). `base_quantity` is in the product's base unit, None for a product we do not know yet."""

    TYPE: ClassVar[str] = "event.purchase_order_line"
    V: ClassVar[int] = 1

    po: str
    line: int
    sku: str
    quantity: str
    unit: str
    base_quantity: int | None
    currency: str
    price_cents: int


class Store(Master, frozen=True, kw_only=True, gc=False):
    """Keyed (tenant, store). A business day lasts from `day_cut_hour` to that hour of the next day, on the clock of `zone`."""

    TYPE: ClassVar[str] = "event.store"
    V: ClassVar[int] = 1

    store: str
    name: str
    kind: Literal["store", "warehouse"]
    organisation: str
    zone: str
    day_cut_hour: int
    currency: str
    gln: str
    opened_on: str
    closed_on: str


class Organisation(Master, frozen=True, kw_only=True, gc=False):
    """Keyed (tenant, organisation)."""

    TYPE: ClassVar[str] = "event.organisation"
    V: ClassVar[int] = 1

    organisation: str
    parent: str
    name: str
    kind: Literal["group", "legal_entity", "region", "department"]


class Account(Master, frozen=True, kw_only=True, gc=False):
    """An account of the chart. Keyed (tenant, account); `organisation` "" means that all share it."""

    TYPE: ClassVar[str] = "event.account"
    V: ClassVar[int] = 1

    account: str
    parent: str
    name: str
    kind: Literal["asset", "liability", "equity", "revenue", "expense"]
    organisation: str


MASTERS: dict[str, type[Master]] = {
    record.TYPE.removeprefix("event."): record
    for record in (
        Product,
        Category,
        Price,
        Supplier,
        PurchaseOrder,
        PurchaseOrderLine,
        Store,
        Organisation,
        Account,
    )
}


class Position(msgspec.Struct, frozen=True, gc=False):
    """Where a change stands in its source: `version` only grows; `at` compares changes of different sources."""

    source: Literal["debezium", "csv"]
    version: tuple[int, ...]
    at: str


class Row(msgspec.Struct, frozen=True, gc=False):
    """One change of one row, as its source told it: `cells` by column, all as text, without those that are empty."""

    table: str
    key: tuple[str, ...]
    position: Position
    deleted: bool
    cells: dict[str, str]


class DropEnd(msgspec.Struct, frozen=True, gc=False):
    """That all rows of a table's full drop were sent: what is in none of them is `missing`."""

    table: str
    position: Position
    missing: Literal["deleted", "discontinued", "ignored"]


class MasterMark(Record, frozen=True, kw_only=True, gc=False):
    """`log.accept_masters`: the newest position of a key, its cells, and how it stands.

    Keyed (tenant, table, key); one with an empty key stands for the table's last full drop in this partition.
    """

    TYPE: ClassVar[str] = "log.accept_masters"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    table: str
    position: Position
    change: Change
    cells: dict[str, str]
