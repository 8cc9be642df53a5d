"""The ERP's database, change by change: what Debezium's PostgreSQL connector writes, one envelope a line.

Purchase orders, their lines, suppliers, places and organisations go this way; what the tables held when the world begins
comes as a snapshot (`op` r). Positions (`lsn`) grow with every change.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from twin.baskets import SHOP_ZONE
from twin.feed import World
from twin.masters import Table, received_at

FIRST_LSN, LSN_STEP = 24_023_128, 168
TABLES = ("organisation", "store", "supplier", "purchase_order", "purchase_order_line")
NUMBERS = {"day_cut_hour", "lead_days", "line"}
DATES = {"expected_on", "opened_on", "closed_on"}
INSTANTS = {"ordered_at"}
Row = dict[str, str]


class Change(NamedTuple):
    """A row of `table` before and after, at the ERP's wall clock. `op` is Debezium's: r, c, u or d."""

    at: datetime
    table: str
    op: str
    before: Row | None
    after: Row | None


def changes(world: World, tables: dict[str, Table]) -> list[Change]:
    """Every change, in the order in which it happened; the rows of one moment in the order of `TABLES`."""
    begin = datetime.combine(world.days[0], datetime.min.time())
    end = begin + timedelta(days=len(world.days))
    found = [*_purchases(world, tables, begin, end), *_masters(tables, begin, end)]
    order = {table: n for n, table in enumerate(TABLES)}
    return sorted(found, key=lambda c: (c.at, order[c.table], _row(c).get("po", ""), int(_row(c).get("line", "0"))))


def _row(change: Change) -> Row:
    return change.after or change.before or {}


def _masters(tables: dict[str, Table], begin: datetime, end: datetime) -> Iterator[Change]:
    snapshot, half = begin - timedelta(hours=1), begin + (end - begin) / 2
    for table in ("organisation", "store", "supplier"):
        for row in tables[table]:
            yield Change(snapshot, table, "r", None, row)
    first, second = tables["supplier"][0], tables["supplier"][-1]
    yield Change(half, "supplier", "u", first, first | {"lead_days": "14"})
    yield Change(half, "supplier", "u", second, second | {"status": "blocked"})
    shop = tables["store"][0]
    yield Change(half, "store", "u", shop, shop | {"name": shop["name"] + "（旗舰）"})
    old = next(row for row in tables["organisation"] if row["organisation"] == "ZT-OLD")
    yield Change(half, "organisation", "d", old, None)


def _purchases(world: World, tables: dict[str, Table], begin: datetime, end: datetime) -> Iterator[Change]:
    came = received_at(world)
    made: dict[str, tuple[datetime, str]] = {}
    for row in tables["purchase_order"]:
        ordered = datetime.fromisoformat(row["ordered_at"]).replace(tzinfo=None)
        known, op = (begin - timedelta(hours=1), "r") if ordered < begin else (ordered, "c")
        made[row["po"]] = known, op
        opened = row | {"status": "open"}
        yield Change(known, "purchase_order", op, None, opened)
        if row["status"] == "closed":
            yield Change(came[row["po"]] + timedelta(hours=2), "purchase_order", "u", opened, row)
        if row["status"] == "cancelled":
            called_off = min(known + timedelta(days=1), end - timedelta(minutes=1))
            yield Change(max(called_off, known + timedelta(seconds=1)), "purchase_order", "u", opened, row)
    for row in tables["purchase_order_line"]:
        known, op = made[row["po"]]
        yield Change(known, "purchase_order_line", op, None, row)


def envelopes(made: list[Change]) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for n, change in enumerate(made):
        ms = int(change.at.replace(tzinfo=SHOP_ZONE).timestamp() * 1000)
        yield encode(
            {
                "before": _typed(change.before),
                "after": _typed(change.after),
                "source": {
                    "version": "2.7.3.Final", "connector": "postgresql", "name": "erp", "ts_ms": ms, "db": "erp",
                    "schema": "public", "table": change.table, "txId": 555 + n, "lsn": FIRST_LSN + n * LSN_STEP,
                    "snapshot": "true" if change.op == "r" else "false",
                },
                "op": change.op,
                "ts_ms": ms + 123,
            }
        )  # fmt: skip


def _typed(row: Row | None) -> dict[str, Any] | None:
    """A row as the database's columns have it: numbers, dates as days since 1970, instants in UTC, decimals as text."""
    if row is None:
        return None
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: str) -> Any:
    if value == "":
        return None
    if name in NUMBERS:
        return int(value)
    if name in DATES:
        return (date.fromisoformat(value) - date(1970, 1, 1)).days
    if name in INSTANTS:
        return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def standing(made: list[Change]) -> dict[str, dict[tuple[str, ...], Row]]:
    """What each table holds after all changes, by key; rows that were deleted are not there."""
    keys = {"purchase_order": ("po",), "purchase_order_line": ("po", "line")}
    found: dict[str, dict[tuple[str, ...], Row]] = {table: {} for table in TABLES}
    for change in made:
        key = tuple(_row(change)[name] for name in keys.get(change.table, (change.table,)))
        if change.after is None:
            found[change.table].pop(key, None)
        else:
            found[change.table][key] = change.after
    return found
