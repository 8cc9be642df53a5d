"""`/v1/tables`: the published tables, as the caller's role may see them, a page at a time."""

import base64
import binascii
import re
from typing import Annotated, Any, NamedTuple

import duckdb
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from onedata.catalogue import Table
from oneservice.answers import OTHER_FORMS, Format
from oneservice.catalogue import described
from oneservice.problems import Problem, documented
from oneservice.publication import Opened
from oneservice.routes.mart_answers import about, formed, headers
from oneservice.service import STRICT, Asking, MaxAge, Shared, counted, demand

router = APIRouter(tags=["marts"], responses=documented(), dependencies=STRICT)

MOST_ROWS = 10_000
OPERATORS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_AFTER = re.compile(r"(\d{1,15})\.(\d{1,18})")

Name = Annotated[str, Path(description="A table's name.", max_length=100, examples=["dws_trade_store_1d"])]
Condition = Annotated[str, StringConstraints(max_length=500, pattern=r"^[A-Za-z0-9_]{1,100}:(eq|ne|lt|le|gt|ge):")]
Where = Annotated[
    list[Condition],
    Query(
        description="`column:operator:value`, with eq, ne, lt, le, gt or ge. Several must all hold.",
        examples=[["store:eq:S0367", "business_date:ge:2026-11-01"]],
        max_length=20,
    ),
]


class Words(BaseModel):
    """The same in Chinese and in English."""

    zh: str
    en: str


class Column(BaseModel):
    """A column of a table."""

    name: str
    type: str = Field(description="DuckDB's type.")
    title: Words = Field(description="What it means. Money is in minor units, quantities are in base units.")


class TableEntry(BaseModel):
    """A table in the list."""

    name: str
    layer: str = Field(description="dim, dwd, dws, ads or meta.")
    title: Words
    rows: int = Field(description="How many rows your role can see.")


class Tables(BaseModel):
    """The tables of one publication that your role can see."""

    version: int = Field(description="The publication.")
    as_of: str = Field(description="When the last run began that looked for something new: all until then is in it.")
    age_seconds: float
    tables: list[TableEntry]


class TableDetail(TableEntry):
    """A table and its columns."""

    version: int
    as_of: str
    age_seconds: float
    owner: str
    key: list[str] = Field(description="The columns that tell its rows apart.")
    columns: list[Column]


class Rows(BaseModel):
    """A page of a table. `next` is null on the last one."""

    table: str
    version: int
    as_of: str
    age_seconds: float
    rows: list[dict[str, Any]]
    next: str | None = Field(description="Give it as `after` for the next page, which is of the same publication.")


@router.get("/v1/tables", summary="Which tables are there?", response_model=Tables)
def tables(service: Shared, caller: Asking, request: Request, max_age_seconds: MaxAge = None) -> Tables:
    """The published tables that your role can see, in the order of the layers: 维度 dim, 明细 dwd, 汇总 dws, 应用 ads, meta."""
    with service.publications.opened(caller.role) as opened:
        demand(service, opened.as_of, max_age_seconds)
        found = [_entry(opened, name) for name in shapes(opened)]
        counted(request, len(found))
        return Tables(**about(service, opened), tables=found)


@router.get("/v1/tables/{name}", summary="What is in a table?", response_model=TableDetail)
def table(service: Shared, caller: Asking, name: Name, max_age_seconds: MaxAge = None) -> TableDetail:
    """A table's columns with their meaning in Chinese and English, its key and who answers for it."""
    with service.publications.opened(caller.role) as opened:
        demand(service, opened.as_of, max_age_seconds)
        shape = shape_of(opened, name)
        known = described().get(name)
        return TableDetail(
            **_entry(opened, name).model_dump(),
            **about(service, opened),
            owner=known.owner if known else "",
            key=[column for column in known.grain if column in shape] if known else [],
            columns=[Column(name=c, type=kind, title=_words(known, c)) for c, kind in shape.items()],
        )


@router.get(
    "/v1/tables/{name}/rows",
    summary="Read a table",
    response_model=Rows,
    responses={
        200: {"content": OTHER_FORMS, "description": "A page. CSV and Arrow have `next` in the header zhongtai-next."}
    },
)
def rows(
    service: Shared,
    caller: Asking,
    request: Request,
    name: Name,
    where: Where = [],  # noqa: B006  FastAPI copies it
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="Rows of a page.")] = 100,
    after: Annotated[str | None, Query(max_length=100, description="`next` of the page before.")] = None,
    format: Annotated[Format, Query(description="json, csv, or arrow (an IPC stream).")] = Format.json,
    max_age_seconds: MaxAge = None,
) -> Response:
    """Rows of a table, a page at a time, in the order of the file.

    All pages are of one publication, whatever is published meanwhile: `next` names it. When it is gone (three
    publications later) the answer is 410, and you begin again.
    """
    page = _page(after)
    with service.publications.opened(caller.role, page.version) as opened:
        demand(service, opened.as_of, max_age_seconds)
        conditions, values = where_sql(where, shape_of(opened, name))
        # Ordered by where a row lies in the file, which never changes: that is a key that every table has.
        # Names come from the file itself, values are bound. One row more tells whether there is a next page.
        sql = f'SELECT rowid AS _row, * FROM "{name}" WHERE rowid > ?{conditions} ORDER BY rowid LIMIT ?'  # noqa: S608
        with filtering():
            found = opened.con.execute(sql, [page.row, *values, limit + 1]).to_arrow_table()
        kept = found.slice(0, limit)
        last = kept["_row"][-1].as_py() if found.num_rows > limit else None
        counted(request, kept.num_rows)
        said = about(service, opened) | {"next": None if last is None else _spelt(opened.version, last)}
    return formed(kept.drop_columns("_row"), format, {"table": name, **said}, headers(said))


class _Page(NamedTuple):
    version: int | None
    row: int


def _page(after: str | None) -> _Page:
    """Where a page begins. What we did not write ourselves is refused."""
    if after is None:
        return _Page(None, -1)
    try:
        match = _AFTER.fullmatch(base64.urlsafe_b64decode(after.encode()).decode("ascii"))
    except (binascii.Error, ValueError):
        match = None
    if match is None:
        raise Problem(
            404, "no_such_page", "`after` is not what an answer gave as `next`.", "Begin again without `after`."
        )
    return _Page(int(match[1]), int(match[2]))


def _spelt(version: int, row: int) -> str:
    return base64.urlsafe_b64encode(f"{version}.{row}".encode()).decode()


def shapes(opened: Opened) -> dict[str, dict[str, str]]:
    """The tables of an open file, in the order of the layers: name → column → type."""
    found: dict[str, dict[str, str]] = {}
    for name, column, kind in opened.con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal"
        " AND database_name = current_database() ORDER BY table_name, column_index"
    ).fetchall():
        found.setdefault(name, {})[column] = kind
    order = list(described())
    return dict(sorted(found.items(), key=lambda one: (order.index(one[0]) if one[0] in order else len(order), one[0])))


def shape_of(opened: Opened, name: str) -> dict[str, str]:
    """The columns of a table. Raises `Problem` 404 for one that the file does not have."""
    known = shapes(opened)
    if name not in known:
        raise Problem(404, "no_such_table", "Your role sees no table of that name.", f"Tables: {', '.join(known)}.")
    return known[name]


def where_sql(where: list[str], shape: dict[str, str]) -> tuple[str, list[str]]:
    """The conditions (of the form of `Condition`), each beginning with AND, and their values. Raises `Problem` 404."""
    parts, values = [], []
    for condition in where:
        column, _, rest = condition.partition(":")
        operator, _, value = rest.partition(":")
        if column not in shape:
            do = f"Columns: {', '.join(shape)}. A condition is column:operator:value."
            raise Problem(404, "no_such_column", "There is no such column.", do, places=["query.where"])
        parts.append(f' AND "{column}" {OPERATORS[operator]} CAST(? AS {shape[column]})')
        values.append(value)
    return "".join(parts), values


class filtering:
    """Turns what DuckDB says of a value that does not fit its column into a `Problem`, without the value."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, duckdb.Error) and not isinstance(error, duckdb.FatalException | duckdb.InternalException):
            do = "Dates are YYYY-MM-DD, moments RFC 3339, numbers without separators."
            raise Problem(
                422, "bad_value", "A value does not fit its column's type.", do, places=["query.where"]
            ) from None


def _entry(opened: Opened, name: str) -> TableEntry:
    about = described().get(name)
    title = Words(zh=about.title.zh, en=about.title.en) if about else Words(zh=name, en=name)
    row = opened.con.execute(f'SELECT count(*) FROM "{name}"').fetchone()  # noqa: S608  a name that the file told us
    return TableEntry(name=name, layer=name.split("_", maxsplit=1)[0], title=title, rows=row[0] if row else 0)


def _words(about: Table | None, column: str) -> Words:
    words = about.columns.get(column) if about else None
    return Words(zh=words.zh, en=words.en) if words else Words(zh=column, en=column)
