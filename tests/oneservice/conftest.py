"""A published home, and the service over it, asked without a socket."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.keys import key
from contracts.member_map import MemberOf
from contracts.members import Consent, Profile, Seen, Sums
from contracts.orders import Order, OrderLine, Snapshot
from contracts.receipts import Token
from contracts.stock import Ledger, StockLevel
from contracts.wire import encode
from oneid.identifiers import nid, normalise
from oneservice.app import application
from oneservice.live.view import Change, Run, View
from oneservice.opening import opened
from oneservice.service import Service
from pipelines.warehouse.run import run
from tests.warehouse.synthetic import Tape, dead_letters, prepared, quiet, receipts, records, unjudged

PHONE, MEMBER = "+8613800138000", "M-1"
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)

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


@pytest.fixture(scope="session")
def live(published_home: Path) -> None:
    """A view that holds one product in two shops, one order of each shop and one member."""
    settings = Settings(home=published_home)
    with opened(settings, SystemClock(), follow=False) as service:
        tenant_key = service.tenant_key()
    token = nid(tenant_key, "phone", normalise("phone", PHONE, "CN") or "")
    view = View(published_home / "service" / "live.sqlite")
    records: dict[str, list[tuple[bytes, object, str | None]]] = {
        "state.stock_level": [
            (key("demo", "P1", shop), _level(shop, n), None) for n, shop in enumerate(("S0", "S1", "S2"), start=5)
        ],
        "state.order": [(key("demo", f"O-{shop}"), _order(shop, token), None) for shop in ("S0", "S1")],
        "state.member_map": [
            (key("demo", name), MemberOf(tenant="demo", nid=name, member_id=MEMBER, confidence=97, version=3), MEMBER)
            for name in (token, "card:00")
        ],
        "state.profile": [
            (key("demo", token), Profile(tenant="demo", nid=token, sums=_sums(2)), None),
            (key("demo", "card:00"), Profile(tenant="demo", nid="card:00", sums=_sums(1)), None),
        ],
    }
    for topic, kept in records.items():
        view.begin(topic, "cluster/one")
        view.apply([Run(topic, 0, [Change(own, encode(record), 1, also) for own, record, also in kept], 9)])
        view.complete(topic, NOW)
        view.shown(topic, NOW)
    view.close()


def _level(shop: str, on_hand: int) -> StockLevel:
    ledger = Ledger(damaged=1, incoming=4, counted_at="2026-11-20T08:00:00Z")
    at = "2026-11-22T09:00:00Z"
    return StockLevel(
        tenant="demo", sku="P1", location=shop, on_hand=on_hand, unit="each", movements=3, as_of=at, ledger=ledger
    )


def _order(shop: str, token: str) -> Order:
    line = OrderLine(line=1, source_line="1", sold=1, sku="P1", quantity=2, unit="each", amount_cents=900)
    snapshot = Snapshot(
        version="1", rank=1, number="7", placed_at="2026-11-22T09:00:00Z", payment="paid", currency="CNY", total_cents=900,
        shipping_cents=0, tax_cents=0, other_cents=0, lines=(line,), identifiers=(Token("phone", token, "CIPHERTEXT"),),
    )  # fmt: skip
    return Order(
        tenant="demo", order_id=f"O-{shop}", channel="pos", source="till", shop=shop, snapshot=snapshot, state="completed",
        payment="paid", currency="CNY", total_cents=900, number="7", placed_at="2026-11-22T09:00:00Z",
    )  # fmt: skip


def _sums(orders: int) -> Sums:
    return Sums(
        orders=orders,
        visits=orders,
        spend={"CNY": 900 * orders},
        channels={"pos": Seen(1_700_000_000, 1_760_000_000)},
        consents={"marketing": Consent(1_760_000_000, True, "app")},
    )
