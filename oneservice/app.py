"""The app: `application(service)` puts routers, limits, problems and the audit log together. It opens nothing itself."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oneservice import console, problems
from oneservice.audit import Entry
from oneservice.console.tools import Tools
from oneservice.problems import Problem, ProblemAnswer
from oneservice.routes import health, members, metrics, orders, sql, stock, tables
from oneservice.service import Service

DESCRIPTION = """
Answers from the retail data platform, over HTTP and read-only.

* **Marts** (`/v1/tables`): the published tables, audited and immutable; JSON, CSV or Arrow.
* **Metrics** (`/v1/metrics`): named figures by day, shop and more, with their definition.
* **Live look-ups** (`/v1/stock`, `/v1/orders`, `/v1/members`): what the stream knows now.
* **SQL** (`POST /v1/sql`): one SELECT over everything that your role may see.

Every answer says how old it is (`as_of`, `age_seconds`), and `max_age_seconds` demands a bound. Every error is
`application/problem+json` (RFC 9457) with a `code` for programs and, for people, what to do next.

Get a token from who runs the platform: `zhongtai token add NAME --role analyst`.
"""
TAGS = [
    {"name": "service", "description": "Whether it works."},
    {"name": "marts", "description": "The published tables, as your role may see them. 已发布的数据表"},
    {"name": "metrics", "description": "Named figures with their definitions. 指标"},
    {"name": "live", "description": "What the stream knows now: stock, orders, members. 实时查询"},
    {"name": "sql", "description": "One SELECT, in a process of its own. 即席查询"},
]
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def application(service: Service, tools: Tools = Tools()) -> FastAPI:  # noqa: B008
    """The FastAPI app over what is given. Who serves it also closes what is in `service`.

    `tools` are what the console's pages need of pipelines.
    """
    # FastAPI's own pages of documentation load scripts from a CDN; console/reference.py has one that does not.
    app = FastAPI(
        title="zhongtai OneService",
        version="1",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    for part in (health, tables, metrics, stock, orders, members, sql):
        app.include_router(part.router)
    console.install(app, service, tools)
    problems.install(app)
    app.middleware("http")(_watched(service))
    app.add_middleware(_Bounded, most=service.limits.body_bytes)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=TAGS
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schemas["ProblemAnswer"] = ProblemAnswer.model_json_schema()
        app.openapi_schema = made
    return app.openapi_schema


def _watched(service: Service) -> Callable[[Request, Callable[[Request], Awaitable[Response]]], Awaitable[Response]]:
    """Limits how much runs at once, and writes the audit log of everything that came with a token."""
    room = service.limits.at_once

    async def watched(request: Request, ahead: Callable[[Request], Awaitable[Response]]) -> Response:
        nonlocal room
        if room <= 0:
            return Problem(
                503, "busy", "Too much is asked at once.", "Come again.", headers={"retry-after": "1"}
            ).answer()
        room -= 1
        began, at = time.perf_counter(), service.clock.now()
        try:
            response = await ahead(request)
        finally:
            room += 1
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        known = getattr(request.state, "token", None)
        if known is not None:
            route = request.scope.get("route")
            what = f"{request.method} {getattr(route, 'path', 'nowhere')}"
            rows, query = getattr(request.state, "rows", 0), getattr(request.state, "query", "")
            ms = (time.perf_counter() - began) * 1000
            entry = Entry(at, known.id, known.name, known.role, what, response.status_code, rows, ms, query)
            service.audit.append(entry)
        return response

    return watched


class _Bounded:
    """Refuses bodies that are longer than `most` bytes, whatever their header says."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = dict(scope["headers"]).get(b"content-length", b"")
        if said.isdigit() and int(said[:19]) > self._most:
            await self._too_large()(scope, receive, send)
            return
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return  # the caller is gone
            size += len(message.get("body", b""))
            if size > self._most:
                await self._too_large()(scope, receive, send)
                return
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                break
        whole: Message | None = {"type": "http.request", "body": b"".join(parts), "more_body": False}

        async def again() -> Message:
            nonlocal whole
            given, whole = whole, None
            return given if given is not None else await receive()

        await self._app(scope, again, send)

    def _too_large(self) -> Response:
        wrong = f"The request is longer than {self._most >> 10} KiB."
        return Problem(413, "too_large", wrong, "Send less.").answer()
