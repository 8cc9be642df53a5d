"""The metrics that can be asked for (`metrics.yml`), and the SQL of a question. Pure, but for reading the file once."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files

import msgspec

from contracts.errors import Corrupt
from onedata.catalogue import Words

DAY = "day"


class Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named figure over one published table. `measure` is an aggregate in DuckDB's SQL.

    It can be cut by `dimensions`, and by `day` when it has one; it is always cut by `always`, over which it cannot be added.
    """

    title: Words
    calibre: Words
    table: str
    measure: str
    unit: str
    dimensions: tuple[str, ...]
    day: str = ""
    always: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not set(self.always) <= set(self.dimensions):
            raise ValueError("`always` must be among the dimensions")

    @property
    def cuts(self) -> tuple[str, ...]:
        """What `by` may name."""
        return (*self.dimensions, *((DAY,) if self.day else ()))


@cache
def metrics() -> dict[str, Metric]:
    """Every metric by name."""
    from ruamel.yaml import YAML

    text = (files("oneservice") / "metrics.yml").read_text("utf-8")
    try:
        return msgspec.convert(YAML(typ="safe").load(text), dict[str, Metric])
    except msgspec.ValidationError as error:
        raise Corrupt(f"oneservice/metrics.yml is not what it should be: {error}", "Reinstall zhongtai.") from None


def metric_sql(
    metric: Metric, by: Sequence[str], conditions: str, first: date | None, last: date | None
) -> tuple[str, list[date]]:
    """The question, and the values of its first placeholders: those of `conditions` and of the limit come after.

    `by` are names of `cuts`, each once; `conditions` begin with AND and are of columns of the table.
    """
    cuts = [*dict.fromkeys((*by, *metric.always))]
    columns = [f'"{metric.day if cut == DAY else cut}"' for cut in cuts]
    shown = [f'{column} AS "{cut}"' for column, cut in zip(columns, cuts, strict=True)]
    bounds = [(f' AND "{metric.day}" {sign} ?', day) for sign, day in ((">=", first), ("<=", last)) if day]
    grouped = f" GROUP BY {', '.join(columns)} ORDER BY {', '.join(columns)}" if columns else ""
    sql = (
        # Always a whole number: cents, pieces, receipts.
        f"SELECT {', '.join([*shown, f'({metric.measure})::BIGINT AS value'])} "  # noqa: S608
        f'FROM "{metric.table}" WHERE true{"".join(bound for bound, _ in bounds)}{conditions}{grouped} LIMIT ?'
    )
    return sql, [day for _, day in bounds]


def seen(shape: Mapping[str, object], metric: Metric) -> bool:
    """Whether a role's table has all that the metric is cut by."""
    return {*metric.dimensions, *((metric.day,) if metric.day else ())} <= set(shape)
