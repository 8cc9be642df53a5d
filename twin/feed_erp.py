"""The ERP's feed: changes of its database, and drops of files, with their faults."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import msgspec
import polars as pl

from twin.debezium import changes, envelopes, standing
from twin.drops import broken, drops
from twin.drops import write as write_drop
from twin.faults import Rates
from twin.feed import World
from twin.masters import Table, masters
from twin.sending import Message, Refusal, dice_of, send, spoil
from twin.spoilt_erp import DEBEZIUM
from twin.truth import Tables


class Erp(msgspec.Struct, frozen=True):
    """What is to be refused (of a drop: its folder, line 0), and the tables of truth."""

    refused: dict[str, list[Refusal]]
    truth: Tables


def write(folder: Path, world: World, rates: Rates, seed: int) -> Erp:
    """Writes folder/debezium/changes-<day>.jsonl, folder/csv/drop-<n>/ and, where there is poison, folder/csv-broken/drop-<n>/."""
    dice = dice_of(seed, "erp")
    tables = masters(world, dice)
    made = changes(world, tables)
    lines = [Message(n, change.at, body) for n, (change, body) in enumerate(zip(made, envelopes(made), strict=True), 1)]
    spoiled = spoil(lines, DEBEZIUM, rates.poison, dice)
    refused, _ = send(folder / "debezium", "changes-{day}.jsonl", lines, spoiled, world.days, rates, dice)
    dropped = drops(tables, world.days)
    for drop in dropped:
        write_drop(folder / "csv" / f"drop-{drop.number:03}", drop)
    spoilt = list(broken(tables, world.days, folder / "csv-broken")) if rates.poison else []
    return Erp(
        {"debezium": refused, "csv": [Refusal(b.folder, 0, b.code, b"", b"") for b in spoilt]},
        {"purchase_orders": _purchase_orders(standing(made)), "masters": _masters(standing(made), tables)},
    )


def _purchase_orders(now: dict[str, dict[tuple[str, ...], dict[str, str]]]) -> pl.DataFrame:
    """Orders, lines and cents by status."""
    status = {po: row["status"] for (po,), row in now["purchase_order"].items()}
    orders, lines, cents = Counter(status.values()), Counter[str](), Counter[str]()
    for (po, _line), row in now["purchase_order_line"].items():
        lines[status[po]] += 1
        cents[status[po]] += int(Decimal(row["quantity"]) * Decimal(row["price"]) * 100)
    rows = [(s, orders[s], lines[s], cents[s]) for s in sorted(orders)]
    columns = {"status": pl.String, "orders": pl.Int64, "lines": pl.Int64, "amount_cents": pl.Int64}
    return pl.DataFrame(rows, schema=columns, orient="row")


def _masters(now: dict[str, dict[tuple[str, ...], dict[str, str]]], tables: dict[str, Table]) -> pl.DataFrame:
    """Records that stand, and those that are gone (deleted or discontinued), by table, once all drops have come."""
    deleted = {"organisation": 1}
    counts = {table: (len(rows), deleted.get(table, 0)) for table, rows in now.items()}
    gone = {row["sku"] for row in tables["product"][100::1511]}
    counts["product"] = len(tables["product"]) - len(gone), len(gone)
    counts["category"] = len(tables["category"]) - 1, 1
    counts["account"] = len(tables["account"]), 0
    counts["price"] = len(tables["price"]), 0
    rows = [(table, *counts[table]) for table in sorted(counts)]
    return pl.DataFrame(rows, schema={"table": pl.String, "records": pl.Int64, "gone": pl.Int64}, orient="row")
