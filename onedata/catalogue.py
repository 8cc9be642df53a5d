"""The catalogue of tables: what each holds, at which grain, in both languages. Pure: values in, values and text out."""

from collections.abc import Iterable, Mapping

import msgspec

from contracts.errors import BadInput

# Layers in the order in which they are built: a table may read tables of earlier layers only.
LAYERS: dict[str, tuple[str, str]] = {
    "ods": ("贴源层", "as received"),
    "dim": ("维度层", "dimensions"),
    "dwd": ("明细层", "detail"),
    "dws": ("汇总层", "summaries"),
    "ads": ("应用层", "for applications"),
    "meta": ("元数据", "about the publication itself"),
}


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same thing said in Chinese and in English. Neither may be empty."""

    zh: str
    en: str

    def __post_init__(self) -> None:
        if not self.zh.strip() or not self.en.strip():
            raise ValueError("zh and en must both be written")


class Column(Words, frozen=True, forbid_unknown_fields=True):
    type: str


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table as its .yml describes it. `grain` names the columns that tell its rows apart.

    `topic`: of `ods` only, the topic that it shows. `time`: the column whose days are built one by one, so that a late
    fact builds its own day again and no other; a table without it is built whole. `window`: how many days, its own
    among them, a row of such a table looks back in the tables that it reads.
    """

    title: Words
    grain: tuple[str, ...]
    owner: str
    columns: dict[str, Column]
    topic: str = ""
    time: str = ""
    window: int = 1

    def __post_init__(self) -> None:
        if not self.grain or not set(self.grain) <= set(self.columns):
            raise ValueError("the grain must name columns of the table")
        if self.time and self.time not in self.columns:
            raise ValueError("the time must be a column of the table")
        if self.window < 1:
            raise ValueError("the window is at least the day itself")


def table(name: str, described: Mapping[str, object]) -> Table:
    """The description of one table. Raises `BadInput` when something is missing, misspelt or empty."""
    try:
        return msgspec.convert(described, Table)
    except msgspec.ValidationError as error:
        raise BadInput(f"The description of table {name} is incomplete: {error}", f"Mend models/*/{name}.yml") from None


def catalogue_markdown(tables: Mapping[str, Mapping[str, Table]], grains: Mapping[str, str]) -> str:
    """docs/tables.md: `tables` by layer and name; `grains` gives each table's grain in words."""
    parts = [
        "# Tables",
        "",
        "Generated from `models/` by `make docs`; `make check` compares. "
        "Money is in minor units (`…_cents`), quantities are in base units, times are UTC.",
        'Tables of the layer `ods` stay in the warehouse; all others are published: `zhongtai sql "SHOW TABLES"`.',
        "",
    ]
    for layer, (zh, en) in LAYERS.items():
        parts += [f"## {layer}: {en} / {zh}", ""]
        for name, described in tables.get(layer, {}).items():
            parts += _table_markdown(name, described, grains[name])
    return "\n".join(parts)


def _table_markdown(name: str, described: Table, grain: str) -> Iterable[str]:
    yield from (f"### {name}", "", f"{described.title.en} / {described.title.zh}. {grain}", "")
    yield from (f"Key: {', '.join(f'`{c}`' for c in described.grain)} · owner: {described.owner}", "")
    yield from ("| column | type | meaning | 含义 |", "|---|---|---|---|")
    for column, words in described.columns.items():
        yield f"| `{column}` | {words.type} | {words.en} | {words.zh} |"
    yield ""
