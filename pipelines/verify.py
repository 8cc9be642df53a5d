"""Compares what the platform holds with a truth that was made independently of it.

Nothing here uses the code that made the figures: state and dead letters are read from Kafka record by record, the
marts by plain SELECTs.
"""

import csv
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import duckdb

from connectors import kafka
from connectors.settings import Settings
from contracts.dead_letters import DeadLetter
from contracts.errors import BadInput
from contracts.keys import SEPARATOR
from contracts.receipts import Receipt
from contracts.stock import StockLevel
from contracts.wire import R, decoder
from pipelines.warehouse import published

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
    settings: Settings, con: duckdb.DuckDBPyConnection, wanted: Collection[str]
) -> Iterable[tuple[str, str, Rows]]:
    """(what it is called, truth file, rows) for everything that is wanted and can be compared."""
    levels = _levels(settings)
    dead = _dead_letters(settings)
    days = _days(con, settings.tenant)
    totals = [_sum(days, i) for i in range(len(TRUTHS["receipts"].measures))]
    totals += [len(levels), _sum(dead, 0)]
    yield "stock_levels", "stock_levels", levels
    yield "stock_levels (mart)", "stock_levels", _shelves(con, settings.tenant)
    yield "receipts", "receipts", days
    if "identifiers" in wanted:  # reads every receipt
        yield "identifiers", "identifiers", _identifiers(settings)
    yield "dead_letters", "dead_letters", dead
    names = (*TRUTHS["receipts"].measures, "stock_levels", "dead_letters")
    yield "totals", "totals", {(name,): (total,) for name, total in zip(names, totals, strict=True)}


def _levels(settings: Settings) -> Rows:
    return {(s.sku, s.location): (s.on_hand, s.movements) for s in newest(settings, "state.stock_level", StockLevel)}


def _dead_letters(settings: Settings) -> Rows:
    letters = newest(settings, "dlq.pos", DeadLetter)
    codes = Counter(letter.code for letter in letters if letter.status == "refused")
    return {(code,): (count,) for code, count in codes.items()}


def _identifiers(settings: Settings) -> Rows:
    """How often each type was shown, and how many different ones."""
    nids: dict[str, list[str]] = {}
    for receipt in newest(settings, "event.receipt", Receipt):
        for token in receipt.identifiers:
            nids.setdefault(token.type, []).append(token.nid)
    return {(kind,): (len(shown), len(set(shown))) for kind, shown in nids.items()}


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


def newest(settings: Settings, topic: str, kind: type[R]) -> list[R]:
    """The newest record of each of this tenant's keys, read from the topic itself. Removed keys are not there."""
    prefix = f"{settings.tenant}{SEPARATOR}".encode()
    values: dict[bytes, bytes] = {}
    for _, messages, _ in kafka.read(settings, topic):
        for message in messages:
            key, value = message.key(), message.value()
            if key is None or not key.startswith(prefix):
                continue
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value
    return list(map(decoder(kind), values.values()))


def behind(settings: Settings, con: duckdb.DuckDBPyConnection) -> list[str]:
    """Topics that hold more than the published marts show."""
    cut = {(t, p): n for t, p, n in con.execute('SELECT topic, "partition", next_offset FROM meta_run').fetchall()}
    reader = kafka.reader(settings)
    try:
        return [
            topic
            for topic in sorted({topic for topic, _ in cut})
            if any(high > cut.get((topic, p), 0) for p, (_, high) in kafka.spans(reader, topic).items())
        ]
    finally:
        reader.close()
