"""models/ as a SQLMesh project: which table is which version, where it lies, and which days a new row touches.

SQLMesh holds the definitions: it compares the models with those that stand, makes a physical table for each version of
each model, points the views of the environment `prod` at them, tracks lineage, and runs the unit tests in YAML. The
rows are moved by `build`, because SQLMesh evaluates one range of days at a time (docs/decisions/0002-warehouse.md).

Everything that a run needs is a `Project`, kept in the warehouse. SQLMesh, whose import takes seconds, is needed only
when the models have changed.
"""

import hashlib
import os
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pipelines.warehouse.models import Model, models
from pipelines.warehouse.store import Store, in_home

if TYPE_CHECKING:
    from sqlmesh import Context
    from sqlmesh.core.config import Config

ENVIRONMENT = "prod"
VIEWS = "default"  # the schema in which SQLMesh keeps the views of models whose names have no schema
FOLDER = "sqlmesh"
STATE = "state.duckdb"
WAREHOUSE = "warehouse.duckdb"
# A date before every business day. SQLMesh wants one; days are built when rows name them.
BEGINNING = "2000-01-01"


class Placed(msgspec.Struct, frozen=True):
    """A model where SQLMesh put it. `touched` gives for each table that it reads the SQL of the days new rows touch.

    `physical` is empty for a view. Another `text`: the model changed.
    """

    name: str
    physical: str
    text: str
    reads: tuple[str, ...]
    touched: dict[str, str]


class Project(msgspec.Struct, frozen=True):
    """Every model in the order in which they are built. Another `fingerprint`: the models changed."""

    fingerprint: str
    tables: tuple[Placed, ...]


def fingerprint(of: Iterable[Model]) -> str:
    """Differs when a model, its description or SQLMesh's release does."""
    digest = hashlib.sha256(version("sqlmesh").encode())
    for model in of:
        digest.update(repr(model).encode())
    return digest.hexdigest()


def built_models() -> tuple[Model, ...]:
    """The models that SQLMesh knows; those of the layer `meta` are made with the publication."""
    return tuple(model for model in models() if model.layer != "meta")


def apply(folder: Path, of: tuple[Model, ...], store: Store) -> Project:
    """Makes tables and views for the models as they are now; what holds still stays. Safe to repeat after a kill.

    `folder` holds the warehouse, which nobody has open, and gets SQLMesh's state beside it. `store` has the lake.
    """
    from pipelines.warehouse.touched import reads, touched_sql  # sqlglot takes as long to import as a small run

    context = connected(folder, of, store)
    try:
        plan = context.plan(
            ENVIRONMENT, auto_apply=True, no_prompts=True, skip_tests=True, skip_linter=True, empty_backfill=True
        )
        versions = {snapshot.name: snapshot for snapshot in plan.snapshots.values() if snapshot.is_model}
        names = {model.name for model in of}
        placed = tuple(
            Placed(
                model.name,
                "" if model.layer == "ods" else versions[f'"{model.name}"'].table_name(),
                fingerprint((model,)),
                tuple(sorted(reads(model.sql))),
                touched_sql(model, names),
            )
            for model in of
        )
    finally:
        context.close()
        _forget(folder)
    return Project(fingerprint(of), placed)


def connected(folder: Path, of: tuple[Model, ...], store: Store) -> "Context":
    """A SQLMesh context over the models, its progress bars off."""
    from sqlmesh import Context
    from sqlmesh.core.console import NoopConsole, set_console

    set_console(NoopConsole())
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    return Context(paths=[folder / FOLDER], config=config(folder, of, store))


def config(folder: Path, of: tuple[Model, ...] | None = None, store: Store | None = None) -> "Config":
    """SQLMesh's configuration for a warehouse in `folder`. Sends nothing to anybody."""
    # Before the import: SQLMesh's own switch is read when it is imported.
    os.environ["SQLMESH__DISABLE_ANONYMIZED_ANALYTICS"] = "true"
    from sqlmesh.core.config import Config, GatewayConfig, ModelDefaultsConfig

    from pipelines.warehouse.sqlmesh_loader import DuckDBWithLake, loader_of

    return Config(
        default_gateway="warehouse",
        gateways={
            "warehouse": GatewayConfig(
                connection=DuckDBWithLake.of(folder / WAREHOUSE, store or in_home(folder.parent)),
                state_connection=DuckDBWithLake.of(folder / STATE, None),
            )
        },
        model_defaults=ModelDefaultsConfig(dialect="duckdb", start=BEGINNING, cron="@daily"),
        loader=loader_of(built_models() if of is None else of),
        disable_anonymized_analytics=True,
        cache_dir=str(folder / FOLDER / "cache"),
    )


def _forget(folder: Path) -> None:
    # SQLMesh keeps its adapters by file name, closed ones too.
    from sqlmesh.core.config.connection import BaseDuckDBConnectionConfig

    for file in (WAREHOUSE, STATE):
        BaseDuckDBConnectionConfig._data_file_to_adapter.pop(str(folder / file), None)
