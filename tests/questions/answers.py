"""What must come out of docs/questions.md, worked out from the tills' files and the truth of a world: no SQL, none of our code."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.twin.recount import SIGN, accepted, read_csv, units_and_barcodes

Row = tuple[Any, ...]


class Line(NamedTuple):
    receipt: dict[str, Any]
    day: date
    sku: str
    quantity: int
    cents: int


def day_of(receipt: dict[str, Any]) -> date:
    return date.fromisoformat(receipt["at"][:10])


def cents_of(receipt: dict[str, Any]) -> int:
    return SIGN[receipt["kind"]] * sum(line["amount_cents"] for line in receipt["lines"])


@cache
def lines(world: Path) -> list[Line]:
    units, by_barcode = units_and_barcodes(world)
    found = []
    for receipt in accepted(world):
        sign = SIGN[receipt["kind"]]
        for line in receipt["lines"]:
            sku = line["sku"] if "sku" in line else by_barcode[line["barcode"]]
            quantity = Fraction(line["quantity"]) * units[sku][line["unit"]]
            found.append(Line(receipt, day_of(receipt), sku, sign * int(quantity), sign * line["amount_cents"]))
    return found


@cache
def products(world: Path) -> dict[str, dict[str, Any]]:
    with (world / "reference" / "products-1.jsonl").open(encoding="utf-8") as file:
        return {product["sku"]: product for product in map(json.loads, file)}


def at_tills(receipt: dict[str, Any]) -> bool:
    return "web_order" not in receipt


def largest_shops(world: Path, truth: Path) -> list[Row]:
    cents: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for store, _, receipts, _, sales in read_csv(truth / "receipts.csv")[1:]:
        cents[store] += int(sales)
        count[store] += int(receipts)
    return sorted(((s, cents[s], count[s]) for s in cents), key=lambda row: (-row[1], row[0]))[:10]


def days_and_weeks_before(world: Path, truth: Path) -> list[Row]:
    sold: Counter[date] = Counter()
    for _, day, _, _, sales in read_csv(truth / "receipts.csv")[1:]:
        sold[date.fromisoformat(day)] += int(sales)
    rows = []
    for day in sorted(sold):
        before = sold.get(day - timedelta(days=7))
        rows.append((day, sold[day], before, None if before is None else sold[day] - before))
    return rows


def best_products(world: Path, truth: Path) -> list[Row]:
    cents: Counter[str] = Counter()
    pieces: Counter[str] = Counter()
    for line in lines(world):
        if at_tills(line.receipt):
            cents[line.sku] += line.cents
            pieces[line.sku] += line.quantity
    names = products(world)
    best = sorted(cents, key=lambda sku: (-cents[sku], sku))[:10]
    return [(sku, names[sku]["name"], cents[sku], pieces[sku]) for sku in best]


def by_department(world: Path, of: Callable[[Line], bool]) -> Counter[str]:
    names = products(world)
    found: Counter[str] = Counter()
    for line in lines(world):
        if of(line) and at_tills(line.receipt):
            found[names[line.sku]["department"]] += line.cents
    return found


def departments(world: Path, truth: Path) -> list[Row]:
    sold = {name: cents for name, cents in by_department(world, lambda _: True).items() if cents > 0}
    whole = sum(sold.values())
    return sorted(((n, c, 1000 * c // whole) for n, c in sold.items()), key=lambda row: (-row[1], row[0]))


def hours(world: Path, truth: Path) -> list[Row]:
    moments = (datetime.fromisoformat(r["at"]) for r in accepted(world) if r["kind"] == "sale")
    return sorted(Counter(moment.hour for moment in moments).items())


def baskets(world: Path, truth: Path) -> list[Row]:
    of: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for receipt in accepted(world):
        if receipt["kind"] == "sale" and at_tills(receipt):
            of[day_of(receipt).isoweekday()].append((cents_of(receipt), len(receipt["lines"])))
    return [
        (day, len(found), sum(c for c, _ in found) // len(found), 10 * sum(n for _, n in found) // len(found))
        for day, found in sorted(of.items())
    ]


def least_known(world: Path, truth: Path) -> list[Row]:
    receipts: Counter[str] = Counter()
    known: Counter[str] = Counter()
    for receipt in accepted(world):
        receipts[receipt["store"]] += 1
        known[receipt["store"]] += bool(receipt.get("identifiers"))
    rows = [(store, n, 1000 * known[store] // n) for store, n in receipts.items() if n >= 50]
    return sorted(rows, key=lambda row: (row[2], row[0]))[:10]


def brought_back(world: Path, truth: Path) -> list[Row]:
    sold = by_department(world, lambda line: line.receipt["kind"] == "sale")
    back = by_department(world, lambda line: line.receipt["kind"] == "return")
    rows = [(n, sold[n], -c, 1000 * -c // sold[n] if sold[n] else None) for n, c in back.items() if c < 0]
    return sorted(rows, key=lambda row: (-row[2], row[0]))[:10]


def sold_out(world: Path, truth: Path) -> list[Row]:
    left = {(sku, place): int(on_hand) for sku, place, on_hand, _ in read_csv(truth / "stock_levels.csv")[1:]}
    last = max(day_of(receipt) for receipt in accepted(world))
    sold: Counter[tuple[str, str]] = Counter()
    for line in lines(world):
        if line.receipt["kind"] == "sale" and line.quantity > 0 and line.day > last - timedelta(days=7):
            sold[line.sku, line.receipt["store"]] += line.quantity
    names = products(world)
    gone = sorted((at for at in sold if left[at] <= 0), key=lambda at: (-sold[at], at))[:20]
    return [(sku, store, sold[sku, store], left[sku, store], names[sku]["base_unit"]) for sku, store in gone]


def next_week(world: Path, truth: Path) -> list[Row]:
    """Each of the next days sells what its weekday sold last, so the week sells what the last seven whole days sold."""
    shops: dict[str, Counter[date]] = defaultdict(Counter)
    for store, day, _, _, sales in read_csv(truth / "receipts.csv")[1:]:
        shops[store][date.fromisoformat(day)] += int(sales)
    origin = max(max(sold) for sold in shops.values()) - timedelta(days=1)
    rows = []
    for store, sold in shops.items():
        known = [sold[min(sold) + timedelta(days=n)] for n in range((origin - min(sold)).days + 1)]
        if len(known) >= 14:
            rows.append((store, sum(known[-7:]), wrong_by(known)))
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:10]


def wrong_by(known: list[int]) -> int | None:
    """Errors over sales of the weeks that can be forecast from two weeks at least, four at most."""
    weeks = min(4, (len(known) - 14) // 7)
    judged = range(len(known) - 7 * weeks, len(known))
    sales = sum(abs(known[n]) for n in judged)
    return 1000 * sum(abs(known[n] - known[n - 7]) for n in judged) // sales if sales else None


# By the number of the question.
ANSWERS: tuple[Callable[[Path, Path], list[Row]], ...] = (
    largest_shops,
    days_and_weeks_before,
    best_products,
    departments,
    hours,
    baskets,
    least_known,
    brought_back,
    sold_out,
    next_week,
)
