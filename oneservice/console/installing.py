"""Puts the console into the app: its pages, its files, and what it keeps between requests."""

from dataclasses import dataclass
from importlib.resources import files

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from oneservice.console import door, lost, reference
from oneservice.console.door import Links
from oneservice.console.history import History
from oneservice.console.mending import Letters
from oneservice.console.page import HOME
from oneservice.console.pages import forecast, letters, members, overview, runs, sales, segments, sql, stock
from oneservice.console.tools import Tools
from oneservice.console.watch import Watch
from oneservice.service import Service


@dataclass
class Console:
    """What the console keeps between requests."""

    links: Links
    watch: Watch
    history: History
    letters: Letters
    tools: Tools


class _Files(StaticFiles):
    """Files whose names change with what is in them, or that are asked for again each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "max-age=31536000, immutable" if "-" in path else "no-cache"
        return response


def install(app: FastAPI, service: Service, tools: Tools) -> None:
    """Adds the pages under /console, leads / there, and explains the API at /docs."""
    dead = Letters(service.settings, service.clock)
    app.state.console = Console(
        links=Links(service.clock),
        watch=Watch(service.settings, service.clock, dead),
        history=History(service.settings.home, service.clock),
        letters=dead,
        tools=tools,
    )
    app.mount(f"{HOME}/static", _Files(directory=str(files("oneservice.console") / "static")))
    app.include_router(door.doors)
    for page in (overview, letters, runs, sales, stock, forecast, members, segments, sql):
        app.include_router(page.pages)
    app.include_router(lost.pages)
    app.include_router(reference.pages)
    app.add_api_route("/", lambda: RedirectResponse(HOME), include_in_schema=False)


def link(app: FastAPI) -> str:
    """The path of a link that opens the console once."""
    console: Console = app.state.console
    return console.links.make()
