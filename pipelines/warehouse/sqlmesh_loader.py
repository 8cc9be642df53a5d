"""What SQLMesh is told of our files: a `.sql` that is plain SQL and a `.yml` that describes it are one model.

Imported only where SQLMesh is: it takes seconds.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from pydantic import PrivateAttr
from sqlglot import exp, parse_one
from sqlmesh.core.audit import StandaloneAudit
from sqlmesh.core.config import DuckDBConnectionConfig
from sqlmesh.core.loader import SqlMeshLoader
from sqlmesh.core.macros import MacroRegistry
from sqlmesh.core.model import (
    FullKind,
    IncrementalByTimeRangeKind,
    TimeColumn,
    ViewKind,
    create_external_model,
    create_sql_model,
)
from sqlmesh.utils import UniqueKeyDict
from sqlmesh.utils.jinja import JinjaMacroRegistry

from pipelines.warehouse.duck import delta_sql
from pipelines.warehouse.models import Model, audits, opening
from pipelines.warehouse.store import Store, reach
from pipelines.warehouse.touched import reads


class DuckDBWithLake(DuckDBConnectionConfig):
    """DuckDB with the extension that reads the lake, loaded from its wheel: nothing is fetched."""

    _store: Store | None = PrivateAttr(default=None)  # not a field: SQLMesh may show those, and a store has a secret

    @classmethod
    def of(cls, file: Path, store: Store | None) -> Self:
        """The configuration of a connection to a file; without a store, to one that reads no lake."""
        made = cls(database=str(file), register_comments=False)
        made._store = store
        return made

    @property
    def _cursor_init(self) -> Callable[[Any], None]:
        def begin(cursor: Any) -> None:
            cursor.execute("SET TimeZone = 'UTC'")
            if self._store is not None:
                cursor.execute(delta_sql())
                reach(cursor, self._store)

        return begin


def loader_of(models: tuple[Model, ...]) -> type[SqlMeshLoader]:
    """A loader whose models are these. SQLMesh asks for a class, so the models are its."""
    return type("PairLoader", (_PairLoader,), {"pairs": models})


class _PairLoader(SqlMeshLoader):
    pairs: tuple[Model, ...] = ()

    def _load_scripts(self) -> tuple[MacroRegistry, JinjaMacroRegistry]:
        return MacroRegistry("macros"), JinjaMacroRegistry()

    def _load_audits(self, *_: Any, **__: Any) -> "UniqueKeyDict[str, Any]":
        found: UniqueKeyDict[str, Any] = UniqueKeyDict("audits")
        for name, sql in audits().items():
            found[name] = StandaloneAudit(
                name=name,
                query=parse_one(sql, dialect="duckdb"),  # type: ignore[arg-type]  # pydantic makes it one
                dialect="duckdb",
                description=opening(sql),
                default_catalog=self.context.default_catalog,
            )
        return found

    def _load_models(self, *_: Any, **__: Any) -> tuple["UniqueKeyDict[str, Any]", None]:
        found: UniqueKeyDict[str, Any] = UniqueKeyDict("models")
        names = {model.name for model in self.pairs}
        for model in self.pairs:
            made = create_sql_model(
                model.name,
                parse_one(model.sql, dialect="duckdb"),
                kind=_kind(model),
                columns=_columns(model),
                grains=[exp.Tuple(expressions=[exp.column(name, quoted=True) for name in model.described.grain])],
                owner=model.described.owner,
                description=f"{model.described.title.en} / {model.described.title.zh}",
                column_descriptions={n: f"{c.en} / {c.zh}" for n, c in model.described.columns.items()},
                audits=_audits(model),
                **self._defaults(),
            )
            found[made.fqn] = made
            for source in reads(model.sql) - names:
                # What a run makes before the models: a view on the lake, or a reference table.
                outside = create_external_model(source, columns=_columns(model), **self._defaults())
                found[outside.fqn] = outside
        return found, None

    def _defaults(self) -> dict[str, Any]:
        return {"dialect": "duckdb", "default_catalog": self.context.default_catalog}


def _kind(model: Model) -> FullKind | ViewKind | IncrementalByTimeRangeKind:
    if model.layer == "ods":
        return ViewKind()
    if model.described.time:
        return IncrementalByTimeRangeKind(
            time_column=TimeColumn(column=exp.column(model.described.time, quoted=True)), dialect="duckdb"
        )
    return FullKind()


def _columns(model: Model) -> dict[str, exp.DataType]:
    return {name: exp.DataType.build(column.type, dialect="duckdb") for name, column in model.described.columns.items()}


def _audits(model: Model) -> list[tuple[str, dict[str, exp.Expression]]]:
    if model.layer == "ods":
        return []
    key = exp.Tuple(expressions=[exp.column(name, quoted=True) for name in model.described.grain])
    return [("unique_combination_of_columns", {"columns": key}), ("not_null", {"columns": key.copy()})]
