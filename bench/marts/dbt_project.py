"""Our models as a dbt project: the same SQL, each table under dbt's usual way to keep it fresh.

A table with a time is incremental (`delete+insert`, by day), and is told the days that changed; the others are made anew, as we
do. Names of tables become `ref(…)`, from which dbt takes its order. dbt gets as many threads as there are cores.
"""

import os
import re
from pathlib import Path

import duckdb

from connectors.settings import Settings
from pipelines.warehouse import build_sql, duck, load, project, reference
from pipelines.warehouse.models import Model
from pipelines.warehouse.store import in_home

REFERENCE = "reference.duckdb"
MACRO = """
{% macro on_days(column) %}
    {% if is_incremental() %} WHERE CAST({{ column }} AS DATE) IN (
        {%- for day in var('days', []) %}'{{ day }}'{{ ', ' if not loop.last }}{% endfor -%}
    ) {% endif %}
{% endmacro %}
"""


def write(folder: Path, home: Path) -> None:
    """The project of all models over the lake of `home`, its database beside it. The reference tables are copied there."""
    with duckdb.connect(str(home / REFERENCE)) as con:
        reference.make_tables(con)
        reference.load_reference(con, Settings(home=home))
    models = project.built_models()
    names = {model.name for model in models}
    for model in models:
        target = folder / "models" / f"{model.name}.sql"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_model(model, names), "utf-8")
    (folder / "macros").mkdir(exist_ok=True)
    (folder / "macros" / "on_days.sql").write_text(MACRO, "utf-8")
    hooks = "".join(f"  - {_yaml(sql)}\n" for sql in _before(home))
    (folder / "dbt_project.yml").write_text(
        "name: marts\nconfig-version: 2\nprofile: marts\nmodel-paths: [models]\nmacro-paths: [macros]\n"
        f"flags: {{send_anonymous_usage_stats: false}}\non-run-start:\n{hooks}",
        "utf-8",
    )
    (folder / "profiles.yml").write_text(
        "marts:\n  target: bench\n  outputs:\n    bench:\n      type: duckdb\n"
        f"      path: {folder / 'marts.duckdb'}\n      threads: {os.cpu_count()}\n      settings: {{TimeZone: UTC}}\n",
        "utf-8",
    )


def _model(model: Model, names: set[str]) -> str:
    sql = re.sub(r"\b(" + "|".join(sorted(names, key=len, reverse=True)) + r")\b(?!\.)", _ref, _bare(model.sql))
    if model.layer == "ods":
        return f"{{{{ config(materialized='view') }}}}\n{sql}"
    if not model.described.time:
        return f"{{{{ config(materialized='table') }}}}\n{sql}"
    day = f'CAST("{model.described.time}" AS DATE)'
    config = f"config(materialized='incremental', incremental_strategy='delete+insert', unique_key='{day}')"
    return f"{{{{ {config} }}}}\nSELECT * FROM (\n{sql}\n) {{{{ on_days('\"{model.described.time}\"') }}}}\n"


def _ref(found: re.Match[str]) -> str:
    return f"{{{{ ref('{found[1]}') }}}}"


def _bare(sql: str) -> str:
    """Without comments: they name tables too."""
    return re.sub(r"--[^\n]*", "", sql)


def _before(home: Path) -> list[str]:
    """What a run of ours makes before the models: the extension, a view for each topic, the reference tables."""
    made = [duck.delta_sql(), f"ATTACH IF NOT EXISTS '{duck.quoted(home / REFERENCE)}' AS reference (READ_ONLY)"]
    for feed in load.shown():
        place = duck.quoted(in_home(home).table(feed.topic))
        made.append(build_sql.lake_view_sql(f"main.{feed.view}", place, feed.types))
    return [
        *made,
        *(f"CREATE TABLE IF NOT EXISTS main.{table} AS FROM reference.{table}" for table in reference.TABLES),
    ]


def _yaml(sql: str) -> str:
    return '"' + sql.replace("\\", "\\\\").replace('"', '\\"') + '"'
