"""What every page shares: who asks, in which language, under which policy, and how errors look.

A page is a function that returns `view.page("name.html", …)`. The policy of content forbids scripts and styles that are not
files of ours, so no text of a record can become a program.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Annotated, Any
from urllib.parse import quote

import duckdb
import jinja2
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute

from contracts.errors import BadInput, ZhongtaiError
from oneservice.console import spelling, words
from oneservice.policy import Caller
from oneservice.problems import Problem
from oneservice.service import Asking, Service, Shared

HOME = "/console"
SIGN_IN = f"{HOME}/sign-in"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# `same-origin`: with `no-referrer` browsers would not say whence a form was sent, and the service asks (service.py).
HEADERS = {"content-security-policy": POLICY, "referrer-policy": "same-origin"}
# The pages, in the order of the menu: the last part of the address is the name of their words.
MENU = ("overview", "letters", "runs", "sales", "stock", "forecast", "members", "segments", "sql")


def address(page: str) -> str:
    return HOME if page == "overview" else f"{HOME}/{page}"


class View:
    """A request for a page by somebody who is signed in."""

    def __init__(self, request: Request, service: Service, caller: Caller) -> None:
        self.request = request
        self.service = service
        self.caller = caller
        self.language = words.language(request)

    def page(self, template: str, **facts: Any) -> Response:
        """A page with these facts; `status` among them is its HTTP status, 200 unless it says otherwise."""
        return rendered(self.request, template, facts.pop("status", 200), caller=self.caller, **facts)

    def wrong(self, problem: Problem) -> Response:
        return _wrong(self.request, problem)

    def word(self, key: str, **values: object) -> str:
        return words.word(self.language, key, **values)


def _view(request: Request, service: Shared, caller: Asking) -> View:
    return View(request, service, caller)


Viewing = Annotated[View, Depends(_view)]


def rendered(request: Request, template: str, status: int = 200, **facts: Any) -> Response:
    """A page, or a part of one, in the language of who asks."""
    language = words.language(request)

    def word(key: str, **values: object) -> str:
        return words.word(language, key, **values)

    given = {
        "t": word,
        "language": language,
        "other": "en" if language == "zh" else "zh",
        "menu": [(page, address(page)) for page in MENU],
        "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        "page": request.url.path.removeprefix(HOME).strip("/").partition("/")[0] or "overview",
        "caller": None,
        "ago": lambda seconds: spelling.ago(seconds, language),
    }
    return HTMLResponse(_templates().get_template(template).render(given | facts), status, HEADERS)


@cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("oneservice.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": spelling.number,
        "money": spelling.money,
        "amount": spelling.amount,
        "moment": spelling.moment,
        "cell": spelling.cell,
    }
    made.filters["permille"] = spelling.permille
    made.filters["data"] = _data
    return made


def _data(value: object) -> str:
    """JSON, for an attribute: the template escapes it as any text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Page(APIRoute):
    """A route whose errors are pages: who is not signed in comes to the door, anybody else reads what is wrong."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        inner = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                response = await inner(request)
            except Problem as problem:
                response = _at_the_door(request) if problem.status == 401 else _wrong(request, problem)
            except ZhongtaiError as error:
                status = 422 if isinstance(error, BadInput) else 503
                response = _wrong(request, Problem(status, "told", error.wrong, error.do))
            except RequestValidationError:
                response = _wrong(request, Problem(422, "unreadable", "", ""))
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return handled


def router() -> APIRouter:
    """A router for pages; they are no part of the API that /docs describes."""
    return APIRouter(prefix=HOME, route_class=Page, include_in_schema=False)


def _at_the_door(request: Request) -> Response:
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"hx-redirect": SIGN_IN})
    wanted = request.url.path if request.method == "GET" else HOME
    return RedirectResponse(f"{SIGN_IN}?next={quote(wanted)}", 303)


def _wrong(request: Request, problem: Problem) -> Response:
    language = words.language(request)
    known = words.has(f"problem.{problem.code}")
    facts = {
        "wrong": words.word(language, f"problem.{problem.code}") if known else problem.wrong,
        "do": words.word(language, f"problem.{problem.code}.do") if known else problem.do,
    }
    part = bool(request.headers.get("hx-request"))
    template = "part_wrong.html" if part else "wrong.html"
    # htmx shows only what came with 200.
    response = rendered(request, template, 200 if part else problem.status, **facts)
    response.headers.update(problem.headers or {})
    return response


class Marts:
    """One publication, open as the role of who asks sees it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, version: int, age: float) -> None:
        self._con = con
        self.version = version
        self.age = age

    def rows(self, sql: str, values: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """The rows of our own SQL. Raises `Problem` 403 when the role does not see a table or column of it."""
        try:
            result = self._con.execute(sql, dict(values or {}))
        except (duckdb.CatalogException, duckdb.BinderException):
            raise Problem(403, "not_in_role", "", "") from None
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def one(self, sql: str, values: Mapping[str, object] | None = None) -> dict[str, Any]:
        """The first row, or {} when there is none."""
        return next(iter(self.rows(sql, values)), {})

    def sees(self, *tables: str) -> bool:
        found = self._con.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
        return set(tables) <= {name for (name,) in found}
