"""What must hold before anything is published: plain SQL that finds the rows which break a rule.

The rules of single tables (unique grain, keys not null) follow from their descriptions; those between tables are
models/audits. Names in the SQL come from models/, never from a person.
"""

import duckdb

from contracts.errors import ZhongtaiError
from pipelines.warehouse.models import Model, audits, models, opening

SHOWN = 3


class AuditFailed(ZhongtaiError):
    """The new marts break a rule, so they were not published. Readers keep the version before."""


def audit(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Every rule that is broken, in words, with the keys of a few rows that break it. Empty: all hold."""
    broken = []
    for rule, sql in _rules().items():
        rows = con.execute(f"SELECT count(*) OVER (), * FROM ({sql}) LIMIT {SHOWN}").fetchall()  # noqa: S608
        if rows:
            keys = "; ".join(" / ".join(map(str, row[1:])) for row in rows)
            broken.append(f"{rule} Broken by {rows[0][0]:,}: {keys}")
    return broken


def _rules() -> dict[str, str]:
    rules = {}
    for model in models():
        if model.layer != "ods":
            rules[f"{model.name}: the grain is unique."] = unique_grain_sql(model)
            rules[f"{model.name}: keys are not null."] = null_keys_sql(model)
    return rules | {opening(sql): sql for sql in audits().values()}


def unique_grain_sql(model: Model) -> str:
    """Keys that more than one row has."""
    key = ", ".join(f'"{column}"' for column in model.described.grain)
    return f"SELECT {key} FROM {model.name} GROUP BY {key} HAVING count(*) > 1"  # noqa: S608


def null_keys_sql(model: Model) -> str:
    """Rows with no value in a column of their key."""
    key = ", ".join(f'"{column}"' for column in model.described.grain)
    missing = " OR ".join(f'"{column}" IS NULL' for column in model.described.grain)
    return f"SELECT {key} FROM {model.name} WHERE {missing}"  # noqa: S608
