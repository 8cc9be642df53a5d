"""What is built: exactly the days that new rows touch, and the same rows whatever the order and the number of runs."""

import errno
import hashlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from connectors import published
from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.errors import BadInput, NotReady
from pipelines.warehouse import lake, load
from pipelines.warehouse.plan import plan
from pipelines.warehouse.run import build_tables, every_day, run
from pipelines.warehouse.store import in_home
from tests.warehouse.synthetic import Record, Tape, dead_letters, prepared, quiet, receipts, records, unjudged

RECEIPTS = receipts(120, seed=7)
WRITTEN = records(RECEIPTS, dead_letters(6))


class Growing(Tape):
    """A tape whose topics hold, for now, only so many of its runs."""

    upto = 1.0

    def _ends_now(self, topic: str, partition: int) -> int:
        runs = [run for run in self._runs.get(topic, []) if run.partition == partition]
        held = runs[: round(len(runs) * self.upto)]
        return held[-1].next if held else 0

    def log(self, topic: str):  # type: ignore[no-untyped-def]
        log = super().log(topic)
        return log._replace(spans={p: (0, self._ends_now(topic, p)) for p in log.spans})

    def runs(self, topic: str, start):  # type: ignore[no-untyped-def]
        ends = {p: self._ends_now(topic, p) for p in start}
        yield from (run for run in super().runs(topic, start) if run.next <= ends[run.partition])


def ran(home: Path, source: Tape, **more: object):  # type: ignore[no-untyped-def]
    return run(Settings(home=prepared(home)), quiet, source=source, check=unjudged, **more)  # type: ignore[arg-type]


def row_hashes(home: Path) -> dict[str, str]:
    """A hash over the sorted rows of every published table. Only what tells of the runs themselves is left out: the
    tables `meta_*`, and where a record lay in Kafka (`kafka_*`)."""
    con = published.connect(home)
    try:
        names = [name for (name,) in con.execute("SHOW TABLES").fetchall() if not name.startswith("meta_")]
        sql = "SELECT COLUMNS(c -> NOT starts_with(c, 'kafka_')) FROM {} ORDER BY ALL"
        return {n: hashlib.sha256(repr(con.execute(sql.format(n)).fetchall()).encode()).hexdigest() for n in names}
    finally:
        con.close()


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("at once")
    ran(home, Tape(WRITTEN, size=100_000))
    return row_hashes(home)


@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=strategies.integers(0, 10**6), runs=strategies.integers(1, 4), size=strategies.sampled_from([7, 40, 1000]))
def test_the_same_events_in_any_order_and_any_number_of_runs_make_the_same_rows(
    at_once: dict[str, str], tmp_path_factory: pytest.TempPathFactory, seed: int, runs: int, size: int
) -> None:
    home = tmp_path_factory.mktemp("in parts")
    mixed = random.Random(seed).sample(WRITTEN, len(WRITTEN))  # across keys and partitions, late days included
    tape = Growing(mixed, size)
    for n in range(runs):
        tape.upto = (n + 1) / runs
        ran(home, tape)
    assert row_hashes(home) == at_once
    shutil.rmtree(home)


def test_thirty_runs_make_the_rows_of_one(tmp_path: Path, at_once: dict[str, str]) -> None:
    tape = Growing(random.Random(30).sample(WRITTEN, len(WRITTEN)), size=9)
    for n in range(30):
        tape.upto = (n + 1) / 30
        load.load(in_home(prepared(tmp_path)), tape, "demo", SystemClock(), quiet, quiet, quiet)
        build_tables(Settings(home=tmp_path), SystemClock(), quiet)
    ran(tmp_path, tape)
    assert row_hashes(tmp_path) == at_once


def days_of(report) -> dict[str, str]:  # type: ignore[no-untyped-def]
    return {name: said for name, said in report.tables.items() if said != "whole"}


def late(day: str) -> list[Record]:
    """The records of one receipt more, on a day long ago."""
    (r,) = [r for r in receipts(400, seed=9) if r.business_date == day][:1]
    return records([r], [])


def test_a_late_fact_builds_its_own_day_and_no_other(tmp_path: Path) -> None:
    ran(tmp_path, Tape(WRITTEN))
    report = ran(tmp_path, Tape([*WRITTEN, *late("2026-11-03")]))
    assert set(report.tables) == {
        "dwd_stock_movement",
        "dwd_trade_receipt",
        "dwd_trade_receipt_line",
        "dws_trade_store_1d",
        "ads_stock_level",
        "ads_quarantine_movement",
        "ads_quarantine_receipt",
        # They follow from all days of a shop, and are built whole.
        "ads_forecast_store_1d",
        "ads_forecast_accuracy",
    }
    assert set(days_of(report).values()) == {"2026-11-03"}
    assert len(days_of(report)) == 6
    con = published.connect(tmp_path)
    written = con.execute("""
        SELECT DISTINCT days FROM meta_build_table WHERE build = 2 AND NOT whole
    """).fetchall()
    con.close()
    assert written == [([date(2026, 11, 3)],)]


def test_rows_of_other_days_are_not_written_again(tmp_path: Path) -> None:
    ran(tmp_path, Tape(WRITTEN))
    (before,) = {r.business_date for r in RECEIPTS if r.business_date == "2026-11-03"}
    held = sum(r.business_date == before for r in RECEIPTS)
    ran(tmp_path, Tape([*WRITTEN, *late(before)]))
    con = published.connect(tmp_path)
    sql = "SELECT rows_written FROM meta_build_table WHERE build = 2 AND table_name = 'dwd_trade_receipt'"
    assert con.execute(sql).fetchall() == [(held + 1,)]
    con.close()


def test_days_can_be_built_again(tmp_path: Path) -> None:
    ran(tmp_path, Tape(WRITTEN))
    hashes = row_hashes(tmp_path)
    report = ran(tmp_path, Tape(WRITTEN), days=(date(2026, 11, 2), date(2026, 11, 4)))
    assert set(days_of(report).values()) == {"3 days from 2026-11-02 to 2026-11-04"}
    assert report.tables["ads_stock_level"] == "whole"
    assert report.published
    assert row_hashes(tmp_path) == hashes


def test_another_product_name_builds_what_shows_it_and_nothing_else(tmp_path: Path) -> None:
    ran(tmp_path, Tape(WRITTEN))
    line = b'{"sku":"P1","name":"Apples","base_unit":"each","units":{"each":"1"},"barcodes":["69"]}\n'
    (tmp_path / "reference" / "products-3.jsonl").write_bytes(line)
    assert ran(tmp_path, Tape(WRITTEN)).tables == {"dim_product": "whole", "ads_stock_level": "whole"}


def test_a_plan_says_what_the_run_then_does_and_writes_nothing(tmp_path: Path) -> None:
    ran(tmp_path, Tape(WRITTEN))
    source = Tape([*WRITTEN, *late("2026-11-03")])
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    planned = plan(Settings(home=tmp_path), source, quiet)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    report = ran(tmp_path, source)
    assert (planned.rows, planned.tables) == (report.rows, report.tables)
    assert plan(Settings(home=tmp_path), source, quiet).tables == {}


def test_before_the_first_run_everything_is_planned(tmp_path: Path) -> None:
    planned = plan(Settings(home=tmp_path), Tape(WRITTEN), quiet)
    assert planned.rows["event.receipt"] == 120
    assert set(planned.tables.values()) == {"whole"}
    assert not list(tmp_path.iterdir())


def flipped(whole: bytes, places: Iterable[int]) -> bytes:
    damaged = bytearray(whole)
    for at in places:
        damaged[at] ^= 4
    return damaged


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:5_000],
        lambda whole: flipped(whole, [5_000]),
        lambda whole: flipped(whole, range(20_000, len(whole), 262_144)),
        lambda whole: b"",
    ],
    ids=["cut off", "a bit of the head", "a bit in every block", "empty"],
)
def test_a_damaged_warehouse_is_made_again_from_the_lake(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    ran(tmp_path, Tape(WRITTEN))
    hashes = row_hashes(tmp_path)
    file = tmp_path / "warehouse" / "warehouse.duckdb"
    file.write_bytes(damage(file.read_bytes()))
    assert set(plan(Settings(home=tmp_path), Tape(WRITTEN), quiet).tables.values()) == {"whole"}
    said: list[str] = []
    build_tables(Settings(home=tmp_path), SystemClock(), said.append)
    assert any("damaged" in words for words in said)
    ran(tmp_path, Tape(WRITTEN))
    assert row_hashes(tmp_path) == hashes


def test_a_warehouse_that_another_program_has_open_is_told_and_not_taken_for_damaged(tmp_path: Path) -> None:
    ran(tmp_path, Tape(WRITTEN))
    file = tmp_path / "warehouse" / "warehouse.duckdb"
    before = file.stat().st_ino
    held = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", held, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(NotReady, match="open in another program"):
            build_tables(Settings(home=tmp_path), SystemClock(), quiet)
        with pytest.raises(NotReady, match="open in another program"):
            plan(Settings(home=tmp_path), Tape(WRITTEN), quiet)
        other.communicate()
    assert file.stat().st_ino == before
    build_tables(Settings(home=tmp_path), SystemClock(), quiet)


@pytest.mark.parametrize(
    "damage",
    [
        lambda log, data: log.write_bytes(b""),
        lambda log, data: log.write_bytes(log.read_bytes()[: log.stat().st_size // 2]),
        lambda log, data: data.write_bytes(data.read_bytes()[:-40]),
        lambda log, data: data.unlink(),
    ],
    ids=["empty commit", "commit cut off", "data cut off", "data gone"],
)
def test_a_damaged_newest_commit_is_taken_again_from_the_topic(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    tape = Growing(WRITTEN, size=60)
    tape.upto = 0.5
    ran(tmp_path, tape)
    tape.upto = 1.0
    ran(tmp_path, tape)
    hashes = row_hashes(tmp_path)
    folder = tmp_path / "lake" / "event.receipt"
    log = max(file for file in (folder / "_delta_log").glob("*.json") if file.stem.isdigit())
    damage(log, max(folder.rglob("*.parquet"), key=lambda file: file.stat().st_mtime_ns))
    report = ran(tmp_path, tape)
    assert report.rows["event.receipt"] > 0
    assert row_hashes(tmp_path) == hashes
    assert list((tmp_path / "lake" / "damaged").glob("event.receipt.*.json"))


def test_many_small_files_are_compacted_and_no_row_or_offset_changes(tmp_path: Path) -> None:
    tape = Tape(WRITTEN, size=40)  # a few files more than are small enough
    (feed,) = [feed for feed in load.feeds() if feed.topic == "event.stock_movement"]
    table = load.open_table(feed, in_home(prepared(tmp_path)), tape.log(feed.topic), "demo")
    ends = dict.fromkeys(range(4), 0)
    for run_ in tape.runs(feed.topic, ends):
        rows = load.take(feed, [run_], "demo", ends)
        ends[run_.partition] = run_.next
        table.append(rows, {p: lake.Place(0, n) for p, n in ends.items()})
    places = table.places
    assert table.keep_tidy() >= lake.SMALL_FILES
    again = lake.find(in_home(tmp_path), table.identity.topic)
    assert again
    assert again.places == places == {p: lake.Place(0, n) for p, n in ends.items()}
    assert again.keep_tidy() == 0
    assert ran(tmp_path, tape).rows["event.stock_movement"] == 0
    con = published.connect(tmp_path)
    assert con.execute("SELECT count(*) FROM dwd_stock_movement").fetchone() == (sum(len(r.lines) for r in RECEIPTS),)
    con.close()


def test_old_untaken_records_are_told_while_there_is_time(tmp_path: Path) -> None:
    class Later:
        def now(self):  # type: ignore[no-untyped-def]
            return SystemClock().now().replace(year=2026, month=12, day=12)

    said: list[str] = []
    taken = load.load(in_home(tmp_path), Tape(WRITTEN), "demo", Later(), quiet, quiet, said.append)
    assert any("event.receipt waited" in words and "keeps them for 30" in words for words in said)
    assert taken["event.receipt"].oldest.days >= 16


@pytest.mark.parametrize(("first", "last"), [("2026-13-01", ""), ("", "2026-11-01"), ("2026-11-02", "2026-11-01")])
def test_days_that_cannot_be_are_refused(first: str, last: str) -> None:
    from cli.run import business_days

    with pytest.raises(BadInput):
        business_days(first, last)


def test_every_day_is_from_the_first_to_the_last() -> None:
    assert len(every_day(date(2026, 2, 27), date(2026, 3, 2))) == 4


@pytest.mark.parametrize("step", ["load.parsed", "build.written", "publish.built"])
def test_a_full_disk_is_told_and_the_next_run_goes_on(tmp_path: Path, at_once: dict[str, str], step: str) -> None:
    def at(now: str) -> None:
        if now == step:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(NotReady, match="disk is full"):
        ran(tmp_path, Tape(WRITTEN, size=100_000), at=at)
    ran(tmp_path, Tape(WRITTEN, size=100_000))
    assert row_hashes(tmp_path) == at_once
