"""The lake in an object store: the same tables, one writer, kills, and words that help when the store does not do."""

import logging
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from deltalake import Transaction

from connectors import settings as reading
from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.errors import BadInput, Corrupt, NotReady
from contracts.schemas import record_of
from pipelines import backup, kept
from pipelines.rebuild import lake_records, tables
from pipelines.warehouse import build, duck, lake, load, project, store
from pipelines.warehouse.plan import plan
from pipelines.warehouse.run import run
from tests.warehouse.synthetic import Tape, dead_letters, prepared, quiet, receipts, records, unjudged
from tests.warehouse.test_build import Growing, row_hashes

WRITTEN = records(receipts(40, seed=11), dead_letters(3))
SECRET = "a-secret-that-nobody-may-see"


class Died(Exception):
    """Stands for a kill: nothing of ours catches it."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A real S3 over HTTP, in a process of its own, with a bucket in it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(urllib.request.Request(f"{address}/retail", method="PUT"))
                break
            except urllib.error.URLError:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
        yield address
    finally:
        process.kill()
        process.wait()


def elsewhere(home: Path, endpoint: str, prefix: str, bucket: str = "retail") -> Settings:
    place = f"s3://{bucket}/{prefix}"
    return Settings(home=home, lake=place, s3_endpoint=endpoint, s3_key="someone", s3_secret=SECRET)


def ran(settings: Settings, source: Tape, **more: object):  # type: ignore[no-untyped-def]
    prepared(settings.home)
    return run(settings, quiet, source=source, check=unjudged, **more)  # type: ignore[arg-type]


def loaded(settings: Settings, source: Tape) -> None:
    load.load(store.of(settings), source, settings.tenant, SystemClock(), quiet, quiet, quiet)


@pytest.fixture(scope="module")
def in_a_folder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("folder")
    ran(Settings(home=home), Tape(WRITTEN))
    return row_hashes(home)


def test_tables_are_those_of_a_lake_in_a_folder(server: str, tmp_path: Path, in_a_folder: dict[str, str]) -> None:
    settings = elsewhere(tmp_path / "home", server, "same")
    tape = Growing(WRITTEN, size=20)
    tape.upto = 0.5
    ran(settings, tape)
    tape.upto = 1.0
    assert sum(plan(settings, tape, quiet).rows.values()) > 0
    ran(settings, tape)
    assert row_hashes(settings.home) == in_a_folder
    assert not ran(settings, tape).published
    assert not (settings.home / "lake").exists()
    no_file_holds_the_secret(settings)
    with pytest.raises(BadInput, match="set aside"):
        ran(settings, tape, fresh=True)
    assert not ran(settings, tape).published
    assert all(one.different == 0 for one in tables.compared(settings, quiet))


def test_records_and_keys_are_read_back(server: str, tmp_path: Path) -> None:
    settings, topic = elsewhere(tmp_path / "home", server, "records"), "event.receipt"
    tape = Tape(WRITTEN)
    loaded(settings, tape)
    table = lake.find(store.of(settings), topic)
    assert table is not None
    cut = {p: place.next for p, place in table.places.items()}
    back = [key for part in lake_records.runs(store.of(settings), topic, record_of(topic), cut) for key in part.keys]
    sent = [record.key for record in WRITTEN if record.topic == topic]
    assert sorted(back) == sorted(sent)
    known = {key.decode() for key in sent[:3]}
    assert kept._in_lake(table, {*known, "never seen"}) == known


def test_of_two_writers_one_is_refused(server: str, tmp_path: Path) -> None:
    settings, topic = elsewhere(tmp_path / "home", server, "two"), "event.receipt"
    loaded(settings, Tape(WRITTEN))
    one, other, late = (lake.find(store.of(settings), topic) for _ in range(3))
    assert one
    assert other
    assert late
    rows = one.rows().to_table().slice(0, 1)
    further = {0: one.places[0]._replace(next=one.places[0].next + 1)}
    one.append(rows, further)
    with pytest.raises(Corrupt, match="Another writer"):
        other.append(rows, further)
    with pytest.raises(Corrupt, match="Another writer"):  # although both looked before either wrote
        late._write(rows, [Transaction(late._app(0, "next"), further[0].next)])
    again = lake.find(store.of(settings), topic)
    assert again is not None
    assert again.places[0] == further[0]
    assert again.version == one.version


@pytest.mark.parametrize("step", ["load.committed", "build.written"])
def test_a_run_that_died_goes_on(server: str, tmp_path: Path, in_a_folder: dict[str, str], step: str) -> None:
    settings = elsewhere(tmp_path / "home", server, f"died-{step}")

    def at(reached: str) -> None:
        if reached == step:
            raise Died

    with pytest.raises(Died):
        ran(settings, Tape(WRITTEN), at=at)
    ran(settings, Tape(WRITTEN))
    assert row_hashes(settings.home) == in_a_folder


def test_a_store_that_does_not_do_is_told_without_its_secret(
    server: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    missing = elsewhere(tmp_path / "home", server, "x", bucket="no-such-bucket")
    with pytest.raises(NotReady, match=r"NoSuchBucket|404") as bucket:
        ran(missing, Tape(WRITTEN))
    silent = elsewhere(tmp_path / "home", "http://127.0.0.1:9", "x")
    with pytest.raises(NotReady, match="it does not answer") as answer:
        ran(silent, Tape(WRITTEN))
    told = f"{bucket.value} {bucket.value.do} {answer.value} {answer.value.do} {caplog.text} {store.of(silent)!r}"
    assert SECRET not in told


def test_a_warehouse_outlives_a_store_that_is_away(server: str, tmp_path: Path) -> None:
    settings = elsewhere(tmp_path / "home", server, "away")
    tape = Growing(WRITTEN, size=20)
    tape.upto = 0.5
    ran(settings, tape)
    tape.upto = 1.0
    warehouse = build.folder_of(settings.home) / project.WAREHOUSE
    before = warehouse.stat().st_ino

    def at(step: str) -> None:
        if step == "build.began":  # from here on DuckDB reads, and is sent to where nobody answers
            store.reach(duck._duckdb(), store.of(elsewhere(settings.home, "http://127.0.0.1:9", "away")))

    with pytest.raises(NotReady, match="cannot be reached"):
        ran(settings, tape, at=at)
    assert warehouse.stat().st_ino == before  # it was not taken for damaged
    assert ran(settings, tape).published


def no_file_holds_the_secret(settings: Settings) -> None:
    held = [path for path in settings.home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert held == []


def test_a_backup_leaves_such_a_lake_where_it_is(server: str, tmp_path: Path) -> None:
    settings = elsewhere(tmp_path / "home", server, "kept")
    ran(settings, Tape(WRITTEN))
    told = backup.backup(settings, tmp_path / "backup", tmp_path / "keys", SystemClock(), quiet)
    assert told.lake_at == settings.lake
    assert told.lake["event.receipt"].offsets
    assert not [name for name in told.files if name.startswith("lake")]
    with pytest.raises(BadInput, match="somewhere else") as refused:
        backup.restore(Settings(home=tmp_path / "b"), tmp_path / "backup", tmp_path / "keys", [], SystemClock(), quiet)
    assert settings.lake in refused.value.do
    new = elsewhere(tmp_path / "new", server, "kept")
    backup.restore(new, tmp_path / "backup", tmp_path / "keys", [], SystemClock(), quiet)
    ran(new, Tape(WRITTEN))
    assert row_hashes(new.home) == row_hashes(settings.home)


def test_a_lake_that_lost_commits_since_the_backup_is_refused(server: str, tmp_path: Path) -> None:
    settings = elsewhere(tmp_path / "home", server, "lost")
    tape = Growing(WRITTEN, size=20)
    tape.upto = 0.5
    loaded(elsewhere(tmp_path / "earlier", server, "earlier"), tape)
    tape.upto = 1.0
    loaded(settings, tape)
    told = backup.backup(settings, tmp_path / "backup", tmp_path / "keys", SystemClock(), quiet)
    for prefix in ("earlier", "nothing"):
        one = elsewhere(tmp_path / "new", server, prefix)
        manifest = msgspec.structs.replace(told, lake_at=one.lake)
        (tmp_path / "backup" / backup.MANIFEST).write_bytes(msgspec.json.encode(manifest))
        with pytest.raises(Corrupt, match="earlier than this backup says"):
            backup.restore(one, tmp_path / "backup", tmp_path / "keys", [], SystemClock(), quiet)
        assert not one.home.exists()


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"ZHONGTAI_LAKE": "gs://x/y"}, "s3://bucket/prefix"),
        ({"ZHONGTAI_LAKE": "s3://x"}, "s3://bucket/prefix"),
        ({"ZHONGTAI_LAKE": "s3://retail/lake"}, "needs keys"),
        ({"ZHONGTAI_S3_ENDPOINT": "127.0.0.1:9000"}, "http"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, str], wrong: str) -> None:
    with pytest.raises(BadInput, match=wrong):
        reading.load(given)


def test_settings_of_a_store(tmp_path: Path) -> None:
    given = {"ZHONGTAI_LAKE": "s3://retail/lake/", "ZHONGTAI_S3_KEY": "k", "ZHONGTAI_S3_SECRET": "s"}
    lies = store.of(reading.load(given))
    assert lies.folder is None
    assert lies.table("event.receipt") == "s3://retail/lake/event.receipt"
    assert store.of(Settings(home=tmp_path)).folder == tmp_path / "lake"
