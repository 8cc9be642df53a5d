from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from connectors import published
from connectors.settings import Settings
from contracts.dead_letters import DeadLetter
from contracts.errors import BadInput, Corrupt
from contracts.receipts import Receipt
from contracts.stock import StockMovement
from contracts.topics import TOPICS
from contracts.wire import Record as WireRecord
from pipelines.warehouse import lake
from pipelines.warehouse.load import batches, feeds
from pipelines.warehouse.models import models
from pipelines.warehouse.run import run
from pipelines.warehouse.source import Run
from pipelines.warehouse.store import in_home
from tests.warehouse.synthetic import (
    Record,
    Tape,
    dead_letters,
    prepared,
    published_tables,
    quiet,
    receipts,
    records,
    shuffled,
    unjudged,
)

WRITTEN = records(receipts(300), dead_letters(20))


def at_home(home: Path, tape: Tape, tenant: str = "demo", fresh: bool = False) -> dict[str, list[tuple[object, ...]]]:
    run(Settings(home=prepared(home), tenant=tenant), quiet, source=tape, fresh=fresh, check=unjudged)
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
    report = run(Settings(home=tmp_path), quiet, source=tape, check=unjudged)
    assert (report.published, report.version, set(report.rows.values())) == (False, 1, {0})
    assert published_tables(tmp_path) == expected


def test_records_that_come_again_are_passed_over(tmp_path: Path) -> None:
    class Stutter(Tape):
        def runs(self, topic, start):  # type: ignore[no-untyped-def]
            yield from self._runs.get(topic, [])

    tape = Stutter(WRITTEN)
    expected = at_home(tmp_path, tape)
    assert run(Settings(home=tmp_path), quiet, source=tape, check=unjudged).rows["event.receipt"] == 0
    assert published_tables(tmp_path) == expected


def test_a_tombstone_removes_a_dead_letter_and_a_later_record_brings_it_back(tmp_path: Path) -> None:
    def letters(home: Path, written: list[Record], size: int = 100) -> int:
        return sum(row[4] for row in at_home(home, Tape(written, size))["ads_dead_letter"])  # type: ignore[misc]

    letter = first("dlq.pos")
    gone = [*WRITTEN, letter._replace(value=None)]
    assert letters(tmp_path / "a", WRITTEN) == 20
    assert letters(tmp_path / "b", gone) == 19
    assert letters(tmp_path / "d", [*gone, letter]) == 20
    assert letters(tmp_path / "c", gone, size=1) == 19


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


@pytest.mark.parametrize("topic", ["event.receipt", "event.stock_movement", "dlq.pos"])
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
    table = lake.find(in_home(tmp_path), topic)
    assert table
    assert {place.next for place in table.places.values()} <= {0}, "nothing of the batch, and not its offsets either"


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
    source = Expired(WRITTEN[:150] + WRITTEN[150:])
    report = run(Settings(home=tmp_path), quiet, source=source, warn=said.append, check=unjudged)
    assert any("expired" in words for words in said)
    con = published.connect(tmp_path)
    lost = con.execute("SELECT sum(lost) FROM meta_run").fetchone()
    con.close()
    assert lost == (report.lost,)
    assert report.lost > 0


def test_batches_end_at_rows_or_bytes_and_lose_nothing() -> None:
    runs = [Run(0, [n], [b"k"], [b"x" * 10], n + 1, [0]) for n in range(10)]
    assert [len(b) for b in batches(runs, rows=3, size=1000)] == [3, 3, 3, 1]
    assert [len(b) for b in batches(runs, rows=100, size=45)] == [5, 5]
    assert list(batches([])) == []


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (Receipt, "ods_event_receipt"),
        (StockMovement, "ods_event_stock_movement"),
        (DeadLetter, "ods_dlq_pos"),
    ],
)
def test_the_tables_hold_every_field_of_the_contract_at_its_version(kind: type[WireRecord], table: str) -> None:
    feed = next(feed for feed in feeds() if feed.shown == table)
    described = next(model.described for model in models() if model.name == table)
    assert feed.record is kind
    assert {f.name for f in msgspec.structs.fields(kind)} - set(described.columns) - {"cipher"} == set()


def test_every_topic_of_events_is_kept_in_the_lake() -> None:
    kept = {feed.topic for feed in feeds()}
    assert {topic.name for topic in TOPICS if topic.name.startswith("event.")} <= kept


def test_a_record_without_a_later_optional_field_is_taken(tmp_path: Path) -> None:
    def older(record: Record) -> Record:
        body = msgspec.json.decode(record.value or b"")
        return record._replace(value=msgspec.json.encode({k: v for k, v in body.items() if k != "original_id"}))

    written = [older(r) if r.topic == "event.receipt" else r for r in WRITTEN]
    assert at_home(tmp_path / "older", Tape(written)) == at_home(tmp_path / "newer", Tape(WRITTEN))
