"""Compares what the platform holds with a truth that was made independently of it.

Nothing here uses the code that made the figures: state and dead letters are read from Kafka record by record, the
marts by plain SELECTs.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import duckdb

from connectors import kafka, published
from connectors.settings import Settings
from contracts.dead_letters import DeadLetter
from contracts.errors import BadInput
from contracts.stock import StockLevel
from contracts.topics import TOPICS
from pipelines import verify_feeds
from pipelines.newest import Topics

Key = tuple[str, ...]
Rows = Mapping[Key, tuple[int, ...]]


class Truth(NamedTuple):
    """The columns of a truth file: keys tell rows apart, measures are whole numbers."""

    keys: tuple[str, ...]
    measures: tuple[str, ...]


# File name (without .csv) → its columns. The one list of truths that can be compared.
TRUTHS: dict[str, Truth] = {
    "stock_levels": Truth(("sku", "location"), ("on_hand", "movements")),
    "receipts": Truth(("store", "business_date"), ("receipts", "lines", "sales_cents")),
    "identifiers": Truth(("type",), ("shown", "identifiers")),
    "dead_letters": Truth(("code",), ("dead_letters",)),
    "refused": Truth(("feed", "code"), ("dead_letters",)),
    "orders": Truth(("channel", "state"), ("orders", "total_cents", "refunded_cents")),
    "web_orders": Truth(("number", "state", "payment", "fulfilment"), ("lines", "total_cents", "refunded_cents")),
    "behaviours": Truth(("kind", "name"), ("calls",)),
    "warehouse_moves": Truth(("location", "document"), ("moves", "quantity")),
    "visibility": Truth(("step",), ("events",)),
    "purchase_orders": Truth(("status",), ("orders", "lines", "amount_cents")),
    "masters": Truth(("table",), ("records", "gone")),
    "totals": Truth(("name",), ("value",)),
}


class Difference(NamedTuple):
    """A row that is not the same. None: the row is missing on that side."""

    key: Key
    truth: tuple[int, ...] | None
    found: tuple[int, ...] | None


class Total(NamedTuple):
    measure: str
    truth: int
    found: int


class Comparison(NamedTuple):
    """Two tables compared: how many rows either has, those that differ, and sums side by side."""

    name: str
    columns: Truth
    checked: int
    differences: tuple[Difference, ...]
    totals: tuple[Total, ...]


def verify(settings: Settings, folder: Path, progress: Callable[[str], None]) -> list[Comparison]:
    """Compares every truth file of `folder`. Raises `BadInput` for an unknown file, `NotReady` without marts."""
    truths = read_truths(folder)
    con = published.connect(settings.home)
    try:
        stale = behind(settings, con)
        if stale:
            progress(f"The published marts are older than {', '.join(stale)}. Bring them up to date: zhongtai run")
        return [
            compare(name, TRUTHS[file], truths[file], rows)
            for name, file, rows in _found(settings, con, truths)
            if file in truths
        ]
    finally:
        con.close()


def compare(name: str, columns: Truth, truth: Rows, found: Rows) -> Comparison:
    """Row by row: a row missing on either side differs, and so does one with another measure."""
    keys = sorted({*truth, *found})
    differing = [Difference(key, truth.get(key), found.get(key)) for key in keys if truth.get(key) != found.get(key)]
    return Comparison(name, columns, len(keys), tuple(differing), tuple(_totals(columns, truth, found)))


def _totals(columns: Truth, truth: Rows, found: Rows) -> Iterable[Total]:
    if columns.keys == ("name",):
        # Each row is a total already.
        return [Total(name, sum(truth.get((name,), ())), sum(found.get((name,), ()))) for (name,) in truth]
    rows = Total("rows", len(truth), len(found))
    return [rows, *(Total(m, _sum(truth, i), _sum(found, i)) for i, m in enumerate(columns.measures))]


def _sum(rows: Rows, measure: int) -> int:
    return sum(row[measure] for row in rows.values())


def read_truths(folder: Path) -> dict[str, dict[Key, tuple[int, ...]]]:
    """Every .csv file of the folder, by name. Raises `BadInput` when one is unknown or malformed, or there is none."""
    files = sorted(folder.glob("*.csv"))
    known = ", ".join(f"{name}.csv" for name in TRUTHS)
    if not files:
        raise BadInput(f"There is no truth in {folder}.", f"It holds one or more of {known}.")
    unknown = [file.name for file in files if file.stem not in TRUTHS]
    if unknown:
        raise BadInput(f"Unknown truth: {', '.join(unknown)}.", f"Known: {known}.")
    return {file.stem: _read_truth(file, TRUTHS[file.stem]) for file in files}


def _read_truth(file: Path, columns: Truth) -> dict[Key, tuple[int, ...]]:
    rows: dict[Key, tuple[int, ...]] = {}
    with file.open(encoding="utf-8-sig", newline="") as text:
        for row in csv.DictReader(text):
            try:
                key = tuple(row[name] for name in columns.keys)
                measures = tuple(int(row[name]) for name in columns.measures)
            except (KeyError, ValueError, TypeError):
                wanted = ",".join((*columns.keys, *columns.measures))
                raise BadInput(f"{file.name} has a row that cannot be read.", f"Its columns are {wanted}.") from None
            if key in rows:
                raise BadInput(f"{file.name} has two rows of {'/'.join(key)}.", "Each key stands once.")
            rows[key] = measures
    return rows


def _found(
    settings: Settings, con: duckdb.DuckDBPyConnection, truths: Mapping[str, Rows]
) -> Iterable[tuple[str, str, Rows]]:
    """(what it is called, truth file, rows) for everything that is wanted and can be compared."""
    topics = Topics(settings)
    levels = _levels(topics)
    refused = _refused(topics)
    days = _days(con, settings.tenant)
    yield "stock_levels", "stock_levels", levels
    yield "stock_levels (mart)", "stock_levels", _shelves(con, settings.tenant)
    yield "receipts", "receipts", days
    yield "dead_letters", "dead_letters", {(code,): (n,) for (feed, code), (n,) in refused.items() if feed == "pos"}
    yield "refused", "refused", refused
    totals = {name: _sum(days, i) for i, name in enumerate(TRUTHS["receipts"].measures)}
    totals |= {"stock_levels": len(levels), "dead_letters": _sum(refused, 0)}
    # Each reads whole topics, so only what is wanted is read.
    for name, read in verify_feeds.TABLES.items():
        if name in truths:
            rows, sums = read(topics)
            totals |= sums
            yield name, name, rows
            if name in _MARTS:
                sql, keys = _MARTS[name]
                yield f"{name} (mart)", name, _rows(con, sql, settings.tenant, keys=keys)
    wanted = truths.get("totals", {})
    yield "totals", "totals", {(name,): (total,) for name, total in totals.items() if (name,) in wanted}


# Truth file → what the published tables say of it, and how many of the columns are keys.
_MARTS: Mapping[str, tuple[str, int]] = {
    "orders": (
        "SELECT channel, state, count(*), sum(total_cents), sum(refunded_cents) FROM dwd_trade_order"
        " WHERE tenant = ? GROUP BY ALL",
        2,
    ),
    "web_orders": (
        "SELECT number, state, payment, fulfilment, lines, total_cents, refunded_cents FROM dwd_trade_order"
        " WHERE tenant = ? AND channel = 'web'",
        4,
    ),
    "behaviours": ("SELECT kind, name, sum(calls) FROM dws_behaviour_1d WHERE tenant = ? GROUP BY ALL", 2),
    "purchase_orders": (
        "SELECT status, count(DISTINCT po), count(line), coalesce(sum(amount_cents), 0) FROM dwd_purchase_order"
        " LEFT JOIN dwd_purchase_order_line USING (tenant, po) WHERE tenant = ? GROUP BY ALL",
        1,
    ),
}


def _levels(topics: Topics) -> Rows:
    return {(s.sku, s.location): (s.on_hand, s.movements) for s in topics.newest("state.stock_level", StockLevel)}


def _refused(topics: Topics) -> Rows:
    """Dead letters of every feed by code, those that were mended since among them."""
    codes = Counter(
        (letter.feed, letter.code)
        for topic in TOPICS
        if topic.record == DeadLetter.__name__
        for letter in topics.newest(topic.name, DeadLetter)
        if letter.status == "refused"
    )
    return {key: (count,) for key, count in codes.items()}


def _days(con: duckdb.DuckDBPyConnection, tenant: str) -> Rows:
    return _rows(
        con,
        "SELECT store, CAST(business_date AS VARCHAR), sum(receipts), sum(lines), sum(sales_cents)"
        " FROM dws_trade_store_1d WHERE tenant = ? GROUP BY 1, 2",
        tenant,
        keys=2,
    )


def _shelves(con: duckdb.DuckDBPyConnection, tenant: str) -> Rows:
    return _rows(con, "SELECT sku, location, on_hand, movements FROM ads_stock_level WHERE tenant = ?", tenant, keys=2)


def _rows(con: duckdb.DuckDBPyConnection, sql: str, tenant: str, *, keys: int) -> dict[Key, tuple[int, ...]]:
    return {row[:keys]: tuple(map(int, row[keys:])) for row in con.execute(sql, [tenant]).fetchall()}


def behind(settings: Settings, con: duckdb.DuckDBPyConnection) -> list[str]:
    """Topics that hold more than the published marts show."""
    rows = con.execute('SELECT version, topic, "partition", next_offset FROM meta_run').fetchall()
    cut = {(topic, partition): end for _, topic, partition, end in rows}
    look = published.looked(settings.home, rows[0][0]) if rows else None
    if look:
        cut |= {(topic, partition): end for topic, ends in look.ends.items() for partition, end in ends.items()}
    reader = kafka.reader(settings)
    try:
        return [
            topic
            for topic in sorted({topic for topic, _ in cut})
            if any(high > cut.get((topic, p), 0) for p, (_, high) in kafka.spans(reader, topic).items())
        ]
    finally:
        reader.close()
