import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner, Result

from cli.sql import sql
from connectors import published
from connectors.settings import Settings
from contracts.errors import BadInput, NotReady
from pipelines.warehouse.run import run
from tests.warehouse.synthetic import Tape, dead_letters, quiet, receipts, records

Ask = Callable[..., Result]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sql")
    run(Settings(home=folder), quiet, source=Tape(records(receipts(200), dead_letters(6))))
    return folder


@pytest.fixture
def ask(home: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("ZHONGTAI_HOME", str(home))
    app = typer.Typer()
    app.command()(sql)

    def asked(*words: str) -> Result:
        result = CliRunner().invoke(app, list(words))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return asked


def test_json_is_one_array_and_money_is_whole(ask: Ask) -> None:
    rows = json.loads(
        ask("SELECT sum(sales_cents) AS cents, 'a' AS letter FROM dws_trade_store_1d", "--format", "json").stdout
    )
    assert rows == [{"cents": sum(r.total_cents for r in receipts(200)), "letter": "a"}]
    assert json.loads(ask("SELECT 1 WHERE false", "--format", "json").stdout) == []


def test_csv_has_a_heading_and_iso_dates(ask: Ask) -> None:
    text = ask(
        "SELECT store, business_date, voids FROM dws_trade_store_1d ORDER BY ALL LIMIT 2", "--format", "csv"
    ).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["store"] == "S0"
    assert rows[0]["business_date"] == "2026-11-01"


def test_arrow_is_an_ipc_stream(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "rows.arrow"
    ask("SELECT * FROM dwd_trade_receipt_line", "--format", "arrow", "--output", str(file))
    table = pa.ipc.open_stream(file.read_bytes()).read_all()
    assert table.num_rows == sum(len(r.lines) for r in receipts(200))
    assert table.schema.field("amount_cents").type == pa.int64()


def test_a_table_is_capped_and_says_so(ask: Ask) -> None:
    shown = ask("SELECT * FROM dwd_trade_receipt", "--max-rows", "5")
    assert shown.stdout.count("│ demo") == 5
    assert "Only the first 5 rows" in shown.stderr
    assert "Only the first" not in ask("SELECT 1").stderr


@pytest.mark.parametrize(
    "query", ["SHOW TABLES", "DESCRIBE ads_stock_level", "SUMMARIZE ads_stock_level", "FROM meta_run"]
)
def test_a_look_around_is_allowed(ask: Ask, query: str) -> None:
    assert ask(query).exit_code == 0


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE ads_stock_level",
        "DELETE FROM ads_stock_level",
        "INSERT INTO ads_stock_level FROM ads_stock_level",
        "CREATE TABLE a (b INTEGER)",
        "CREATE TEMP TABLE a (b INTEGER)",
        "COPY ads_stock_level TO '/tmp/zhongtai-stolen.csv'",
        "ATTACH '/tmp/zhongtai-other.duckdb'",
        "EXPORT DATABASE '/tmp/zhongtai-stolen'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "CALL pragma_version()",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE ads_stock_level",
        "",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "PRAGMA enable_external_access = true",
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_text(''/etc/hostname'')'))",
    ],
)
def test_writing_and_reading_elsewhere_is_refused(ask: Ask, home: Path, query: str) -> None:
    before = sorted(file.name for file in (home / "marts").iterdir())
    with pytest.raises(BadInput):
        ask(query)
    assert sorted(file.name for file in (home / "marts").iterdir()) == before
    assert not list(Path("/tmp").glob("zhongtai-stolen*"))


def test_a_wrong_name_says_where_to_look(ask: Ask) -> None:
    with pytest.raises(BadInput, match="on_hnad") as error:
        ask("SELECT on_hnad FROM ads_stock_level")
    assert "on_hand" in error.value.wrong
    assert "SHOW TABLES" in error.value.do


def test_an_unknown_format_is_refused(ask: Ask) -> None:
    with pytest.raises(BadInput, match="no format xml"):
        ask("SELECT 1", "--format", "xml")


def test_arrow_does_not_go_to_a_terminal(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("cli.sql.sys", type("sys", (), {"stdout": Terminal(io.BytesIO())}))
    with pytest.raises(BadInput, match="binary"):
        ask("SELECT 1", "--format", "arrow")


def test_before_the_first_run_there_is_nothing_to_ask(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHONGTAI_HOME", str(tmp_path))
    with pytest.raises(NotReady) as error:
        ask("SELECT 1")
    assert error.value.do == "Run: zhongtai run"


def test_times_are_utc(home: Path) -> None:
    con = published.connect(home)
    assert con.execute("SELECT DISTINCT CAST(as_of AS VARCHAR)[-3:] FROM ads_stock_level").fetchall() == [("+00",)]
    con.close()
