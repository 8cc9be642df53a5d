"""Jobs that derive: what they make of a run of records, without a broker."""

from collections.abc import Sequence

from contracts.keys import key
from contracts.receipts import Origin, Receipt, ReceiptLine
from contracts.stock import StockMovement
from contracts.wire import encode
from pipelines.batch import Run
from pipelines.jobs import event_receipt_to_event_order as orders
from pipelines.jobs import event_receipt_to_event_stock_movement as stock


def receipt(number: int) -> Receipt:
    lines = (ReceiptLine(1, "WATER", number, "each", 1), ReceiptLine(2, "APPLE", 5, "g", 1))
    return Receipt(
        tenant="t", receipt_id=f"r{number}", kind="sale", store="S1", till="1", clerk="c", number=number,
        business_date="2026-11-22", at="2026-11-22T02:30:00Z", currency="CNY", total_cents=2, lines=lines, tenders=(),
        products_version=1, received_at="2026-11-22T03:00:00Z", origin=Origin("raw.pos", 0, 0),
    )  # fmt: skip


def run(offsets: Sequence[int], receipts: Sequence[Receipt]) -> Run:
    n = len(offsets)
    values = [encode(one) for one in receipts]
    return Run("event.receipt", 3, offsets[0], offsets[-1] + 1, list(offsets), [b""] * n, values, [0] * n, [()] * n)


def test_what_is_made_of_records_comes_in_their_order_and_names_where_each_is_recorded() -> None:
    given = run([4, 7], [receipt(1), receipt(2)])
    outputs = stock.JOB.step(None, stock.JOB.prepare(given)).outputs
    made = [o.record for o in outputs if isinstance(o.record, StockMovement)]
    assert [(m.sku, m.quantity, m.recorded) for m in made] == [
        ("WATER", -1, Origin("event.receipt", 3, 4)),
        ("APPLE", -5, Origin("event.receipt", 3, 4)),
        ("WATER", -2, Origin("event.receipt", 3, 7)),
        ("APPLE", -5, Origin("event.receipt", 3, 7)),
    ]
    assert [(o.topic, o.by) for o in outputs[:2]] == [("event.stock_movement", key("t", s)) for s in ("WATER", "APPLE")]


def test_a_run_that_comes_again_makes_the_same_records() -> None:
    given = run([4, 7], [receipt(1), receipt(2)])
    for job in (stock.JOB, orders.JOB):
        first, again = (job.step(None, job.prepare(given)) for _ in range(2))
        assert first == again
        assert not first.changes
        assert len({o.key for o in first.outputs}) == len(first.outputs) > 0
