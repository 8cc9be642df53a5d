import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import msgspec
import pytest

from connectors import published
from connectors.settings import Settings
from contracts.errors import NotReady
from pipelines.warehouse.audits import AuditFailed
from pipelines.warehouse.run import STEPS, remove_warehouse, run
from tests.forks import Forks
from tests.warehouse.killed_run import AFTER, BEFORE, tape
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


def test_the_published_file_opens_in_any_duckdb(tmp_path: Path) -> None:
    ran(tmp_path, tape(len(BEFORE)))
    file = published.current(tmp_path)
    with duckdb.connect(str(file), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM dwd_trade_receipt").fetchone() == (200,)
