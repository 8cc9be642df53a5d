"""The checkpoint before publishing: Great Expectations judges the measures of every table and writes the report people read.

    docs_<n>/index.html belongs to marts_<n>.duckdb and is kept as long
    docs_<n>/report.json is the same in short, for the console

A broken critical expectation means that nothing is published. DuckDB makes the measures (`onedata.expectations`), one row a
table: Great Expectations is handed numbers, not millions of rows, and its report holds no value of a customer.
"""

import json
import logging
import os
import shutil
import threading
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from connectors import published
from onedata.expectations import Expectation, Expected, expectations, expected, measures_sql
from pipelines.warehouse.models import models

# Judges what a connection has built for a version of a folder; what is broken, in words.
Check = Callable[[duckdb.DuckDBPyConnection, Path, int], list[str]]

UNNAMED = Expected()
SITE = "docs"
REPORT = "report.json"


class Judged(NamedTuple):
    """A table, the measures taken of it, and what is expected of them."""

    table: str
    measures: dict[str, Any]
    wanted: list[Expectation]


def docs_of(folder: Path, version: int) -> Path:
    """Where the report of a version lies; index.html is its first page."""
    return folder / f"docs_{version}"


def prefetch() -> None:
    """Begins to import Great Expectations in a thread: it takes seconds, in which DuckDB can build. Harmless twice."""
    threading.Thread(target=_great_expectations, name="import great_expectations", daemon=True).start()


def check(con: duckdb.DuckDBPyConnection, folder: Path, version: int) -> list[str]:
    """Judges the tables that `con` has built for `version`; the critical expectations that are broken, in words.

    Compares the numbers of rows with those of the version that is published. Leaves the report in `docs_of`, whole or not
    at all. Raises `BadInput` when an expectation names a table or column that does not exist.
    """
    judged = _measured(con, published.current(folder.parent))
    target = docs_of(folder, version)
    building = target.with_suffix(".building")
    shutil.rmtree(building, ignore_errors=True)
    failed = _checkpoint(judged, building)
    (building / REPORT).write_text(json.dumps(_report(judged, failed), ensure_ascii=False, indent=1), "utf-8")
    building.rename(target)
    return [
        f"{one.table}: {wanted.en} The measure is {one.measures[wanted.measure]}."
        for one in judged
        for wanted in one.wanted
        if wanted.critical and _name(one.table, wanted.measure) in failed
    ]


def _report(judged: list[Judged], failed: set[str]) -> list[dict[str, Any]]:
    """Each expectation: of which table, its words in both languages, what was measured, and whether it holds."""
    return [
        {
            "table": one.table,
            "measure": wanted.measure,
            "zh": wanted.zh,
            "en": wanted.en,
            "critical": wanted.critical,
            "value": one.measures[wanted.measure],
            "holds": _name(one.table, wanted.measure) not in failed,
        }
        for one in judged
        for wanted in one.wanted
    ]


def _measured(con: duckdb.DuckDBPyConnection, last: Path | None) -> list[Judged]:
    grains = {model.name: model.described.grain for model in models()}
    shape = {name: con.table(name).columns for (name,) in con.execute(TABLES_SQL).fetchall()}
    wanted = expected(_described(), shape)
    now = con.execute("SELECT any_value(finished_at) FROM meta_run").fetchone()
    before = _rows(con, last)
    judged = []
    for table in shape:
        of_table, grain = wanted.get(table, UNNAMED), grains.get(table, ())
        taken = con.execute(measures_sql(table, of_table, grain), {"now": now[0] if now else None})
        names = [column[0] for column in taken.description or ()]
        measures = dict(zip(names, (taken.fetchone() or ()), strict=True))
        was = before.get(table, 0)
        measures["rows_kept"] = measures["rows"] / was if was else 1.0
        # The least of no rows is nothing, and nothing is expected of it.
        possible = [one for one in expectations(of_table, grain) if measures[one.measure] is not None]
        judged.append(Judged(table, measures, possible))
    return judged


def _rows(con: duckdb.DuckDBPyConnection, last: Path | None) -> dict[str, int]:
    """The rows of each table of a published file; none when there is no such file or it cannot be read."""
    if last is None:
        return {}
    quoted = str(last).replace("'", "''")
    try:
        con.execute(f"ATTACH '{quoted}' AS last_version (READ_ONLY)")
    except duckdb.Error:
        return {}
    try:
        tables = con.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'last_version'").fetchall()
        counts = {t: con.execute(f"SELECT count(*) FROM last_version.{t}").fetchone() for (t,) in tables}  # noqa: S608
        return {table: count[0] for table, count in counts.items() if count}
    finally:
        con.execute("DETACH last_version")


def _checkpoint(judged: list[Judged], site: Path) -> set[str]:
    """Runs the checkpoint and writes its report into `site`. The measures, as `_name` says them, that were found wanting."""
    gx = _great_expectations()
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    _only_site(context, site)
    # One row for the whole publication: a checkpoint hands the same frame to all of its suites, one a table.
    frame = pd.DataFrame([{_name(one.table, k): v for one in judged for k, v in one.measures.items()}])
    batch = context.data_sources.add_pandas("publication").add_dataframe_asset("measures")
    whole = batch.add_batch_definition_whole_dataframe("all")
    suites = [
        gx.ValidationDefinition(name=one.table, data=whole, suite=context.suites.add(_suite(gx, one)))
        for one in judged
        if one.wanted
    ]
    checkpoint = gx.Checkpoint(
        name="before publishing",
        validation_definitions=[context.validation_definitions.add(suite) for suite in suites],
        result_format="BASIC",
    )
    result = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": frame})
    # Once, at the end: as an action of the checkpoint it would write the first page again after each table.
    context.build_data_docs()
    return {
        str(found.expectation_config.kwargs["column"])
        for run in result.run_results.values()
        for found in run.results
        if not found.success
    }


def _suite(gx: Any, judged: Judged) -> Any:
    return gx.ExpectationSuite(
        name=judged.table,
        expectations=[
            gx.expectations.ExpectColumnMaxToBeBetween(
                column=_name(judged.table, wanted.measure),
                min_value=wanted.least,
                max_value=wanted.most,
                severity="critical" if wanted.critical else "warning",
                description=f"{wanted.en} {wanted.zh}",
            )
            for wanted in judged.wanted
        ],
    )


def _only_site(context: Any, site: Path) -> None:
    """Gives the context one report, ours, in place of the one that it comes with."""
    for name in list(context.variables.data_docs_sites):
        context.delete_data_docs_site(name)
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site)}
    index = {"class_name": "DefaultSiteIndexBuilder"}
    builder = {"class_name": "SiteBuilder", "show_how_to_buttons": False}
    context.add_data_docs_site(SITE, builder | {"store_backend": store, "site_index_builder": index})


def _name(table: str, measure: str) -> str:
    return f"{table}.{measure}"


def text() -> str:
    """The definitions as they are written: another text is something to publish."""
    return (files("models") / "expectations.yml").read_text("utf-8")


def _described() -> object:
    from ruamel.yaml import YAML  # 0.1 s that only the run needs

    return YAML(typ="safe").load(text())


def _great_expectations() -> Any:
    # Some releases tell their makers that they were used, unless this stands when they are imported.
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    import great_expectations

    # It tells of each temporary folder, to whoever has set logging up meanwhile (SQLMesh does).
    for name in ("great_expectations", "great_expectations.data_context.types.base"):  # the latter sets its own level
        logging.getLogger(name).setLevel(logging.WARNING)

    return great_expectations


TABLES_SQL = """
    SELECT table_name FROM duckdb_tables()
    WHERE database_name = current_database() AND schema_name = 'main' AND NOT temporary
    ORDER BY table_name
"""
