"""A published home, and the service over it, asked without a socket."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.clock import SystemClock
from connectors.settings import Settings
from oneservice.app import application
from oneservice.opening import opened
from oneservice.service import Service
from pipelines.warehouse.run import run
from tests.warehouse.synthetic import Tape, dead_letters, prepared, quiet, receipts, records, unjudged

ROLES = """
secret: [nid]
roles:
  analyst:
    title: {zh: 分析, en: Analyst}
    layers: [dim, dwd, dws, ads, meta]
    masked: [clerk]
    live: [stock, orders]
  manager:
    title: {zh: 店长, en: Manager}
    tables: [dwd_trade_receipt, dws_trade_store_1d, ads_stock_level]
    rows: {columns: [store, location], values: [S1]}
    live: [stock, orders]
  steward:
    title: {zh: 管理员, en: Steward}
    layers: [meta]
    live: [members]
"""


class World:
    """A service over a home, and a token of each role."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.app = application(service)
        self.tokens = {
            role: service.tokens.add(f"{role}-1", role, timedelta(days=1))[0]
            for role in ("analyst", "manager", "steward", "owner")
        }

    def ask(self, path: str, role: str = "analyst", method: str = "GET", **request: Any) -> httpx.Response:
        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            headers = {"authorization": f"Bearer {self.tokens[role]}"} if role else {}
            headers |= request.pop("headers", {})
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.request(method, path, headers=headers, **request)

        return asyncio.run(one())


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one publication: 300 receipts of the shops S0, S1 and S2, and the files of three roles."""
    home = prepared(tmp_path_factory.mktemp("service"))
    (home / "reference" / "roles.yml").write_text(ROLES, "utf-8")
    run(Settings(home=home), quiet, source=Tape(records(receipts(300), dead_letters(3))), check=unjudged)
    return home


@pytest.fixture(scope="session")
def world(published_home: Path) -> Iterator[World]:
    with opened(Settings(home=published_home), SystemClock(), follow=False) as service:
        yield World(service)
