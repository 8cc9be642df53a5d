"""A record that breaks its contract is set aside with its reason, and stops nothing."""

from pathlib import Path

import msgspec
import pytest

from connectors import published
from connectors.settings import Settings
from contracts.receipts import Receipt
from pipelines.warehouse.run import run
from tests.warehouse.synthetic import Record, Tape, _record, dead_letters, prepared, quiet, receipts, records, unjudged


def ran(home: Path, written: list[Record], size: int = 1) -> int:
    return run(Settings(home=prepared(home)), quiet, source=Tape(written, size=size), check=unjudged).version


def asked(home: Path, sql: str) -> list[tuple[object, ...]]:
    con = published.connect(home)
    try:
        return con.execute(sql).fetchall()
    finally:
        con.close()


def event(receipt: Receipt) -> Record:
    parts = (receipt.store, receipt.till, receipt.business_date, receipt.number)
    return _record("event.receipt", receipt, parts, (receipt.store,))


def changed(receipt: Receipt, **to: object) -> Record:
    return event(msgspec.structs.replace(receipt, **to))


def written(count: int) -> list[Record]:
    return records(receipts(count), dead_letters(3))


BREAKS = {
    "total_differs": lambda r: changed(r, total_cents=r.total_cents + 1, tenders=()),
    "tenders_differ": lambda r: changed(r, tenders=(msgspec.structs.replace(r.tenders[0], amount_cents=1),)),
    "bad_currency": lambda r: changed(r, currency="RMB¥"),
}


@pytest.mark.parametrize("code", BREAKS)
def test_a_receipt_that_breaks_its_contract_is_set_aside_with_its_reason(tmp_path: Path, code: str) -> None:
    taken = receipts(41)
    wrong = BREAKS[code](taken[40])
    ran(tmp_path, [*records(taken[:40], []), wrong])
    row = asked(
        tmp_path, "SELECT receipt_id, code, topic, kafka_partition, reason_zh <> '' FROM ads_quarantine_receipt"
    )
    assert row == [(taken[40].receipt_id, code, "event.receipt", wrong.partition, True)]
    assert asked(tmp_path, "SELECT count(*), count(DISTINCT receipt_id) FROM dwd_trade_receipt") == [(40, 40)]
    ids = f"SELECT count(*) FROM dwd_trade_receipt_line WHERE receipt_id = '{taken[40].receipt_id}'"
    assert asked(tmp_path, ids) == [(0,)]
    assert asked(tmp_path, "SELECT sum(receipts) FROM dws_trade_store_1d") == [(40,)]


@pytest.mark.parametrize("runs", [1, 2])
def test_a_record_that_comes_twice_counts_once_in_one_run_or_in_two(tmp_path: Path, runs: int) -> None:
    """The second run sees the repeat alone: that it is one shows only beside what was built before."""
    once = written(40)
    again = [next(r for r in once if r.topic == topic) for topic in ("event.receipt", "event.stock_movement")]
    if runs == 2:
        ran(tmp_path, once)
    ran(tmp_path, once + again)
    for table, kept in (("receipt", "dwd_trade_receipt"), ("movement", "dwd_stock_movement")):
        aside = asked(tmp_path, f"SELECT code, {table}_id, kafka_offset, first_seen_at FROM ads_quarantine_{table}")
        assert [row[0] for row in aside] == ["came_twice"]
        first = asked(tmp_path, f"SELECT kafka_offset FROM {kept} WHERE {table}_id = '{aside[0][1]}'")
        assert len(first) == 1
        assert first[0][0] < aside[0][2]  # type: ignore[operator]
    assert asked(tmp_path, "SELECT sum(receipts), sum(sales_cents) FROM dws_trade_store_1d") == [
        (40, sum(r.total_cents for r in receipts(40)))
    ]


def test_a_right_record_that_follows_a_wrong_one_takes_its_place(tmp_path: Path) -> None:
    taken = receipts(41)
    wrong = [*records(taken[:40], []), BREAKS["total_differs"](taken[40])]
    ran(tmp_path, wrong)
    ran(tmp_path, [*wrong, event(taken[40])])
    assert asked(tmp_path, "SELECT count(*) FROM dwd_trade_receipt") == [(41,)]
    assert asked(tmp_path, "SELECT code FROM ads_quarantine_receipt") == [("total_differs",)]


def test_in_any_order_and_in_any_number_of_runs_the_same_is_set_aside(tmp_path: Path) -> None:
    taken = receipts(60)
    mixed = records(taken[:40], [])
    for n, receipt in enumerate(taken[40:]):
        mixed += [tuple(BREAKS.values())[n % 3](receipt), event(receipt), event(receipt)]
    columns = "receipt_id, code, lines, total_cents, kafka_partition, kafka_offset"
    question = f"SELECT {columns} FROM ads_quarantine_receipt ORDER BY ALL"
    ran(tmp_path / "once", mixed, size=50)
    for upto in (len(mixed) // 150 * 50, len(mixed) // 100 * 50, len(mixed)):
        ran(tmp_path / "often", mixed[:upto], size=50)
    assert asked(tmp_path / "once", question) == asked(tmp_path / "often", question)
    assert len(asked(tmp_path / "once", question)) == 40, "twenty wrong, twenty twice"
    assert asked(tmp_path / "often", "SELECT count(*) FROM dwd_trade_receipt") == [(60,)]
