"""Problems: every answer that is not the one asked for, in the form of RFC 9457 (`application/problem+json`).

`code` is for programs and stays the same, `title` says what is wrong and `detail` what to do next. None repeats a value that
the caller sent: it may be a phone number.
"""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from contracts.errors import BadInput, NotReady, ZhongtaiError

log = logging.getLogger(__name__)

MEDIA = "application/problem+json"
STATUSES: dict[int, str] = {
    400: "The request cannot be read at all.",
    401: "There is no token, or it is not known, was revoked or has expired.",
    403: "The token's role may not do this.",
    404: "There is nothing of this name or id, or the role may not see it.",
    405: "The address exists, and takes another method (see the header Allow).",
    409: "What there is, is older than `max_age_seconds` allows. The header Retry-After says when to come again.",
    410: "The pages belong to a publication that is gone. Begin again without `after`.",
    413: "The request or its answer is too large.",
    422: "The request can be read, and cannot be answered as it is put.",
    429: "Too many requests. The header Retry-After says when to come again.",
    503: "What is needed does not answer, or is not there yet.",
}
CODES = {400: "unreadable", 404: "not_found", 405: "method_not_allowed"}


class ProblemAnswer(BaseModel):
    """What is wrong and what to do."""

    type: str = Field(description="A name for this kind of problem: `urn:zhongtai:problem:<code>`.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    code: str = Field(description="For programs. It stays the same from release to release.")
    title: str = Field(description="What is wrong.")
    detail: str = Field(description="What to do next.")
    places: list[str] = Field(default=[], description="Where in the request, if anywhere: `query.limit`.")
    as_of: str | None = Field(default=None, description="With `too_old`: the moment that could be answered for.")
    age_seconds: float | None = Field(default=None, description="With `too_old`: how old that is.")


class Problem(Exception):
    """Raised by an endpoint; the caller gets it as `ProblemAnswer`."""

    def __init__(
        self,
        status: int,
        code: str,
        wrong: str,
        do: str,
        *,
        headers: Mapping[str, str] | None = None,
        places: Sequence[str] = (),
        **more: Any,
    ) -> None:
        super().__init__(wrong)
        self.status, self.code, self.wrong, self.do = status, code, wrong, do
        self.headers = headers
        self.more = {"places": list(places), **more}

    def answer(self) -> JSONResponse:
        said = ProblemAnswer(
            type=f"urn:zhongtai:problem:{self.code}",
            status=self.status,
            code=self.code,
            title=self.wrong,
            detail=self.do,
            **self.more,
        )
        return JSONResponse(said.model_dump(exclude_none=True), self.status, self.headers, MEDIA)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These problems for the OpenAPI of an operation (none named: all)."""
    return {
        status: {
            "description": STATUSES[status],
            "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}},
        }
        for status in statuses or STATUSES
    }


def install(app: FastAPI) -> None:
    """Every error of the app becomes a problem, those that the framework raises included."""

    @app.exception_handler(Problem)
    def ours(_: Request, problem: Problem) -> JSONResponse:
        return problem.answer()

    @app.exception_handler(ZhongtaiError)
    def told(_: Request, error: ZhongtaiError) -> JSONResponse:
        if isinstance(error, BadInput):
            return Problem(422, "bad_input", error.wrong, error.do).answer()
        if isinstance(error, NotReady):
            return Problem(503, "not_ready", error.wrong, error.do, headers={"retry-after": "5"}).answer()
        log.error("what is stored cannot be trusted: %s", error.wrong)
        return Problem(
            503, "corrupt", "What is stored cannot be trusted.", "The log of the service says more."
        ).answer()

    @app.exception_handler(sqlite3.Error)
    @app.exception_handler(duckdb.Error)
    def unreadable(_: Request, error: Exception) -> JSONResponse:
        log.error("what is stored cannot be read: %s", type(error).__name__)
        do = "Ask again; if it stays, see /healthz and the log of the service."
        return Problem(
            503, "not_ready", "What is stored cannot be read now.", do, headers={"retry-after": "5"}
        ).answer()

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # The values stand in the errors too; they are left out.
        places = sorted({".".join(str(part) for part in one["loc"] if isinstance(part, str)) for one in error.errors()})
        said = "; ".join(dict.fromkeys(str(one["msg"]) for one in error.errors() if one["type"] != "value_error"))
        wrong = "The request does not have the form that /openapi.json describes."
        return Problem(422, "invalid", wrong, said or "Compare it with /docs.", places=places).answer()

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> JSONResponse:
        code = CODES.get(error.status_code, "http_error")
        wrong = STATUSES.get(error.status_code, "The request cannot be answered.")
        do = "See /docs for what there is."
        return Problem(error.status_code, code, wrong, do, headers=error.headers).answer()

    @app.exception_handler(Exception)
    def ours_alone(_: Request, __: Exception) -> JSONResponse:
        # The server's log has the traceback; it may hold values, so the answer says nothing of it.
        wrong = "This is a mistake of ours."
        return Problem(500, "internal", wrong, "Ask again; if it stays, tell who runs the platform the time.").answer()
