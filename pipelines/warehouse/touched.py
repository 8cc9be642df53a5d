"""Which days of a table a changed row of another table touches, as SQL. Runs nothing.

The idea: a model's own query, asked of the changed rows alone, gives the rows that come of them, and those say their day.
A join that may come up empty would give every row, changed or not, so on its way to the changed rows it becomes one that
may not. What this finds is exact where a row comes of one changed row, and too much rather than too little elsewhere.
"""

from functools import cache

import sqlglot
from sqlglot import exp

from pipelines.warehouse.build_sql import CHANGED
from pipelines.warehouse.models import Model


@cache
def reads(sql: str) -> frozenset[str]:
    """The tables that a query reads; its own CTEs are not among them."""
    query = _parsed(sql)
    ctes = {cte.alias for cte in query.find_all(exp.CTE)}
    return frozenset(table.name for table in query.find_all(exp.Table) if table.name not in ctes and table.name)


def touched_sql(model: Model, known: set[str]) -> dict[str, str]:
    """For each table that a model with a time reads: the SQL of its days that rows of `changed_<table>` touch."""
    if not model.described.time:
        return {}
    return {name: _touched_sql(model, name) for name in sorted(reads(model.sql) & known)}


def _touched_sql(model: Model, name: str) -> str:
    asked = []
    count = sum(table.name == name for table in _parsed(model.sql).find_all(exp.Table))
    for n in range(count):
        query = _parsed(model.sql)
        _ask_changed(query, [table for table in query.find_all(exp.Table) if table.name == name][n])
        asked.append(query.sql("duckdb"))
    day = f'CAST("{model.described.time}" AS DATE)'
    return " UNION ".join(f"SELECT DISTINCT {day} AS day FROM ({sql})" for sql in asked)  # noqa: S608


def _ask_changed(query: exp.Expr, table: exp.Table) -> None:
    """Reads `changed_<table>` at one place, and makes every join on the way from there one that must find something."""
    alias = table.alias_or_name
    changed = exp.alias_(exp.table_(f"{CHANGED}{table.name}"), alias, table=True)
    table.replace(changed)
    place: exp.Expr | None = changed
    while place is not None:
        if isinstance(place, exp.Join):
            place.set("side", None)
        if isinstance(place, exp.CTE):
            for use in [t for t in query.find_all(exp.Table) if t.name == place.alias and t is not changed]:
                _must_find(use)
        place = place.parent


def _must_find(place: exp.Expr | None) -> None:
    while place is not None:
        if isinstance(place, exp.Join):
            place.set("side", None)
        place = place.parent


def _parsed(sql: str) -> exp.Expr:
    return sqlglot.parse_one(sql, dialect="duckdb")
