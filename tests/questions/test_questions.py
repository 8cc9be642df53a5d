"""The ten questions of docs/questions.md are answered, and answered right."""

import os
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from cli.main import app
from connectors import published
from tests.questions import platform
from tests.questions.answers import ANSWERS, days_and_weeks_before
from twin.world import Recipe, make

PAGE = (Path(__file__).parents[2] / "docs" / "questions.md").read_text("utf-8")
TODAY = date(2026, 3, 1)
QUESTIONS = re.findall(r"^## (\d+)\. (.+?)\n+```sql\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("twin") / "world"
    make(Recipe(base_date=TODAY, days=23, seed=3, feeds="pos"), folder)
    return folder


@pytest.fixture(scope="module")
def home(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`.zhongtai` in a folder where an analyst works."""
    made = tmp_path_factory.mktemp("analyst") / ".zhongtai"
    platform.published(world, made, datetime(2026, 3, 1, 14, tzinfo=UTC))
    return made


def test_there_are_ten_questions_and_an_answer_to_each() -> None:
    assert [int(number) for number, _, _ in QUESTIONS] == list(range(1, 11))
    assert len(ANSWERS) == 10


@pytest.mark.parametrize(
    ("number", "sql"), [(int(n), sql) for n, _, sql in QUESTIONS], ids=[q for _, q, _ in QUESTIONS]
)
def test_the_answer_is_what_the_tills_files_say(number: int, sql: str, home: Path, world: Path) -> None:
    con = published.connect(home)
    try:
        found = con.execute(sql).fetchall()
    finally:
        con.close()
    expected = ANSWERS[number - 1](world, world / "truth")
    assert expected
    assert found == expected


def test_the_command_line_of_the_page_writes_its_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = re.findall(r"```\nzhongtai (sql .*?)\n```", PAGE)
    words = re.findall(r'"[^"]*"|\S+', command)
    monkeypatch.chdir(home.parent)
    result = CliRunner().invoke(app, [word.strip('"') for word in words], catch_exceptions=False)
    assert result.exit_code == 0
    assert (home.parent / "sales.csv").read_text().startswith("store,")


def test_the_python_of_the_page_gives_arrow_and_polars(
    home: Path, world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(home.parent)
    names: dict[str, object] = {}
    exec(code, names)
    expected = [(day, cents) for day, cents, _, _ in days_and_weeks_before(world, world / "truth")]
    table, frame = names["table"], names["frame"]
    assert isinstance(table, pa.Table)
    assert list(zip(*table.to_pydict().values(), strict=True)) == expected
    assert frame.rows() == expected  # type: ignore[attr-defined]
    assert "sales_cents" in capsys.readouterr().out
    names["con"].close()  # type: ignore[attr-defined]


def test_duckdbs_own_client_opens_the_file_that_the_pointer_names(home: Path) -> None:
    (pointer,) = re.findall(r"duckdb -readonly \.zhongtai/marts/\$\(cat \.zhongtai/marts/(\w+)\)", PAGE)
    assert (home / "marts" / (home / "marts" / pointer).read_text().strip()).is_file()
    assert os.access(home / "marts", os.R_OK)
