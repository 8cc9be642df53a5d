from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from connectors.settings import Settings
from contracts.dead_letters import DeadLetter
from contracts.errors import BadInput, Corrupt
from contracts.receipts import Receipt
from contracts.stock import StockLevel, StockMovement
from contracts.wire import Record as WireRecord
from pipelines.warehouse.load import batches, open_warehouse
from pipelines.warehouse.run import run
from pipelines.warehouse.source import Run
from tests.warehouse.synthetic import (
    Record,
    Tape,
    dead_letters,
    published_tables,
    quiet,
    receipts,
    records,
    shuffled,
)

WRITTEN = records(receipts(300), dead_letters(20))


def at_home(home: Path, tape: Tape, tenant: str = "demo", fresh: bool = False) -> dict[str, list[tuple[object, ...]]]:
    run(Settings(home=home, tenant=tenant), quiet, source=tape, fresh=fresh)
    return published_tables(home)


def value(record: Record, **changed: object) -> Record:
    body = msgspec.json.decode(record.value or b"") | changed
    return record._replace(value=msgspec.json.encode(body))


def first(topic: str) -> Record:
    return next(record for record in WRITTEN if record.topic == topic)


@pytest.mark.parametrize(("seed", "size"), [(1, 1), (2, 37), (3, 10_000)])
def test_the_same_records_make_the_same_marts_in_any_batches_and_any_interleaving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, size: int
) -> None:
    expected = at_home(tmp_path / "whole", Tape(WRITTEN, size=100_000))
    monkeypatch.setattr("pipelines.warehouse.load.batches", lambda runs: batches(runs, rows=100 + size))
    assert at_home(tmp_path / "parts", Tape(shuffled(WRITTEN, seed), size)) == expected


def test_the_marts_say_what_the_receipts_say(tmp_path: Path) -> None:
    taken = receipts(300)
    tables = at_home(tmp_path, Tape(WRITTEN))
    assert len(tables["dwd_trade_receipt"]) == 300
    assert len(tables["dwd_trade_receipt_line"]) == sum(len(r.lines) for r in taken)
    assert len(tables["dim_product"]) == 0
    by_day: dict[tuple[str, str], int] = {}
    for r in taken:
        by_day[r.store, r.business_date] = by_day.get((r.store, r.business_date), 0) + r.total_cents
    assert {(row[1], str(row[2])): row[9] for row in tables["dws_trade_store_1d"]} == by_day


def test_taking_twice_changes_nothing_and_publishes_nothing(tmp_path: Path) -> None:
    tape = Tape(WRITTEN)
    expected = at_home(tmp_path, tape)
    report = run(Settings(home=tmp_path), quiet, source=tape)
    assert (report.published, report.version, set(report.rows.values())) == (False, 1, {0})
    assert published_tables(tmp_path) == expected


def test_records_that_come_again_are_passed_over(tmp_path: Path) -> None:
    class Stutter(Tape):
        def runs(self, topic, start):  # type: ignore[no-untyped-def]
            yield from self._runs.get(topic, [])

    tape = Stutter(WRITTEN)
    expected = at_home(tmp_path, tape)
    assert run(Settings(home=tmp_path), quiet, source=tape).rows["event.receipt"] == 0
    assert published_tables(tmp_path) == expected


def test_a_tombstone_removes_a_level_and_a_later_record_brings_it_back(tmp_path: Path) -> None:
    level = first("state.stock_level")
    last = [r for r in WRITTEN if r.key == level.key and r.topic == level.topic][-1]
    everything = len(at_home(tmp_path / "a", Tape(WRITTEN))["ads_stock_level"])
    gone = [*WRITTEN, level._replace(value=None)]
    assert len(at_home(tmp_path / "b", Tape(gone))["ads_stock_level"]) == everything - 1
    assert len(at_home(tmp_path / "c", Tape([*gone, last]))["ads_stock_level"]) == everything
    assert len(at_home(tmp_path / "d", Tape(gone, size=1))["ads_stock_level"]) == everything - 1


def test_other_tenants_are_not_loaded(tmp_path: Path) -> None:
    others = records(receipts(50, seed=9, tenant="demo-2"), dead_letters(5, tenant="demo-2"))
    assert at_home(tmp_path / "both", Tape(WRITTEN + others)) == at_home(tmp_path / "one", Tape(WRITTEN))


def test_a_home_holds_one_tenant(tmp_path: Path) -> None:
    at_home(tmp_path, Tape(WRITTEN))
    with pytest.raises(BadInput, match="belongs to tenant demo"):
        at_home(tmp_path, Tape(WRITTEN), tenant="other")


def test_no_cipher_and_no_refused_bytes_reach_the_warehouse(tmp_path: Path) -> None:
    at_home(tmp_path, Tape(WRITTEN))
    for file in tmp_path.rglob("*.duckdb"):
        assert b"CIPHERTEXT" not in file.read_bytes()
        assert b"SECRETBYTES" not in file.read_bytes()


@pytest.mark.parametrize("topic", ["event.receipt", "event.stock_movement", "state.stock_level", "dlq.pos"])
@pytest.mark.parametrize(
    "spoilt",
    [
        lambda r: value(r, v=2),
        lambda r: value(r, tenant=None),
        lambda r: r._replace(value=(r.value or b"")[:-2]),
        lambda r: r._replace(value=b"\xff\xfe"),
        lambda r: r._replace(value=b'{"v":1}'),
    ],
    ids=["another version", "no tenant", "cut off", "not text", "fields missing"],
)
def test_a_record_that_this_release_does_not_know_stops_the_run(
    tmp_path: Path, topic: str, spoilt: Callable[[Record], Record]
) -> None:
    with pytest.raises(Corrupt, match=topic):
        at_home(tmp_path, Tape([*WRITTEN, spoilt(first(topic))], size=100_000))
    con = open_warehouse(tmp_path / "warehouse" / "warehouse.duckdb", "demo")
    held = con.execute("SELECT coalesce(max(next_offset), 0) FROM ods_offset WHERE topic = ?", [topic]).fetchone()
    con.close()
    assert held == (0,), "nothing of the batch, and not its offsets either"


def test_a_topic_that_was_created_again_is_told_and_fresh_loads_it(tmp_path: Path) -> None:
    at_home(tmp_path, Tape(WRITTEN))
    other = records(receipts(100, seed=5), [])
    for tape in (Tape(other, topic_id="t2"), Tape(other, cluster_id="c2")):
        with pytest.raises(Corrupt, match="created again") as error:
            at_home(tmp_path, tape)
        assert "--fresh" in error.value.do
    with pytest.raises(Corrupt, match="ends before"):
        at_home(tmp_path, Tape(WRITTEN[:10]))
    assert len(at_home(tmp_path, Tape(other, topic_id="t2"), fresh=True)["dwd_trade_receipt"]) == 100


def test_offsets_that_expired_are_counted_and_said(tmp_path: Path) -> None:
    at_home(tmp_path, Tape(WRITTEN[:150]))

    class Expired(Tape):
        def log(self, topic: str):  # type: ignore[no-untyped-def]
            log = super().log(topic)
            return log._replace(spans={p: (max(0, high - 1), high) for p, (_, high) in log.spans.items()})

    said: list[str] = []
    run(Settings(home=tmp_path), said.append, source=Expired(WRITTEN[:150] + WRITTEN))
    assert any("expired" in words for words in said)
    con = open_warehouse(tmp_path / "warehouse" / "warehouse.duckdb", "demo")
    lost = con.execute("SELECT sum(lost) FROM ods_offset").fetchone()
    con.close()
    assert lost is not None
    assert lost[0] > 0


def test_batches_end_at_rows_or_bytes_and_lose_nothing() -> None:
    runs = [Run(0, [n], [b"k"], [b"x" * 10], n + 1) for n in range(10)]
    assert [len(b) for b in batches(runs, rows=3, size=1000)] == [3, 3, 3, 1]
    assert [len(b) for b in batches(runs, rows=100, size=45)] == [5, 5]
    assert list(batches([])) == []


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (Receipt, "ods_event_receipt"),
        (StockMovement, "ods_event_stock_movement"),
        (StockLevel, "ods_state_stock_level"),
        (DeadLetter, "ods_dlq_pos"),
    ],
)
def test_the_tables_hold_every_field_of_the_contract_at_its_version(
    tmp_path: Path, kind: type[WireRecord], table: str
) -> None:
    con = open_warehouse(tmp_path / "w.duckdb", "demo")
    columns = set(con.table(table).columns)
    (ddl,) = con.execute("SELECT sql FROM duckdb_tables() WHERE table_name = ?", [table]).fetchall()[0]
    con.close()
    assert {f.name for f in msgspec.structs.fields(kind)} - columns - {"cipher"} == set()
    assert f"(v = {kind.V})" in ddl
