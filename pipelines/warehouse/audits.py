"""What must hold before anything is built for good: plain SQL that finds the rows which break a rule.

The rules of single tables (unique grain, keys not null) follow from their descriptions, and are asked of the days that
were built; those between tables are models/audits. SQLMesh knows the same rules. Names in the SQL come from models/,
never from a person.
"""

from collections.abc import Iterator, Mapping, Sequence

import duckdb

from contracts.errors import ZhongtaiError
from pipelines.warehouse import build_sql
from pipelines.warehouse.models import Model, audits, opening
from pipelines.warehouse.work import Work

SHOWN = 3


class AuditFailed(ZhongtaiError):
    """The new rows break a rule, so they were not published. Readers keep the version before."""


def broken_rules(con: duckdb.DuckDBPyConnection, of: Sequence[Model], built: Mapping[str, Work]) -> list[str]:
    """Every rule that is broken, in words, with the keys of a few rows that break it. Empty: all hold."""
    broken = []
    for rule, sql in _rules(of, built):
        rows = con.execute(f"SELECT count(*) OVER (), * FROM ({sql}\n) LIMIT {SHOWN}").fetchall()  # noqa: S608
        if rows:
            keys = "; ".join(" / ".join(map(str, row[1:])) for row in rows)
            broken.append(f"{rule} Broken by {rows[0][0]:,}: {keys}")
    return broken


def _rules(of: Sequence[Model], built: Mapping[str, Work]) -> Iterator[tuple[str, str]]:
    for model in of:
        if model.name in built:
            todo = built[model.name]
            where = "true" if isinstance(todo, str) else build_sql.on_days_sql(model.described.time, todo)
            yield f"{model.name}: the grain is unique.", unique_grain_sql(model, where)
            yield f"{model.name}: keys are not null.", null_keys_sql(model, where)
    yield from ((opening(sql), sql) for sql in audits().values())


def unique_grain_sql(model: Model, where: str) -> str:
    """Keys that more than one row has."""
    key = ", ".join(f'"{column}"' for column in model.described.grain)
    return f"SELECT {key} FROM {model.name} WHERE {where} GROUP BY {key} HAVING count(*) > 1"  # noqa: S608


def null_keys_sql(model: Model, where: str) -> str:
    """Rows with no value in a column of their key."""
    key = ", ".join(f'"{column}"' for column in model.described.grain)
    missing = " OR ".join(f'"{column}" IS NULL' for column in model.described.grain)
    return f"SELECT {key} FROM {model.name} WHERE {where} AND ({missing})"  # noqa: S608
