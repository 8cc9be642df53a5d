from pathlib import Path

import pytest

from connectors import published
from connectors.settings import Settings
from contracts.errors import BadInput
from onedata.catalogue import table
from pipelines.warehouse import build, project
from pipelines.warehouse.models import audits, models, opening
from pipelines.warehouse.run import run
from tests.warehouse.synthetic import Tape, prepared, quiet, receipts, records, unjudged

FOLDER = Path("models")
DESCRIBED = {"title": {"zh": "表", "en": "t"}, "grain": ["a"], "owner": "o"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Every table as it really is: name, then column and type."""
    home = tmp_path_factory.mktemp("built")
    run(Settings(home=prepared(home)), quiet, source=Tape(records(receipts(20), [])), check=unjudged)
    tables = {}
    with build.opened(home, project.built_models()) as (con, known):
        for placed in known.tables:
            rows = con.execute(f"DESCRIBE {placed.physical or placed.name}").fetchall()
            tables[placed.name] = {row[0]: row[1] for row in rows}
    con = published.connect(home)
    for (name,) in con.execute("SHOW TABLES").fetchall():
        shown = {row[0]: row[1] for row in con.execute(f"DESCRIBE {name}").fetchall()}
        assert tables.setdefault(name, shown) == shown
    con.close()
    return tables


def test_every_sql_file_has_its_description_and_every_description_its_sql() -> None:
    for layer in FOLDER.iterdir():
        if layer.is_dir() and layer.name not in ("audits", "__pycache__"):
            stems = {suffix: {f.stem for f in layer.glob(f"*.{suffix}")} for suffix in ("sql", "yml")}
            assert stems["sql"] == stems["yml"], layer


@pytest.mark.parametrize("model", models(), ids=lambda model: model.name)
def test_the_description_names_exactly_the_columns_that_are_there(model, built) -> None:  # type: ignore[no-untyped-def]
    described = {name: column.type for name, column in model.described.columns.items()}
    assert described == built[model.name]


@pytest.mark.parametrize("model", models(), ids=lambda model: model.name)
def test_a_model_is_in_the_folder_of_its_prefix_and_opens_with_its_grain(model) -> None:  # type: ignore[no-untyped-def]
    assert model.name.startswith(f"{model.layer}_")
    assert model.grain.startswith("One row per ")


def test_money_is_never_a_float(built: dict[str, dict[str, str]]) -> None:
    for name, columns in built.items():
        for column, kind in columns.items():
            assert not any(word in kind for word in ("FLOAT", "DOUBLE", "DECIMAL", "HUGEINT")), (name, column)
            if column.endswith("_cents"):
                assert kind == "BIGINT", (name, column)


def test_nothing_is_built_that_is_not_described(built: dict[str, dict[str, str]]) -> None:
    assert set(built) == {model.name for model in models()}


def test_every_audit_says_what_must_hold() -> None:
    assert all(opening(sql).endswith(".") for sql in audits().values())


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"a": {"zh": "甲", "type": "BIGINT"}},
        {"a": {"zh": " ", "en": "a", "type": "BIGINT"}},
        {"b": DESCRIBED["title"]},
    ],
    ids=["no columns", "no English", "empty Chinese", "grain that is no column"],
)
def test_an_incomplete_description_is_refused(columns: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="table t is incomplete"):
        table("t", DESCRIBED | {"columns": columns})
