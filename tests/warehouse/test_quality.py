"""Nothing is published that the checkpoint has not judged; what it says can be read, and is kept as long as the version."""

import html
import json
import os
import re
import socket
from pathlib import Path

import duckdb
import msgspec
import pytest

from connectors import published
from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.receipts import Receipt
from onedata.expectations import Expected, expectations, expected, measures_sql
from pipelines.warehouse import quality
from pipelines.warehouse.audits import AuditFailed
from pipelines.warehouse.run import run
from tests.oneservice.console.conftest import REPORT
from tests.warehouse.synthetic import Tape, anew, dead_letters, quiet, receipts, records, without_roles


def ran(home: Path, taken: list[Receipt]) -> int:
    source = Tape(records(taken, dead_letters(3)))
    return run(Settings(home=anew(without_roles(home))), quiet, source=source).version


def test_a_publication_comes_with_a_report_that_people_can_read(tmp_path: Path) -> None:
    version = ran(tmp_path, receipts(60))
    site = quality.docs_of(published.marts(tmp_path), version)
    assert (site / "index.html").exists()
    pages = " ".join(html.unescape(page.read_text("utf-8")) for page in site.rglob("*.html"))
    assert "kind is one of sale, return, void. kind 只取 sale, return, void。" in pages
    assert "No key (tenant, receipt_id) comes twice." in pages
    named = {page.stem for page in (site / "expectations").glob("*.html")}
    con = published.connect(tmp_path)
    assert named == {name for (name,) in con.execute("SHOW TABLES").fetchall()}
    con.close()
    # What the console reads.
    report = json.loads((site / "report.json").read_bytes())
    assert {one["table"] for one in report} <= named
    (kinds,) = (one for one in report if one["en"].startswith("kind is one of") and one["table"] == "dwd_trade_receipt")
    assert (kinds["holds"], kinds["value"]) == (True, 0)
    assert {frozenset(one) for one in report} == {frozenset(REPORT[0])}


def test_reports_are_kept_as_long_as_their_versions(tmp_path: Path) -> None:
    for n in range(4):
        ran(tmp_path, receipts(50 + n))
    folder = published.marts(tmp_path)
    assert sorted(path.name for path in folder.glob("docs_*")) == ["docs_2", "docs_3", "docs_4"]
    assert sorted(path.name for path in folder.glob("marts_*")) == [f"marts_{n}.duckdb" for n in (2, 3, 4)]


def test_what_the_checkpoint_finds_is_not_published(tmp_path: Path) -> None:
    ran(tmp_path, receipts(60))
    more = receipts(70)
    huge = more[-1].lines[0].amount_cents + 2_000_000_000
    line = msgspec.structs.replace(more[-1].lines[0], amount_cents=huge)
    total = more[-1].total_cents + 2_000_000_000
    more[-1] = msgspec.structs.replace(
        more[-1],
        lines=(line, *more[-1].lines[1:]),
        total_cents=total,
        tenders=(msgspec.structs.replace(more[-1].tenders[0], amount_cents=total),),
    )
    with pytest.raises(AuditFailed, match=r"total_cents ≤ 1000000000. The measure is 2\d{9}\.") as error:
        ran(tmp_path, more)
    assert error.value.exit_status == 1
    assert "docs_2/index.html" in error.value.do
    assert (published.marts(tmp_path) / "docs_2" / "index.html").exists()
    con = published.connect(tmp_path)
    assert con.execute("SELECT count(*) FROM dwd_trade_receipt").fetchone() == (60,)
    con.close()


def test_a_publication_that_lost_most_of_its_rows_is_stopped(tmp_path: Path) -> None:
    ran(tmp_path, receipts(200))
    with pytest.raises(AuditFailed, match="At least 20% of the rows of the version before are there"):
        ran(tmp_path, receipts(20))
    assert ran(tmp_path, receipts(50)) == 3, "a quarter is left, which may be meant"


def test_old_data_is_told_and_published(tmp_path: Path) -> None:
    """The receipts are of early November; a warning stops nothing, or a closed shop would stop the run."""
    version = ran(tmp_path, receipts(30))
    site = quality.docs_of(published.marts(tmp_path), version)
    page = next((site / "validations" / "dwd_trade_receipt").rglob("*.html")).read_text("utf-8")
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert re.search(r"The newest received_at is at most 48 hours old\. .{0,60}? \d+", told)


def judge(tmp_path: Path, setup: str, monkeypatch: pytest.MonkeyPatch, definitions: str) -> list[str]:
    folder = tmp_path / "marts"
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr(quality, "text", lambda: definitions)
    with duckdb.connect() as con:
        con.execute("CREATE TABLE meta_run AS SELECT now() AS finished_at, 'd' AS tenant, 't' AS topic, 0 AS partition")
        con.execute(setup)
        return quality.check(con, folder, 1)


@pytest.mark.parametrize(
    ("rows", "definitions", "words"),
    [
        ("(1, 'a'), (NULL, 'b')", "dwd_a: {not_null: [n]}", "n is always there. The measure is 1."),
        ("(1, 'a'), (2, 'b')", "dwd_a: {not_null: [n]}", ""),
        ("(1, 'a'), (12, 'b')", "dwd_a: {between: {n: [0, 10]}}", "n ≤ 10. The measure is 12."),
        ("(-1, 'a'), (2, 'b')", "dwd_a: {between: {n: [0, null]}}", "n ≥ 0. The measure is -1."),
        ("(0, 'a'), (10, 'b')", "dwd_a: {between: {n: [0, 10]}}", ""),
        ("(1, 'a'), (2, 'c')", "dwd_a: {one_of: {s: [a, b]}}", "s is one of a, b. The measure is 1."),
        ("(1, 'a'), (2, NULL)", "dwd_a: {one_of: {s: [a, b]}}", ""),
    ],
)
def test_each_kind_of_expectation_can_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: str, definitions: str, words: str
) -> None:
    made = f"CREATE TABLE dwd_a AS FROM (VALUES {rows}) AS t(n, s)"
    assert judge(tmp_path, made, monkeypatch, definitions) == ([f"dwd_a: {words}"] if words else [])


def test_nothing_is_expected_of_the_values_of_an_empty_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = "dwd_a: {not_null: [n], between: {n: [0, 10]}, fresh: {column: at, hours: 1}}"
    assert judge(tmp_path, 'CREATE TABLE dwd_a (n INTEGER, "at" TIMESTAMPTZ)', monkeypatch, wanted) == []


def test_keys_of_every_described_table_are_there_and_unique() -> None:
    rows = "(VALUES ('a', 1), ('a', 1), ('b', NULL), ('c', NULL)) AS t(tenant, line)"
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE dwd_a AS FROM {rows}")
        taken = con.execute(measures_sql("dwd_a", Expected(), ("tenant", "line")), {"now": None}).fetchall()
    assert taken == [(4, 2, 1, None)]
    measures = [one.measure for one in expectations(Expected(), ("tenant", "line"))]
    assert measures == ["keys_missing", "keys_repeated", "rows_kept"]


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ({"dwd_z": {}}, "table dwd_z, which is not published"),
        ({"dwd_a": {"not_null": ["m"]}}, r"dwd_a\.m, which does not exist"),
        ({"dwd_a": {"fresh": {"column": "at", "hours": 1}}}, r"dwd_a\.at, which does not exist"),
        ({"dwd_a": {"notnull": ["n"]}}, "not defined well"),
        ({"dwd_a": {"between": {"n": [0]}}}, "not defined well"),
        ([], "not defined well"),
    ],
)
def test_an_expectation_that_does_not_fit_is_refused(described: object, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        expected(described, {"dwd_a": ["n", "s"]})


def test_nobody_is_told_that_the_library_was_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: called.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: called.append(address) or [])
    judge(tmp_path, "CREATE TABLE dwd_a (n INTEGER)", monkeypatch, "{}")
    assert not called
    assert os.environ["GX_ANALYTICS_ENABLED"] == "False"
