import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import msgspec
import pytest

from connectors import published
from connectors.reference import load_products_if_any
from connectors.settings import Settings
from contracts import ticks
from contracts.errors import BadInput, NotReady
from contracts.products import Products
from contracts.wire import encode
from oneservice.publication import OWNER, Publications
from pipelines.warehouse.audits import AuditFailed
from pipelines.warehouse.run import STEPS, Report, remove_warehouse, run
from tests.forks import Forks
from tests.warehouse.killed_run import AFTER, BEFORE, tape, written
from tests.warehouse.synthetic import (
    Record,
    Tape,
    anew,
    dead_letters,
    prepared,
    published_tables,
    quiet,
    receipts,
    records,
    unjudged,
)

READER = """
import sys
from pathlib import Path
from connectors import published
home = Path(sys.argv[1])
print("ready", flush=True)
wrong = opened = 0
while not (home / "stop").exists():
    con = published.connect(home)
    receipts, lines = con.execute("SELECT sum(receipts), sum(lines) FROM dws_trade_store_1d").fetchone()
    (r,) = con.execute("SELECT count(*) FROM dwd_trade_receipt").fetchone()
    (n,) = con.execute("SELECT count(*) FROM dwd_trade_receipt_line").fetchone()
    wrong += (receipts, lines) != (r, n) or receipts not in (200, 400)
    opened += 1
    con.close()
print(wrong, opened)
"""


def ran(home: Path, source: Tape) -> int:
    return run(Settings(home=prepared(home)), quiet, source=source, check=unjudged).version


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the first run behind it. For copies only."""
    home = tmp_path_factory.mktemp("before")
    ran(home, tape(len(BEFORE)))
    return home


@pytest.fixture(scope="module")
def killed() -> Iterator[Forks]:
    """Runs that die at a step, each in a process of its own."""
    with Forks("tests.warehouse.killed_run") as forks:
        yield forks


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    home = tmp_path_factory.mktemp("expected")
    ran(home, tape(len(AFTER)))
    return published_tables(home)


def test_every_step_is_reached_in_its_order(tmp_path: Path) -> None:
    reached: list[str] = []
    run(Settings(home=tmp_path), quiet, reached.append, source=tape(len(AFTER)), check=unjudged)
    assert tuple(dict.fromkeys(reached)) == STEPS


# Loading comes to its steps once a topic: the first is stock movements, the second receipts.
KILLS = [(step, times) for step in STEPS for times in ((1, 2) if step.startswith("load.") else (1,))]


@pytest.mark.parametrize(("step", "times"), KILLS)
def test_killed_at_any_step_the_next_run_makes_the_same_marts(
    tmp_path: Path, before: Path, killed: Forks, step: str, times: int, expected: dict[str, list[tuple[object, ...]]]
) -> None:
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    old = published_tables(tmp_path)
    if step == "models.applied":
        remove_warehouse(tmp_path)  # or there would be nothing to apply
    assert killed.run(tmp_path, step, times) == -9
    assert published_tables(tmp_path) in (old, expected), "a whole version, old or new"
    numbers = [int(file.name.split(".")[0][6:]) for file in (tmp_path / "marts").glob("marts_*")]
    pointed = published.version_of(tmp_path / "marts" / (tmp_path / "marts" / "CURRENT").read_text().strip())
    version = ran(tmp_path, tape(len(AFTER)))
    assert published_tables(tmp_path) == expected
    left = {file.name for file in (tmp_path / "marts").iterdir()}
    assert not any("building" in name or name.startswith(".") for name in left)
    assert f"marts_{version}.duckdb" in left
    assert version > max(numbers) or version == pointed == max(numbers), "no path is used twice"


def test_what_is_built_anew_is_published_though_nothing_is_new(tmp_path: Path, before: Path) -> None:
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    right, settings = published_tables(tmp_path), Settings(home=tmp_path)
    pointer = tmp_path / "marts" / "CURRENT"
    con = duckdb.connect(str(tmp_path / "marts" / pointer.read_text().strip()))
    con.execute("DELETE FROM dwd_trade_receipt")
    con.close()
    spoiled = published_tables(tmp_path)
    assert spoiled != right
    source = tape(len(BEFORE))
    assert not run(settings, quiet, source=source, check=unjudged).published
    assert published_tables(tmp_path) == spoiled
    assert run(settings, quiet, source=source, check=unjudged, anew=True).published
    assert published_tables(tmp_path) == right


@pytest.mark.parametrize("cut_off", [b"", b"\xff", b"1"])
def test_a_damaged_counter_gives_no_reader_a_path_twice(tmp_path: Path, before: Path, cut_off: bytes) -> None:
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    for _ in range(2):
        run(Settings(home=tmp_path), quiet, source=tape(len(BEFORE)), check=unjudged, anew=True)
    (tmp_path / "marts" / "LAST").write_bytes(cut_off)
    assert ran(tmp_path, tape(len(AFTER))) == 4
    assert (tmp_path / "marts" / "LAST").read_text() == "4\n"


def test_readers_in_another_process_see_a_whole_version_while_runs_publish_and_die(
    tmp_path: Path, killed: Forks
) -> None:
    ran(tmp_path, tape(len(BEFORE)))
    reader = subprocess.Popen([sys.executable, "-c", READER, tmp_path], stdout=subprocess.PIPE, text=True)
    assert reader.stdout
    assert reader.stdout.readline() == "ready\n"
    for step in ("publish.built", "publish.renamed", "publish.pointed"):
        assert killed.run(tmp_path, step) == -9
    for n in range(6):
        ran(anew(tmp_path), tape(len(BEFORE if n % 2 else AFTER)))
    (tmp_path / "stop").touch()
    out, _ = reader.communicate(timeout=60)
    wrong, opened = map(int, out.split())
    assert wrong == 0
    assert opened > 3


def test_an_open_reader_keeps_its_version_and_the_last_three_stay(tmp_path: Path) -> None:
    ran(tmp_path, tape(len(BEFORE)))
    con = published.connect(tmp_path)
    for n in range(5):
        ran(anew(tmp_path), tape(len(BEFORE if n % 2 else AFTER)))
    assert con.execute("SELECT count(*) FROM dwd_trade_receipt").fetchone() == (200,)
    con.close()
    kept = sorted(file.name for file in (tmp_path / "marts").glob("marts_*"))
    assert kept == ["marts_4.duckdb", "marts_5.duckdb", "marts_6.duckdb"]
    assert published.current(tmp_path) == tmp_path / "marts" / "marts_6.duckdb"


def broken(topic: str, old: bytes, new: bytes) -> list[Record]:
    written = records(receipts(50), dead_letters(3))
    last = max(n for n, record in enumerate(written) if record.topic == topic and old in (record.value or b""))
    written[last] = written[last]._replace(value=(written[last].value or b"").replace(old, new, 1))
    return written


def under_one_id() -> list[Record]:
    """Two receipts of two days with one id, which follows from the day: no source can send that, a bug could."""
    taken = receipts(50)
    other = next(r for r in taken if r.business_date != taken[0].business_date)
    return [*records(taken, []), *records([msgspec.structs.replace(other, receipt_id=taken[0].receipt_id)], [])]


# What a single record can break is set aside (test_quarantine.py). These rules only a bug of ours can break.
@pytest.mark.parametrize(
    ("written", "rule"),
    [
        (broken("event.stock_movement", b'"quantity":-', b'"quantity":-1'), "what its lines say"),
        (under_one_id(), "grain is unique"),
    ],
    ids=["movement", "two receipts with one id"],
)
def test_a_broken_rule_publishes_nothing(tmp_path: Path, written: list[Record], rule: str) -> None:
    with pytest.raises(AuditFailed, match=rule) as error:
        ran(tmp_path, Tape(written))
    assert error.value.exit_status == 1
    assert published.current(tmp_path) is None
    con = duckdb.connect(str(tmp_path / "warehouse" / "warehouse.duckdb"), read_only=True)
    assert con.execute('SELECT count(*) FROM "default".dwd_trade_receipt').fetchone() == (0,), "nothing of it was built"
    con.close()
    with pytest.raises(AuditFailed):
        ran(tmp_path, Tape(written))


def test_a_broken_rule_leaves_the_version_before(tmp_path: Path) -> None:
    ran(tmp_path, Tape(records(receipts(50), [])))
    with pytest.raises(AuditFailed):
        run(
            Settings(home=tmp_path),
            quiet,
            source=Tape(broken("event.stock_movement", b'"quantity":-', b'"quantity":-1')),
            fresh=True,
            check=unjudged,
        )
    assert len(published_tables(tmp_path)["dwd_trade_receipt"]) == 50


def test_the_publication_tells_its_cut(tmp_path: Path) -> None:
    ran(tmp_path, tape(len(BEFORE)))
    con = published.connect(tmp_path)
    cut = con.execute('SELECT DISTINCT topic, "partition" FROM meta_run').fetchall()
    facts = con.execute(
        "SELECT DISTINCT version, cluster_id, tenant, finished_at >= started_at FROM meta_run"
    ).fetchall()
    con.close()
    assert len(cut) == 3 * 4
    assert facts == [(1, "c1", "demo", True)]


EVENING = datetime(2026, 11, 22, 21, tzinfo=UTC)


class Hour:
    """A clock that stands."""

    def __init__(self, hours: int) -> None:
        self._now = EVENING + timedelta(hours=hours)

    def now(self) -> datetime:
        return self._now


def hourly(home: Path, source: Tape, hour: int) -> Report:
    return run(Settings(home=prepared(home)), quiet, source=source, clock=Hour(hour), check=unjudged)


def night(hours: int) -> list[Record]:
    """What moves the offsets of every partition with no row for us: time, and another tenant."""
    tick = encode(ticks.Tick(at="2026-11-22T21:00:00Z"))
    others = records(receipts(20 * hours, tenant="somebody"), [])
    shown = ("event.receipt", "event.stock_movement", "dlq.pos", "event.order")
    return others + [Record(topic, p, ticks.KEY, tick) for topic in shown for p in range(4) for _ in range(hours)]


def builds(home: Path) -> int:
    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb"), read_only=True) as con:
        return int(con.execute("SELECT count(*) FROM warehouse_build").fetchall()[0][0])


def served(home: Path) -> tuple[int, datetime]:
    """What the service answers from, and how far that reaches."""
    publications = Publications(home)
    try:
        with publications.opened(OWNER) as opened:
            return opened.version, opened.as_of
    finally:
        publications.close()


def test_a_night_of_ticks_and_of_others_publishes_nothing_and_stays_fresh(tmp_path: Path) -> None:
    day = records(receipts(50), dead_letters(3))
    hourly(tmp_path, Tape(day), 0)
    assert published.looked(tmp_path, 1) is None
    assert served(tmp_path) == (1, EVENING)
    built = builds(tmp_path)
    for hour in (1, 2):
        source = Tape(day + night(hour))
        report = hourly(tmp_path, source, hour)
        assert (report.published, report.version, sum(report.rows.values())) == (False, 1, 0)
        look = published.looked(tmp_path, 1)
        assert look
        assert look.ends["event.receipt"] == {p: end for p, (_, end) in source.log("event.receipt").spans.items()}
        assert served(tmp_path) == (1, EVENING + timedelta(hours=hour))
    assert builds(tmp_path) == built, "no build stands in the books for a look"
    late = [r for r in records(receipts(51), []) if r not in day]
    report = hourly(tmp_path, Tape(day + night(2) + late), 3)
    assert (report.published, report.version) == (True, 2)
    assert len(published_tables(tmp_path)["dwd_trade_receipt"]) == 51
    assert published.looked(tmp_path, 2) is None, "a look tells of its version alone"
    assert served(tmp_path) == (2, EVENING + timedelta(hours=3))


def test_a_run_that_died_before_it_published_is_made_up_for_after_ticks(
    tmp_path: Path, before: Path, killed: Forks
) -> None:
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    assert killed.run(tmp_path, "build.committed") == -9
    report = hourly(tmp_path, Tape(written(len(AFTER)) + night(1), size=150), 1)
    assert report.published, "its rows stand in the tables and in no publication"
    assert len(published_tables(tmp_path)["dwd_trade_receipt"]) == len(AFTER)


@pytest.mark.parametrize("text", [b"", b"{", b'{"version":1}', b'{"version":1,"at":"2026-11-22T21:00:00","ends":{}}'])
def test_a_look_that_cannot_be_read_is_none(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "marts").mkdir()
    (tmp_path / "marts" / "LOOKED").write_bytes(text)
    assert published.looked(tmp_path, 1) is None


def test_two_runs_at_once_are_refused_and_a_dead_one_is_not_in_the_way(tmp_path: Path, killed: Forks) -> None:
    inside, done = threading.Event(), threading.Event()

    def at(step: str) -> None:
        inside.set()
        done.wait(120)

    first = threading.Thread(
        target=lambda: run(Settings(home=tmp_path), quiet, at, source=tape(len(BEFORE)), check=unjudged)
    )
    first.start()
    assert inside.wait(120)
    with pytest.raises(NotReady, match=r"under way \(pid \d+\)"):
        ran(tmp_path, tape(len(BEFORE)))
    done.set()
    first.join()
    assert killed.run(tmp_path, "load.began") == -9
    assert ran(tmp_path, tape(len(AFTER))) == 2


def test_nothing_published_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotReady) as error:
        published.connect(tmp_path)
    assert error.value.do == "Run: zhongtai run"


def test_products_give_stock_its_names(tmp_path: Path) -> None:
    (prepared(tmp_path) / "reference").mkdir(exist_ok=True)
    line = b'{"sku":"P1","name":"Apples","base_unit":"each","units":{"each":"1"},"barcodes":["69"]}\n'
    (tmp_path / "reference" / "products-3.jsonl").write_bytes(line)
    ran(tmp_path, tape(len(BEFORE)))
    con = published.connect(tmp_path)
    named = con.execute("SELECT DISTINCT sku FROM ads_stock_level WHERE product_name = 'Apples'").fetchall()
    assert named == [("P1",)]
    assert con.execute("SELECT products_version, barcodes FROM dim_product").fetchall() == [(3, ["69"])]
    con.close()
    (tmp_path / "reference" / "products-4.jsonl").write_bytes(line.replace(b"Apples", b"Pears"))
    assert ran(tmp_path, tape(len(BEFORE))) == 2, "another product file is something to publish"
    (tmp_path / "reference" / "products-4.jsonl").write_bytes(line.replace(b"Apples", b"Plums"))
    assert ran(tmp_path, tape(len(BEFORE))) == 3, "so is one that was written over, whatever its name"
    con = published.connect(tmp_path)
    assert con.execute("SELECT product_name, products_version FROM dim_product").fetchall() == [("Plums", 4)]
    con.close()
    (tmp_path / "reference" / "products-4.jsonl").write_bytes(line + line)
    with pytest.raises(BadInput, match="twice"):
        ran(tmp_path, tape(len(BEFORE)))


def test_a_product_file_that_was_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (prepared(tmp_path) / "reference").mkdir(exist_ok=True)
    line = b'{"sku":"P1","name":"Apples","base_unit":"each","units":{"each":"1"}}\n'
    (tmp_path / "reference" / "products-3.jsonl").write_bytes(line)
    looked: list[str] = []

    def load(settings: Settings) -> Products:
        looked.append("read")
        return load_products_if_any(settings)

    monkeypatch.setattr("pipelines.warehouse.reference.load_products_if_any", load)
    assert [ran(tmp_path, tape(len(BEFORE))), ran(tmp_path, tape(len(BEFORE)))] == [1, 1]
    assert looked == ["read"]
    assert ran(tmp_path, tape(len(AFTER))) == 2
    con = published.connect(tmp_path)
    assert con.execute("SELECT sku, product_name FROM dim_product").fetchall() == [("P1", "Apples")]
    con.close()
    remove_warehouse(tmp_path)
    assert ran(tmp_path, tape(len(AFTER))) == 2
    assert looked == ["read"] * 2, "a warehouse that is made again reads it again"


def test_the_published_file_opens_in_any_duckdb(tmp_path: Path) -> None:
    ran(tmp_path, tape(len(BEFORE)))
    file = published.current(tmp_path)
    with duckdb.connect(str(file), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM dwd_trade_receipt").fetchone() == (200,)
