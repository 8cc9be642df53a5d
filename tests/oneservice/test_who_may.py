"""Who may ask what: tokens, roles, limits; and what the audit log says of it. Every refusal is a problem of RFC 9457."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.errors import BadInput
from oneservice.app import application
from oneservice.limits import Buckets, Limits
from oneservice.opening import opened
from oneservice.service import COOKIE
from oneservice.tokens import Tokens
from tests.oneservice.conftest import MEMBER, World

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[Tokens]:
    made = Tokens(tmp_path, "demo", Clock())
    yield made
    made.close()


def test_a_token_is_good_until_it_expires_or_is_revoked(tmp_path: Path) -> None:
    clock = Clock()
    tokens = Tokens(tmp_path, "demo", clock)
    token, kept = tokens.add("ann", "analyst", timedelta(hours=1))
    other, second = tokens.add("bob", "analyst", timedelta(hours=2))
    assert tokens.holder(token) == kept
    clock.at += timedelta(hours=1)
    assert tokens.holder(token) is None
    assert tokens.holder(other) == second
    assert tokens.revoke(second.id)
    assert not tokens.revoke(second.id)
    assert tokens.holder(other) is None


def test_no_file_holds_a_token(tmp_path: Path, tokens: Tokens) -> None:
    token, _ = tokens.add("ann", "analyst", timedelta(hours=1))
    secret = token.split("_", 2)[2].encode()
    assert all(secret not in path.read_bytes() for path in (tmp_path / "service").iterdir())
    assert (tmp_path / "service" / "tokens.sqlite").stat().st_mode & 0o077 == 0


def test_what_is_not_exactly_a_token_opens_nothing(tokens: Tokens) -> None:
    token, kept = tokens.add("ann", "analyst", timedelta(hours=1))
    other, _ = tokens.add("bob", "owner", timedelta(hours=1))
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    for wrong in (
        "",
        "zt_",
        token[:-1],
        token + "A",
        changed,
        token.upper(),
        f"zt_{kept.id}_" + other.split("_", 2)[2],
    ):
        assert tokens.holder(wrong) is None


def test_tokens_of_another_tenant_open_nothing(tmp_path: Path, tokens: Tokens) -> None:
    token, kept = tokens.add("ann", "analyst", timedelta(hours=1))
    others = Tokens(tmp_path, "other", Clock())
    assert others.holder(token) is None
    assert others.list() == []
    assert not others.revoke(kept.id)


@pytest.mark.parametrize(("name", "lasts"), [("", 1), ("a b", 1), ("ann", 0), ("ann", 9_000)])
def test_a_name_or_a_length_that_will_not_do_is_refused(tokens: Tokens, name: str, lasts: int) -> None:
    with pytest.raises(BadInput):
        tokens.add(name, "analyst", timedelta(hours=lasts))


def test_live_look_ups_give_the_role_its_rows_and_say_how_old_they_are(world: World, live: None) -> None:
    told = world.ask("/v1/stock/P1").json()
    assert [(one["location"], one["on_hand"]) for one in told["locations"]] == [("S0", 5), ("S1", 6), ("S2", 7)]
    assert (told["on_hand"], told["locations"][0]["incoming"]) == (18, 4)
    assert told["as_of"] == "2026-11-22T10:00:00Z"
    assert told["age_seconds"] > 0
    assert told["position"]["topic"] == "state.stock_level"
    mine = world.ask("/v1/stock/P1", "manager").json()
    assert [one["location"] for one in mine["locations"]] == ["S1"]
    assert world.ask("/v1/stock/P1/S1", "manager").json()["level"]["on_hand"] == 6
    assert world.ask("/v1/stock/P1/S0", "manager").status_code == 404
    assert world.ask("/v1/stock/P9").json()["code"] == "no_such_stock"


def test_an_order_says_nothing_of_whose_it_is(world: World, live: None) -> None:
    answer = world.ask("/v1/orders/O-S1", "manager")
    told = answer.json()
    assert (told["state"], told["total_cents"], told["identified"]) == ("completed", 900, True)
    assert told["lines"] == [
        {"line": 1, "sku": "P1", "quantity": 2, "unit": "each", "amount_cents": 900, "discount_cents": 0, "bundle": ""}
    ]
    assert "CIPHERTEXT" not in answer.text
    assert "phone:" not in answer.text
    assert world.ask("/v1/orders/O-S0", "manager").status_code == 404
    assert world.ask("/v1/orders/O-S0", "analyst").status_code == 200


@pytest.mark.parametrize("spelt", ["13800138000", "+86 138 0013 8000", "(138)0013-8000"])
def test_a_member_is_found_by_an_identifier_in_the_body(world: World, live: None, spelt: str) -> None:
    answer = world.ask("/v1/members/find", "steward", "POST", json={"type": "phone", "value": spelt})
    told = answer.json()
    assert (told["member_id"], told["confidence"]) == (MEMBER, 97)
    assert sorted(one["type"] for one in told["identifiers"]) == ["card", "phone"]
    assert told["profile"]["orders"] == 3
    assert told["profile"]["spend_cents"] == {"CNY": 2700}
    assert told["profile"]["consents"]["marketing"]["given"] is False
    assert told == world.ask(f"/v1/members/{MEMBER}", "steward").json() | {"confidence": 97} | {
        "age_seconds": told["age_seconds"]
    }
    for hidden in ("13800138000", "phone:", "card:"):
        assert hidden not in answer.text


def test_what_cannot_be_an_identifier_and_what_nobody_has_are_told_apart(world: World, live: None) -> None:
    wrong = world.ask("/v1/members/find", "steward", "POST", json={"type": "phone", "value": "12-not-a-phone-34"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "no_such_identifier")
    assert "12-not" not in wrong.text
    nobody = world.ask("/v1/members/find", "steward", "POST", json={"type": "phone", "value": "13900139000"})
    assert (nobody.status_code, nobody.json()["code"]) == (404, "no_such_member")


def test_stale_is_said_and_a_bound_is_kept(world: World, live: None) -> None:
    for path in ("/v1/stock/P1", "/v1/orders/O-S1", "/v1/tables", "/v1/metrics/sales"):
        answer = world.ask(path, params={"max_age_seconds": 0})
        told = answer.json()
        assert (answer.status_code, told["code"]) == (409, "too_old")
        assert told["age_seconds"] > 0
        assert told["as_of"]
        assert answer.headers["retry-after"]
        assert world.ask(path, params={"max_age_seconds": 31_000_000}).status_code == 200


def test_healthz_asks_the_published_file_and_needs_no_token(world: World, tmp_path: Path) -> None:
    told = world.ask("/healthz", "").json()
    assert told["marts"]["version"] == 1
    assert {one["topic"] for one in told["live"]} >= {"state.stock_level", "state.order"}
    with opened(Settings(home=tmp_path), SystemClock(), follow=False) as service:
        answer = World(service).ask("/healthz", "")
    assert (answer.status_code, answer.json()["status"]) == (503, "degraded")
    assert "zhongtai run" in answer.json()["said"][0]


def every_operation(world: World) -> list[tuple[str, str]]:
    names = {"name": "sales", "sku": "P1", "location": "S1", "order_id": "O-S1", "member_id": MEMBER}
    return [
        (method.upper(), path.format(**names))
        for path, operations in world.app.openapi()["paths"].items()
        for method in operations
        if path.startswith("/v1/")
    ]


def test_nothing_is_answered_without_a_good_token(world: World) -> None:
    assert len(every_operation(world)) >= 10
    for method, path in every_operation(world):
        for headers in ({}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic YTpi"}):
            answer = world.ask(path, "", method, headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("steward", "/v1/stock/P1", 403),
        ("steward", "/v1/orders/O-S1", 403),
        ("analyst", f"/v1/members/{MEMBER}", 403),
        ("manager", f"/v1/members/{MEMBER}", 403),
        ("owner", f"/v1/members/{MEMBER}", 200),
        ("owner", "/v1/stock/P1", 200),
    ],
)
def test_a_role_looks_up_what_it_is_given(world: World, live: None, role: str, path: str, status: int) -> None:
    assert world.ask(path, role).status_code == status


def test_a_role_that_is_defined_no_more_opens_nothing(world: World) -> None:
    token, _ = world.service.tokens.add("old", "auditor", timedelta(days=1))
    answer = world.ask("/v1/tables", "", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "no_such_role")


def test_the_cookie_of_a_browser_reads_but_writes_only_from_our_own_pages(world: World) -> None:
    cookie = {"cookie": f"{COOKIE}={world.tokens['analyst']}"}
    assert world.ask("/v1/tables", "", headers=cookie).status_code == 200
    ask = {"json": {"query": "SELECT 1"}}
    foreign = world.ask("/v1/sql", "", "POST", headers=cookie | {"origin": "http://evil.example"}, **ask)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_origin")
    assert world.ask("/v1/sql", "", "POST", headers=cookie, **ask).status_code == 403
    assert world.ask("/v1/sql", "", "POST", headers=cookie | {"origin": "http://here"}, **ask).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/v1/tables", 405, "method_not_allowed"),
        ("POST", "/v1/sql", 422, "invalid"),
    ],
)
def test_the_framework_s_own_errors_are_problems_too(
    world: World, method: str, path: str, status: int, code: str
) -> None:
    answer = world.ask(path, "analyst", method)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:zhongtai:problem:{code}"


def test_a_body_that_is_too_long_is_refused_whatever_its_header_says(world: World) -> None:
    assert world.ask("/v1/sql", "analyst", "POST", content=b"x" * 1_100_000).status_code == 413

    async def endless():
        for _ in range(40):
            yield b"x" * 65_536

    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.post("/v1/sql", content=endless())

    answer = asyncio.run(one())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_who_asks_too_often_waits(published_home: Path) -> None:
    limits = Limits(per_second=0.01, burst=3)
    with opened(Settings(home=published_home), SystemClock(), limits, follow=False) as service:
        world = World(service)
        assert [world.ask("/v1/tables").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
        assert int(world.ask("/v1/tables").headers["retry-after"]) > 60
        assert world.ask("/v1/tables", "manager").status_code == 200  # another's bucket
        assert world.ask("/healthz", "").status_code == 200


def test_a_bucket_fills_with_time() -> None:
    now = [0.0]
    buckets = Buckets(Limits(per_second=2, burst=2), lambda: now[0])
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0.5]
    now[0] = 0.5
    assert [buckets.take("a"), buckets.take("a")] == [0, 0.5]


def test_the_audit_log_tells_who_asked_what_and_never_a_value(world: World, live: None) -> None:
    path = world.service.audit.path
    before = len(path.read_text().splitlines())
    world.ask("/v1/members/find", "steward", "POST", json={"type": "phone", "value": "13800138000"})
    world.ask("/v1/tables/dwd_trade_receipt/rows", params={"where": "store:eq:S1", "limit": 7})
    world.ask("/v1/sql", "analyst", "POST", json={"query": "SELECT '13800138000' AS a FROM range(3)"})
    world.ask("/v1/tables", "")  # without a token nobody asked
    lines = path.read_text().splitlines()[before:]
    told = [json.loads(line) for line in lines]
    assert [(one["name"], one["what"], one["status"], one["rows"]) for one in told] == [
        ("steward-1", "POST /v1/members/find", 200, 1),
        ("analyst-1", "GET /v1/tables/{name}/rows", 200, 7),
        ("analyst-1", "POST /v1/sql", 200, 3),
    ]
    assert all(one["ms"] >= 0 and one["at"].endswith("Z") and one["token"] and one["role"] for one in told)
    assert len(told[2]["query"]) == 16
    assert "13800138000" not in "".join(lines)
    assert path.stat().st_mode & 0o077 == 0


def test_a_view_that_is_not_filled_yet_is_no_answer(published_home: Path, tmp_path: Path) -> None:
    (tmp_path / "marts").symlink_to(published_home / "marts")
    (tmp_path / "reference").symlink_to(published_home / "reference")
    with opened(Settings(home=tmp_path), SystemClock(), follow=False) as service:
        answer = World(service).ask("/v1/stock/P1")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    with sqlite3.connect(tmp_path / "service" / "live.sqlite") as db:
        assert db.execute("SELECT count(*) FROM topics").fetchone() == (0,)


def test_the_app_is_made_without_opening_anything(world: World) -> None:
    assert application(world.service) is not world.app
