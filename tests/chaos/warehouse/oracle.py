"""What the published tables must hold, counted from the events in plain Python. Shares no code with models/ or pipelines/."""

from collections import Counter, defaultdict
from pathlib import Path

from connectors import published
from contracts.receipts import Receipt
from tests.chaos.warehouse.events import LETTERS, RECEIPTS, taken

Rows = set[tuple[object, ...]]
QUESTIONS = {
    "receipts": "SELECT receipt_id, total_cents, lines FROM dwd_trade_receipt",
    "lines": "SELECT receipt_id, line, sku, quantity, amount_cents FROM dwd_trade_receipt_line",
    "movements": "SELECT document_id, document_line, sku, location, quantity FROM dwd_stock_movement",
    "sales": "SELECT store, business_date::VARCHAR, receipts, returns, voids, lines, sales_cents FROM dws_trade_store_1d",
    "stock": "SELECT sku, location, on_hand, movements FROM ads_stock_level",
    "letters": "SELECT code, dead_letters FROM ads_dead_letter",
}


def truth(seed: int, phase: int) -> dict[str, Rows]:
    """The answer to each of `QUESTIONS` in a phase."""
    receipts = taken(seed, phase)
    stock: dict[tuple[str, str], list[int]] = defaultdict(list)
    for receipt in receipts:
        for line in receipt.lines:
            stock[line.sku, receipt.store].append(-line.quantity)
    letters = Counter(("not_json", "unknown_sku", "tenders_differ")[n % 3] for n in range(LETTERS * phase))
    return {
        "receipts": {(r.receipt_id, r.total_cents, len(r.lines)) for r in receipts},
        "lines": {(r.receipt_id, x.line, x.sku, x.quantity, x.amount_cents) for r in receipts for x in r.lines},
        "movements": {(r.receipt_id, x.line, x.sku, r.store, -x.quantity) for r in receipts for x in r.lines},
        "sales": _sales(receipts),
        "stock": {(sku, shop, sum(moved), len(moved)) for (sku, shop), moved in stock.items()},
        "letters": set(letters.items()),
    }


def _sales(receipts: list[Receipt]) -> Rows:
    days: dict[tuple[str, str], list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        days[receipt.store, receipt.business_date].append(receipt)
    return {
        (
            store,
            day,
            len(of),
            sum(r.kind == "return" for r in of),
            sum(r.kind == "void" for r in of),
            sum(len(r.lines) for r in of),
            sum(r.total_cents for r in of),
        )
        for (store, day), of in days.items()
    }


def differences(home: Path, seed: int, phase: int) -> list[str]:
    """Where the published tables are not the truth of a phase: rows missing, too many, or twice."""
    wrong = []
    con = published.connect(home)
    try:
        for name, rows in truth(seed, phase).items():
            found = con.execute(QUESTIONS[name]).fetchall()
            if len(found) != len(set(found)):
                wrong.append(f"{name}: {len(found) - len(set(found))} rows twice")
            if missing := rows - set(found):
                wrong.append(f"{name}: {len(missing)} missing")
            if more := set(found) - rows:
                wrong.append(f"{name}: {len(more)} that should not be")
    finally:
        con.close()
    return wrong


def phase_of(receipts: int) -> int | None:
    """The phase that has so many receipts; None when there is none."""
    phase, rest = divmod(receipts, RECEIPTS)
    return phase if rest == 0 and phase else None
