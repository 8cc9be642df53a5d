"""`POST /v1/sql`: one SELECT over everything that the caller's role may see, in a process of its own."""

import hashlib
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from contracts.instants import spelt
from oneservice.answers import MEDIA, OTHER_FORMS, Format, json_text
from oneservice.policy import Caller
from oneservice.problems import Problem, documented
from oneservice.routes.mart_answers import headers
from oneservice.sandbox.pool import Answer, Question
from oneservice.service import STRICT, Asking, Service, Shared, counted, demand

router = APIRouter(tags=["sql"], responses=documented(), dependencies=STRICT)


class Asked(BaseModel):
    """A question in SQL."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(
        min_length=1,
        max_length=100_000,
        description="One SELECT in DuckDB's SQL; also FROM …, WITH …, VALUES …, SHOW TABLES, DESCRIBE …, SUMMARIZE ….",
        examples=["SELECT store, sum(sales_cents) AS sales_cents FROM dws_trade_store_1d GROUP BY ALL ORDER BY 2 DESC"],
    )
    format: Format = Field(default=Format.json, description="json, csv, or arrow (an IPC stream).")
    max_rows: int = Field(
        default=10_000, ge=1, le=100_000, description="More rows are cut off, and `truncated` says so."
    )
    max_age_seconds: float | None = Field(
        default=None, ge=0, le=31_536_000, description="Answer only from marts this fresh, else 409 `too_old`."
    )


class AnsweredColumn(BaseModel):
    """A column of the answer."""

    name: str
    type: str = Field(description="DuckDB's type.")


class Answered(BaseModel):
    """The answer. A row is a list, in the order of `columns`."""

    version: int
    as_of: str
    age_seconds: float
    columns: list[AnsweredColumn]
    rows: list[list[Any]]
    row_count: int
    truncated: bool = Field(description="Whether rows beyond `max_rows` were cut off.")


class Reply(NamedTuple):
    """An answer of the process, with the publication that it is of."""

    answer: Answer
    version: int
    as_of: datetime


@router.post(
    "/v1/sql",
    summary="Ask in SQL",
    response_model=Answered,
    responses={
        200: {"content": OTHER_FORMS, "description": "CSV and Arrow have `truncated` in the header zhongtai-truncated."}
    },
)
def sql(service: Shared, caller: Asking, request: Request, asked: Annotated[Asked, Body()]) -> Response:
    """One SELECT over the tables that your role sees (`SHOW TABLES`).

    It runs in a process of its own that can open no file and no connection, with limits of memory, time and size. What
    does not fit is answered with 422: `too_much_memory`, `too_much_time`, `answer_too_large`; what is not one SELECT, with
    `not_one_select`; what DuckDB does not understand, with `sql_error` and DuckDB's own words.
    """
    reply = ask(service, caller, request, asked)
    answer, age = reply.answer, service.age(reply.as_of)
    about = {"version": reply.version, "as_of": spelt(reply.as_of), "age_seconds": age, "truncated": answer.truncated}
    if asked.format is not Format.json:
        return Response(answer.body, 200, headers(about), MEDIA[asked.format])
    told = about | {"columns": answer.columns, "row_count": answer.rows}
    body = json_text(told)[:-1] + b',"rows":' + answer.body + b"}"
    return Response(body, 200, headers(about), MEDIA[asked.format])


def ask(service: Service, caller: Caller, request: Request, asked: Asked) -> Reply:
    """Asks for this caller, counting it for the audit log. Raises `Problem` when there is no answer.

    The one way in which SQL of people is run; the console takes it too.
    """
    request.state.query = hashlib.sha256(asked.query.encode("utf-8", "replace")).hexdigest()[:16]
    file, version = service.publications.file(caller.role)
    as_of = service.publications.as_of(version)
    demand(service, as_of, asked.max_age_seconds)
    answer = service.sql.ask(Question(file, asked.query, asked.format, asked.max_rows))
    if answer.status != "ok":
        raise Problem(422, answer.status, answer.wrong, answer.do)
    counted(request, answer.rows)
    return Reply(answer, version, as_of)
