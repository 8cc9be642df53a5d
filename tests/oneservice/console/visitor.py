"""Asks the console without a socket, as a browser would: with cookies, and saying whence a form was sent."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx

from oneservice.app import application
from oneservice.console.tools import Tools
from oneservice.service import COOKIE, Service

HOST = "http://here"
NONE = Tools()
_APPS: dict[tuple[int, int], Any] = {}


class Visitor:
    """Somebody's browser: signed in with a token of a role, or ("") at the door."""

    def __init__(self, service: Service, role: str = "owner", tools: Tools = NONE) -> None:
        # An app takes a quarter of a second to make: those of equal makings share one.
        self.app = _APPS.setdefault((id(service), id(tools)), None) or application(service, tools)
        _APPS[id(service), id(tools)] = self.app
        self.token = service.tokens.add(f"{role}-1", role, timedelta(days=1))[0] if role else ""
        self.cookies = {COOKIE: self.token} if role else {}

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._ask("GET", path, headers)

    def post(self, path: str, origin: str = HOST, **form: str) -> httpx.Response:
        return self._ask("POST", path, {"origin": origin}, data=form)

    def _ask(self, method: str, path: str, headers: dict[str, str], **request: Any) -> httpx.Response:
        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=HOST, cookies=self.cookies) as client:
                return await client.request(method, f"/console{path}", headers=headers, **request)

        return asyncio.run(one())
