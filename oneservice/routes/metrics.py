"""`/v1/metrics`: named figures with their definition, cut by day, shop and more."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from oneservice.answers import OTHER_FORMS, Format
from oneservice.metric_list import Metric, metric_sql, metrics, seen
from oneservice.problems import Problem, documented
from oneservice.publication import Opened
from oneservice.routes.mart_answers import about, formed, headers
from oneservice.routes.tables import MOST_ROWS, Where, Words, filtering, shapes, where_sql
from oneservice.service import STRICT, Asking, MaxAge, Shared, counted, demand

router = APIRouter(tags=["metrics"], responses=documented(), dependencies=STRICT)
Name = Annotated[str, Path(max_length=100, description="A metric's name.", examples=["sales"])]


class MetricAbout(BaseModel):
    """What a figure means."""

    name: str
    title: Words
    calibre: Words = Field(description="What is counted, and what is not. 口径")
    unit: str = Field(description="`cent` is a minor unit of the currency.")
    table: str = Field(description="The published table that it is made from.")
    by: list[str] = Field(description="What it can be cut by.")
    always_by: list[str] = Field(description="What it is always cut by, because it cannot be added over it.")


class Metrics(BaseModel):
    """The metrics that your role sees."""

    version: int
    as_of: str
    age_seconds: float
    metrics: list[MetricAbout]


class MetricRows(MetricAbout):
    """A figure, a row for each cut: the cuts by name, and `value`."""

    version: int
    as_of: str
    age_seconds: float
    rows: list[dict[str, Any]]
    truncated: bool = Field(description="Whether rows beyond `limit` were cut off.")


@router.get("/v1/metrics", summary="Which metrics are there?", response_model=Metrics)
def metric_list(service: Shared, caller: Asking, request: Request, max_age_seconds: MaxAge = None) -> Metrics:
    """Every metric that your role sees, with its definition (口径) in Chinese and English."""
    with service.publications.opened(caller.role) as opened:
        demand(service, opened.as_of, max_age_seconds)
        found = _seen(opened)
        counted(request, len(found))
        return Metrics(**about(service, opened), metrics=[_about(name, one) for name, one in found.items()])


@router.get(
    "/v1/metrics/{name}",
    summary="How much?",
    response_model=MetricRows,
    responses={200: {"content": OTHER_FORMS, "description": "CSV and Arrow have `truncated` in zhongtai-truncated."}},
)
def metric(
    service: Shared,
    caller: Asking,
    request: Request,
    name: Name,
    by: Annotated[
        list[str], Query(max_length=8, description="Cut by these; see `by` of the metric. `day` is its day.")
    ] = [],  # noqa: B006
    from_: Annotated[date | None, Query(alias="from", description="The first day.", examples=["2026-11-01"])] = None,
    to: Annotated[date | None, Query(description="The last day.", examples=["2026-11-22"])] = None,
    where: Where = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="Rows of the answer.")] = 1_000,
    format: Annotated[Format, Query(description="json, csv, or arrow (an IPC stream).")] = Format.json,
    max_age_seconds: MaxAge = None,
) -> Response:
    """A figure from the published tables: of all days and shops, or cut `by` some of its dimensions.

    `/v1/metrics/sales?by=day&by=store&from=2026-11-01`
    """
    with service.publications.opened(caller.role) as opened:
        demand(service, opened.as_of, max_age_seconds)
        one = _one(opened, name)
        _check(one, by, from_, to)
        conditions, values = where_sql(where, shapes(opened)[one.table])
        sql, days = metric_sql(one, by, conditions, from_, to)
        with filtering():
            result = opened.con.execute(sql, [*days, *values, limit + 1])
            table = result.to_arrow_table()
        kept = table.slice(0, limit)
        counted(request, kept.num_rows)
        said = about(service, opened) | {"truncated": table.num_rows > limit}
    return formed(kept, format, {**_about(name, one).model_dump(), **said}, headers(said))


def _seen(opened: Opened) -> dict[str, Metric]:
    known = shapes(opened)
    return {name: one for name, one in metrics().items() if one.table in known and seen(known[one.table], one)}


def _one(opened: Opened, name: str) -> Metric:
    found = _seen(opened)
    if name not in found:
        do = f"Metrics: {', '.join(found) or 'none'}."
        raise Problem(404, "no_such_metric", "Your role sees no metric of that name.", do)
    return found[name]


def _check(one: Metric, by: list[str], first: date | None, last: date | None) -> None:
    if not set(by) <= set(one.cuts):
        do = f"It can be cut by {', '.join(one.cuts) or 'nothing'}."
        raise Problem(404, "no_such_dimension", "The metric cannot be cut by that.", do, places=["query.by"])
    if (first or last) and not one.day:
        do = "It is a figure as of the publication: leave out from and to."
        raise Problem(404, "no_such_dimension", "The metric has no day.", do, places=["query.from"])


def _about(name: str, one: Metric) -> MetricAbout:
    return MetricAbout(
        name=name,
        title=Words(zh=one.title.zh, en=one.title.en),
        calibre=Words(zh=one.calibre.zh, en=one.calibre.en),
        unit=one.unit,
        table=one.table,
        by=list(one.cuts),
        always_by=list(one.always),
    )
