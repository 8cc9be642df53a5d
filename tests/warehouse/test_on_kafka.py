"""The warehouse, verify and trace on a real broker, with records as the jobs write them: in transactions."""

import csv
import json
import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import typer
from confluent_kafka import Consumer, Producer, TopicPartition
from typer.testing import CliRunner

from cli.verify import verify as command
from connectors import kafka
from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts import ticks
from contracts.errors import NotReady, ZhongtaiError
from contracts.keys import key, partition
from contracts.receipts import Receipt
from contracts.topics import PARTITIONS
from contracts.wire import encode
from pipelines.settled import look, wait_until_settled
from pipelines.trace import trace
from pipelines.verify import verify
from pipelines.warehouse.overdue import overdue
from pipelines.warehouse.run import run
from tests.warehouse.synthetic import (
    Record,
    dead_letters,
    levels,
    movements,
    prepared,
    published_tables,
    quiet,
    receipts,
    records,
    unjudged,
)

pytestmark = pytest.mark.kafka
PHONE = "13812345678"


def produce(settings: Settings, written: Sequence[Record], *, commit: bool = True) -> list[int]:
    """Writes in one transaction; the offsets."""
    producer = Producer(settings.librdkafka() | {"transactional.id": secrets.token_hex(8)})
    producer.init_transactions(30)
    producer.begin_transaction()
    offsets: list[int] = []
    for r in written:
        told = lambda _, m: offsets.append(m.offset())  # noqa: E731
        producer.produce(r.topic, key=r.key, value=r.value, partition=r.partition, on_delivery=told)
        producer.poll(0)
    producer.flush(30)
    (producer.commit_transaction if commit else producer.abort_transaction)(30)
    return offsets


@pytest.fixture
def settings(kafka_broker: Settings, tenant: str, tmp_path: Path) -> Settings:
    return Settings(home=prepared(tmp_path), tenant=tenant, kafka=kafka_broker.bootstrap)


@pytest.fixture
def taken(settings: Settings) -> list[Receipt]:
    return receipts(60, tenant=settings.tenant)


@pytest.fixture
def held(settings: Settings, taken: list[Receipt]) -> list[Receipt]:
    """What the jobs would have made of receipts that really lie in raw.pos."""
    raw = []
    for r in taken:
        body = {"store": r.store, "number": r.number, "identifiers": [{"type": "phone", "value": PHONE}]}
        k = key(r.tenant, r.store)
        raw.append(Record("raw.pos", partition(k, PARTITIONS), k, encode(body)))
    places = [produce(settings, [record])[0] for record in raw[:3]]
    for n, offset in enumerate(places):
        origin = msgspec.structs.replace(taken[n].origin, offset=offset, partition=raw[n].partition)
        taken[n] = msgspec.structs.replace(taken[n], origin=origin)
    written = records(taken, dead_letters(7, tenant=settings.tenant))
    produce(settings, written[:100], commit=False)
    produce(settings, written)
    return taken


def truth(folder: Path, taken: list[Receipt]) -> Path:
    """Worked out from the receipts by plain Python."""
    newest = {(s.sku, s.location): s for s in levels(movements(taken))}
    days: dict[tuple[str, str], list[int]] = {}
    for r in taken:
        day = days.setdefault((r.store, r.business_date), [0, 0, 0])
        for i, n in enumerate((1, len(r.lines), r.total_cents)):
            day[i] += n
    tables = {
        "stock_levels": [("sku", "location", "on_hand", "movements")]
        + [(*k, s.on_hand, s.movements) for k, s in newest.items()],
        "receipts": [("store", "business_date", "receipts", "lines", "sales_cents")]
        + [(*k, *v) for k, v in days.items()],
        "dead_letters": [("code", "dead_letters"), ("not_json", 3), ("unknown_sku", 2), ("tenders_differ", 2)],
        "identifiers": [("type", "shown", "identifiers"), ("phone", *[sum(len(r.identifiers) for r in taken)] * 2)],
        "totals": [
            ("name", "value"),
            ("receipts", len(taken)),
            ("lines", sum(len(r.lines) for r in taken)),
            ("sales_cents", sum(r.total_cents for r in taken)),
            ("stock_levels", len(newest)),
            ("dead_letters", 7),
        ],
    }
    folder.mkdir()
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as text:
            csv.writer(text).writerows(rows)
    return folder


def test_a_run_loads_what_is_committed_and_verify_agrees(
    settings: Settings, held: list[Receipt], tmp_path: Path
) -> None:
    report = run(settings, quiet)
    assert report.rows["event.receipt"] == 60
    assert report.rows["dlq.pos"] == 7
    said: list[str] = []
    comparisons = verify(settings, truth(tmp_path / "truth", held), said.append)
    assert [c.differences for c in comparisons] == [()] * 6
    assert said == []
    expected = published_tables(settings.home)
    again = run(settings, quiet)
    assert (again.published, published_tables(settings.home)) == (False, expected)


def test_offsets_that_move_without_a_row_publish_nothing_and_make_nothing_old(
    settings: Settings, held: list[Receipt], tmp_path: Path
) -> None:
    run(settings, quiet, check=unjudged)
    tick = encode(ticks.Tick(at="2026-11-22T21:00:00Z"))
    produce(settings, [Record("event.receipt", p, ticks.KEY, tick) for p in range(PARTITIONS)])
    produce(settings, records(receipts(20, tenant="somebody"), []))
    produce(settings, records(receipts(90, tenant=settings.tenant), []), commit=False)
    folder = truth(tmp_path / "truth", held)
    said: list[str] = []
    verify(settings, folder, said.append)
    assert "older than event.receipt" in said.pop()
    assert not run(settings, quiet, check=unjudged).published
    verify(settings, folder, said.append)
    assert said == []


def test_records_that_no_run_takes_are_overdue_before_they_expire(settings: Settings, held: list[Receipt]) -> None:
    now = SystemClock().now()
    assert overdue(settings, now) == []
    assert "event.receipt" in overdue(settings, now + timedelta(days=20))
    run(settings, quiet, check=unjudged)
    assert "event.receipt" not in overdue(settings, now + timedelta(days=20))


def test_verify_finds_one_changed_row_and_says_when_the_marts_are_old(
    settings: Settings, held: list[Receipt], tmp_path: Path
) -> None:
    run(settings, quiet)
    folder = truth(tmp_path / "truth", held)
    lines = (folder / "stock_levels.csv").read_text().splitlines()
    sku, location, on_hand, moved = lines[1].split(",")
    lines[1] = f"{sku},{location},{int(on_hand) + 1},{moved}"
    (folder / "stock_levels.csv").write_text("\n".join(lines))
    more = receipts(61, tenant=settings.tenant)[60:]
    produce(settings, [r for r in records(more, []) if r.topic == "event.receipt"])
    said: list[str] = []
    different = {c.name: c.differences for c in verify(settings, folder, said.append)}
    assert [d.key for d in different["stock_levels"]] == [(sku, location)]
    assert [d.key for d in different["stock_levels (mart)"]] == [(sku, location)]
    assert different["receipts"] == different["dead_letters"] == different["totals"] == ()
    assert "older than event.receipt" in said[0]
    assert "zhongtai run" in said[0]


def test_the_command_prints_totals_rows_and_a_last_line(
    settings: Settings, held: list[Receipt], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(settings, quiet)
    folder = truth(tmp_path / "truth", held)
    monkeypatch.setattr("cli.verify.load", lambda: settings)
    monkeypatch.setattr("pipelines.jobs.groups", lambda _: {})
    app = typer.Typer()
    app.command()(command)
    right = CliRunner().invoke(app, ["--truth", str(folder)])
    assert (right.exit_code, json.loads(right.stdout.splitlines()[-1])["different"]) == (0, 0)
    (folder / "totals.csv").write_text("name,value\nreceipts,59\n")
    wrong = CliRunner().invoke(app, ["--truth", str(folder)])
    assert wrong.exit_code == 1
    # A truth of one feed names the totals of that feed alone.
    assert json.loads(wrong.stdout.splitlines()[-1])["different"] == 1


def test_verify_waits_until_every_group_has_committed(settings: Settings, held: list[Receipt]) -> None:
    group = f"g-{settings.tenant}"
    jobs = {group: ("event.receipt",)}
    _, lags = look(settings, jobs)
    assert lags[group]["event.receipt"] > 0
    with pytest.raises(NotReady, match=rf"{group} by [\d,]+ of event.receipt"):
        wait_until_settled(settings, jobs, 0.1, quiet)
    last = last_records(settings, "event.receipt")
    committer = Consumer(settings.librdkafka() | {"group.id": group})
    # As a job does: after the last record, before the marker that ends its transaction.
    committer.commit(offsets=[TopicPartition("event.receipt", p, o + 1) for p, o in last.items()], asynchronous=False)
    committer.close()
    wait_until_settled(settings, jobs, 20, quiet)


def last_records(settings: Settings, topic: str) -> dict[int, int]:
    last: dict[int, int] = {}
    for p, messages, _ in kafka.read(settings, topic):
        for message in messages:
            last[p] = message.offset() or 0
    return last


@pytest.mark.parametrize("with_marts", [True, False], ids=["published", "not yet published"])
def test_a_receipt_is_traced_from_its_line_to_its_day(
    settings: Settings, held: list[Receipt], with_marts: bool
) -> None:
    if with_marts:
        run(settings, quiet)
    r = held[1]
    found = [
        trace(settings, name, quiet)
        for name in (f"{r.store}/{r.till}/{r.business_date}/{r.number}", r.receipt_id, f"day.jsonl:{r.origin.line}")
    ]
    assert found[0] == found[1] == found[2]
    assert found[0].raw is not None
    assert found[0].raw["number"] == r.number
    assert found[0].raw["identifiers"] == [{"type": "phone", "value": "138****5678"}]
    assert PHONE not in str(found[0])
    assert "CIPHERTEXT" not in str(found[0])
    assert [(m.line, m.quantity) for m in found[0].movements] == [(line.line, -line.quantity) for line in r.lines]
    newest = {(s.sku, s.location): s.on_hand for s in levels(movements(held))}
    assert [m.level for m in found[0].movements] == [newest[line.sku, r.store] for line in r.lines]
    assert (found[0].day is not None) == with_marts
    if found[0].day:
        assert found[0].day["business_date"] == r.business_date


def test_a_raw_record_that_is_not_there_is_said(settings: Settings, held: list[Receipt]) -> None:
    run(settings, quiet)
    gone = msgspec.structs.replace(
        receipts(62, tenant=settings.tenant)[61], origin=msgspec.structs.replace(held[0].origin, offset=10**9)
    )
    produce(settings, [r for r in records([gone], []) if r.topic == "event.receipt"])
    found = trace(settings, gone.receipt_id, quiet)
    assert found.raw is None
    assert "dropped" in found.raw_note


def test_a_receipt_that_nobody_accepted_is_not_found(settings: Settings, held: list[Receipt]) -> None:
    with pytest.raises(ZhongtaiError, match="No accepted receipt") as error:
        trace(settings, "S0/T1/2026-11-30/1", quiet)
    assert error.value.exit_status == 1
    assert "dlq" in error.value.do
