"""Reads the folder `models/`: the SQL of each table and its description."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from contracts.errors import Corrupt
from onedata.catalogue import LAYERS, Table, table


class Model(NamedTuple):
    """One table: `sql` is its SELECT, plain SQL without macros."""

    layer: str
    name: str
    sql: str
    described: Table

    @property
    def grain(self) -> str:
        """The grain in words: the comment that opens the SQL."""
        return opening(self.sql)


@cache
def models() -> tuple[Model, ...]:
    """Every model, in the order in which they can be built."""
    return tuple(
        Model(layer, name, text, table(name, _yaml(files("models") / layer / f"{name}.yml")))
        for layer in LAYERS
        for name, text in _sql_files(layer)
    )


@cache
def audits() -> dict[str, str]:
    """Every audit by name: a SELECT that finds the rows that break its opening comment."""
    return dict(_sql_files("audits"))


def opening(sql: str) -> str:
    """The first sentence or sentences of a file: its opening comment, on one line."""
    lines = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


def _sql_files(layer: str) -> list[tuple[str, str]]:
    found = [
        (f.name.removesuffix(".sql"), f.read_text("utf-8"))
        for f in (files("models") / layer).iterdir()
        if f.name.endswith(".sql")
    ]
    return sorted(found)


def _yaml(file: Traversable) -> dict[str, object]:
    from ruamel.yaml import YAML  # 0.1 s that only the run and the documentation need

    if not file.is_file():
        raise Corrupt(f"{file.name} is missing from models/.", "Reinstall zhongtai, or describe the table.")
    described: dict[str, object] = YAML(typ="safe").load(file.read_text("utf-8"))
    return described
