"""What is expected of a table before it is published, and the one row of measures by which it is judged.

Pure: definitions in, SQL and limits out. The measures are counts and extremes, so judging a table of millions of rows costs one
scan, and no value of a customer can get into a report.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from contracts.errors import BadInput

Number = int | float


class Fresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest value of `column` is at most `hours` older than the publication. Stale data is told, and published."""

    column: str
    hours: int


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What models/expectations.yml says of one table. That keys are there and unique is expected of every table.

    `rows_kept`: the share of the last version's rows that must still be there, or somebody has lost data.
    """

    not_null: tuple[str, ...] = ()
    between: dict[str, tuple[Number | None, Number | None]] = {}
    one_of: dict[str, tuple[str, ...]] = {}
    fresh: Fresh | None = None
    rows_kept: float = 0.2

    def columns(self) -> set[str]:
        """Every column that is named."""
        return {*self.not_null, *self.between, *self.one_of, *([self.fresh.column] if self.fresh else [])}


class Expectation(NamedTuple):
    """`measure` lies within `least` and `most` (None: any). One that is not critical is told and stops nothing."""

    measure: str
    least: Number | None
    most: Number | None
    critical: bool
    en: str
    zh: str


def expected(described: object, shape: Mapping[str, Iterable[str]]) -> dict[str, Expected]:
    """The definitions of a YAML file, checked against the tables that there are. Raises `BadInput` when they do not fit."""
    mend = "Mend models/expectations.yml."
    try:
        found = msgspec.convert(described, dict[str, Expected])
    except msgspec.ValidationError as error:
        raise BadInput(f"The expectations are not defined well: {error}", mend) from None
    for table, wanted in found.items():
        if table not in shape:
            raise BadInput(f"Something is expected of the table {table}, which is not published.", mend)
        for column in sorted(wanted.columns() - set(shape[table])):
            raise BadInput(f"Something is expected of {table}.{column}, which does not exist.", mend)
    return found


def expectations(wanted: Expected, grain: Iterable[str]) -> Iterator[Expectation]:
    """All that is expected of one table, in words too."""
    key = ", ".join(grain)
    if key:
        yield Expectation("keys_missing", None, 0, True, f"Every row has its key ({key}).", f"每行都有主键（{key}）。")
        yield Expectation("keys_repeated", None, 0, True, f"No key ({key}) comes twice.", f"主键（{key}）不重复。")
    share = f"{wanted.rows_kept:.0%}"
    yield Expectation(
        "rows_kept",
        wanted.rows_kept,
        None,
        True,
        f"At least {share} of the rows of the version before are there.",
        f"行数不少于上一版本的 {share}。",
    )
    for column in wanted.not_null:
        yield Expectation(f"{column}_missing", None, 0, True, f"{column} is always there.", f"{column} 不为空。")
    for column, (least, most) in wanted.between.items():
        if least is not None:
            yield Expectation(
                f"{column}_least", least, None, True, f"{column} ≥ {least}.", f"{column} 不小于 {least}。"
            )
        if most is not None:
            yield Expectation(f"{column}_most", None, most, True, f"{column} ≤ {most}.", f"{column} 不大于 {most}。")
    for column, values in wanted.one_of.items():
        words = ", ".join(values)
        yield Expectation(f"{column}_other", None, 0, True, f"{column} is one of {words}.", f"{column} 只取 {words}。")
    if fresh := wanted.fresh:
        yield Expectation(
            f"{fresh.column}_age_hours",
            None,
            fresh.hours,
            False,
            f"The newest {fresh.column} is at most {fresh.hours} hours old.",
            f"最新的 {fresh.column} 不早于 {fresh.hours} 小时前。",
        )


def measures_sql(table: str, wanted: Expected, grain: Iterable[str]) -> str:
    """One row: a column for each measure but `rows_kept`, and `rows`. The one parameter is the time of the publication."""
    keys = [f'"{column}"' for column in grain]
    shown = ["count(*) AS rows"]
    if keys:
        missing, key = " OR ".join(f"{column} IS NULL" for column in keys), ", ".join(keys)
        repeated = f"SELECT 1 FROM {table} GROUP BY {key} HAVING count(*) > 1"  # noqa: S608
        shown += [
            f"count(*) FILTER ({missing}) AS keys_missing",
            f"(SELECT count(*) FROM ({repeated})) AS keys_repeated",  # noqa: S608
        ]
    shown += [f'count(*) FILTER ("{column}" IS NULL) AS "{column}_missing"' for column in wanted.not_null]
    for column in wanted.between:
        shown += [f'min("{column}") AS "{column}_least"', f'max("{column}") AS "{column}_most"']
    for column, values in wanted.one_of.items():
        listed = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
        shown.append(f'count(*) FILTER ("{column}"::VARCHAR NOT IN ({listed})) AS "{column}_other"')
    if fresh := wanted.fresh:
        age = f"date_diff('hour', max(\"{fresh.column}\")::TIMESTAMPTZ, $now::TIMESTAMPTZ)"
        shown.append(f'{age} AS "{fresh.column}_age_hours"')
    else:
        shown.append("$now::TIMESTAMPTZ AS published_at")
    return f"SELECT {', '.join(shown)} FROM {table}"  # noqa: S608
