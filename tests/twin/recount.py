"""A second opinion on the truth: plain Python that knows the feeds and the answers, and not how a world is made.

Answers are kept by folder: a test that recounts must not make another world there.
"""

import csv
import json
from collections import Counter, defaultdict
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

SIGN = {"sale": 1, "return": -1, "void": -1}
Rows = list[list[str]]


def read_csv(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def feed_lines(world: Path) -> list[tuple[str, int, bytes]]:
    """(file, line, bytes) of everything that was sent, in order."""
    return [
        (path.name, number, line)
        for path in sorted((world / "feeds" / "pos").iterdir())
        for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1)
    ]


def poison_places(world: Path) -> dict[tuple[str, int], str]:
    return {(file, int(line)): code for file, line, code in read_csv(world / "answers" / "poison.csv")[1:]}


def key(receipt: dict[str, Any]) -> tuple[Any, ...]:
    return receipt["store"], receipt["till"], receipt["at"][:10], receipt["number"]


@cache
def accepted(world: Path, *, repaired: bool = False) -> list[dict[str, Any]]:
    """Every receipt that counts, once."""
    poison = poison_places(world)
    sent = [json.loads(line) for file, number, line in feed_lines(world) if (file, number) not in poison]
    if repaired:
        lines = (world / "repaired" / "pos.jsonl").read_text(encoding="utf-8").splitlines()
        sent += [json.loads(line)["repaired"] for line in lines]
    return list({key(receipt): receipt for receipt in sent}.values())


@cache
def units_and_barcodes(world: Path) -> tuple[dict[str, dict[str, Fraction]], dict[str, str]]:
    units, by_barcode = {}, {}
    with (world / "reference" / "products-1.jsonl").open(encoding="utf-8") as file:
        for product in map(json.loads, file):
            units[product["sku"]] = {unit: Fraction(factor) for unit, factor in product["units"].items()}
            by_barcode |= dict.fromkeys(product["barcodes"], product["sku"])
    return units, by_barcode


@cache
def recount(world: Path, *, repaired: bool = False) -> dict[str, Rows]:
    """The truth tables, from the feeds."""
    units, by_barcode = units_and_barcodes(world)
    days: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    levels: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for receipt in accepted(world, repaired=repaired):
        sign = SIGN[receipt["kind"]]
        day = days[receipt["store"], receipt["at"][:10]]
        day[0] += 1
        day[1] += len(receipt["lines"])
        if "web_order" not in receipt:
            day[2] += sign * sum(line["amount_cents"] for line in receipt["lines"])
        for line in receipt["lines"]:
            sku = line["sku"] if "sku" in line else by_barcode[line["barcode"]]
            quantity = Fraction(line["quantity"]) * units[sku][line["unit"]]
            assert quantity.denominator == 1, line
            level = levels[sku, receipt["store"]]
            level[0] -= sign * int(quantity)
            level[1] += 1
    codes = Counter(poison_places(world).values())
    sums = [sum(column) for column in zip(*days.values(), strict=True)]
    totals = {"receipts": sums[0], "lines": sums[1], "sales_cents": sums[2]}
    totals |= {"stock_levels": len(levels), "dead_letters": sum(codes.values())}
    return {
        "receipts": _rows("store,business_date,receipts,lines,sales_cents", days),
        "stock_levels": _rows("sku,location,on_hand,movements", levels),
        "dead_letters": _rows("code,dead_letters", {(code,): [n] for code, n in codes.items()}),
        "totals": _rows("name,value", {(name,): [n] for name, n in totals.items()}),
    }


def _rows(header: str, table: dict[Any, list[int]]) -> Rows:
    return [header.split(","), *([*keys, *map(str, values)] for keys, values in sorted(table.items()))]
