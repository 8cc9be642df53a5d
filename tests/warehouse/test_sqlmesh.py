"""The models as a SQLMesh project: its unit tests, its lineage, and what a change of a model makes it do."""

from pathlib import Path

import pytest

from connectors.clock import SystemClock
from connectors.settings import Settings
from pipelines.warehouse import build, duck, project
from pipelines.warehouse.models import Model, models
from pipelines.warehouse.run import run
from pipelines.warehouse.touched import reads, touched_sql
from tests.warehouse.synthetic import Tape, prepared, quiet, receipts, records, unjudged

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    from sqlmesh import Context
    from sqlmesh.core.console import NoopConsole, set_console

    set_console(NoopConsole())
    folder = build.folder_of(prepared(tmp_path_factory.mktemp("project")))
    made = Context(paths=[ROOT], config=project.config(folder))
    yield made
    made.close()


def test_the_unit_tests_of_the_models_hold(context) -> None:  # type: ignore[no-untyped-def]
    result = context.test()
    assert result.testsRun >= 4
    assert result.wasSuccessful(), [text for _, text in (*result.failures, *result.errors)]


def test_sqlmesh_knows_every_model_with_its_grain_owner_words_and_audits(context) -> None:  # type: ignore[no-untyped-def]
    known = {model.name: model for model in context.models.values()}
    for model in project.built_models():
        told = known[model.name]
        assert told.owner == model.described.owner
        assert model.described.title.zh in told.description
        assert set(told.column_descriptions) == set(model.described.columns)
        assert (len(told.audits) == 2) == (model.layer != "ods")
        assert told.kind.is_incremental_by_time_range == bool(model.described.time)
    assert "rows_are_conserved_between_layers" in {audit.name for audit in context.standalone_audits.values()}


def test_columns_are_traced_through_the_models(context) -> None:  # type: ignore[no-untyped-def]
    from sqlmesh.core.lineage import column_dependencies

    assert column_dependencies(context, "dws_trade_store_1d", "sales_cents") == {
        '"dwd_trade_receipt"': {"total_cents", "web_order_id"}
    }
    assert column_dependencies(context, "dwd_trade_receipt", "total_cents") == {'"ods_event_receipt"': {"total_cents"}}


def test_another_model_gets_another_table_and_only_what_follows_is_built_again(tmp_path: Path) -> None:
    settings, source = Settings(home=prepared(tmp_path)), Tape(records(receipts(40), []))
    run(settings, quiet, source=source, check=unjudged)
    changed = tuple(
        m._replace(sql=m.sql.replace("count(*) AS movements", "count(*) + 0 AS movements"))
        if m.name == "ads_stock_level"
        else m
        for m in project.built_models()
    )
    with build.opened(tmp_path, changed) as (con, known):
        built = build.build(con, known, changed, settings, SystemClock(), quiet, quiet)
    assert built.tables == {"ads_stock_level": "whole"}


FACT = """
-- One row per fact.
SELECT f.id, f.day, f.sku, coalesce(d.label, '') AS label FROM facts AS f LEFT JOIN dim AS d USING (sku)
"""


def test_a_changed_dimension_touches_the_days_on_which_its_members_appear_and_no_other() -> None:
    described = next(m for m in models() if m.described.time).described
    model = Model("dwd", "fact", FACT, _timed(described))
    assert reads(FACT) == {"facts", "dim"}
    sql = touched_sql(model, {"facts", "dim"})
    with duck.attached(Path(":memory:")) as con:
        con.execute(
            "CREATE TABLE facts AS FROM (VALUES (1, DATE '2026-01-01', 'A'), (2, DATE '2026-01-02', 'B')) t(id, day, sku)"
        )
        con.execute("CREATE TABLE dim AS FROM (VALUES ('A', 'x'), ('B', 'y')) t(sku, label)")
        con.execute("CREATE VIEW changed_dim AS FROM (VALUES ('B', 'y'), ('B', 'z')) t(sku, label)")
        con.execute("CREATE VIEW changed_facts AS FROM facts WHERE id = 1")
        assert [str(day) for (day,) in con.execute(sql["dim"]).fetchall()] == ["2026-01-02"]
        assert [str(day) for (day,) in con.execute(sql["facts"]).fetchall()] == ["2026-01-01"]


def _timed(described):  # type: ignore[no-untyped-def]
    import msgspec

    column = next(iter(described.columns.values()))
    return msgspec.structs.replace(described, columns={"id": column, "day": column}, grain=("id",), time="day")
