"""The HTTP receivers: who may send, what is stored byte for byte, what is answered, and when senders are asked to wait."""

import asyncio
import base64
import gzip
import hmac
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.receivers import burial, routes
from connectors.ecommerce import segment, shopify
from connectors.ecommerce.segment import Heard
from connectors.http import service as service_
from connectors.http.credentials import Credentials, basic, bearer
from connectors.http.post import Full
from connectors.http.routes import RawRecord
from connectors.http.service import Service
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.behaviour import event_id
from contracts.dead_letters import DeadLetter
from contracts.errors import NotReady
from contracts.orders import order_id
from contracts.refusals import REASONS, Refused
from contracts.web import WebFact
from contracts.wire import decoder
from tests.pos_examples import StillClock
from tests.shopify_examples import SHOP, call, order

SECRET = b"hush, a shop's secret"
KEY = "write-key-of-the-web"


class Kafka:
    """Takes everything, or fails as it is told."""

    def __init__(self) -> None:
        self.records: list[RawRecord] = []
        self.fails: Exception | None = None
        self.slow: asyncio.Event | None = None

    async def send(self, records: Sequence[RawRecord]) -> None:
        if self.slow:
            await self.slow.wait()
        if self.fails:
            raise self.fails
        self.records += records

    async def answers(self) -> bool:
        return self.fails is None

    def __len__(self) -> int:
        return 0


class World:
    def __init__(self, home: Path) -> None:
        self.kafka = Kafka()
        settings = Settings(home=home, tenant="t")
        keystore = Keystore(home, StillClock())
        self.credentials = Credentials(keystore, "t", StillClock())
        self.credentials.keep("shopify", SHOP, SECRET)
        self.credentials.keep("segment", "web", KEY.encode())
        known = [one.route for one in routes(settings, keystore)]
        self.service = Service(
            known, self.kafka, self.credentials, StillClock(), burial(settings, keystore), lambda: "fresh"
        )

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(self.service.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.request(method, path, **request)

        return asyncio.run(one())

    def segment(self, path: str, body: bytes | dict[str, Any], key: str | None = KEY, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", f"/v1/{path}", content=content, headers=headers, auth=(key, "") if key else None)

    def shopify(
        self, body: bytes | dict[str, Any], topic: str | None = "orders/create", **change: str
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {
            "X-Shopify-Shop-Domain": SHOP,
            "X-Shopify-Hmac-SHA256": base64.b64encode(hmac.digest(SECRET, content, "sha256")).decode(),
            "X-Shopify-Webhook-Id": "w-1",
        } | ({"X-Shopify-Topic": topic} if topic else {})
        return self.ask("POST", "/shopify", content=content, headers=headers | change)

    def taken(self) -> tuple[RawRecord, dict[str, str]]:
        (record,) = self.kafka.records
        return record, {name: value.decode() for name, value in record.headers}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# -- who may send ------------------------------------------------------------------------------------------------------


def test_signatures_are_those_of_rfc_4231(world: World) -> None:
    """Test case 2 of the RFC for HMAC-SHA-256, in base64 as Shopify writes it."""
    world.credentials.keep("shopify", "jefe.example", b"Jefe")
    told = base64.b64encode(bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")).decode()
    fresh = World(world.credentials._keystore.path.parents[1])
    assert fresh.credentials.signs("Jefe.example", b"what do ya want for nothing?", told)
    assert not fresh.credentials.signs("jefe.example", b"what do ya want for nothing!", told)
    assert not fresh.credentials.signs("other.example", b"what do ya want for nothing?", told)
    assert not fresh.credentials.signs("jefe.example", b"what do ya want for nothing?", told[:-4] + "?")


@pytest.mark.parametrize(
    ("headers", "code", "place"),
    [
        ({"X-Shopify-Hmac-SHA256": "AAAA"}, "bad_signature", "x-shopify-hmac-sha256"),
        ({"X-Shopify-Hmac-SHA256": ""}, "missing", "x-shopify-hmac-sha256"),
        ({"X-Shopify-Shop-Domain": "other.myshopify.com"}, "bad_signature", "x-shopify-hmac-sha256"),
        ({"X-Shopify-Shop-Domain": ""}, "missing", "x-shopify-shop-domain"),
    ],
)
def test_a_webhook_that_the_shop_did_not_sign_is_not_stored(
    world: World, headers: dict[str, str], code: str, place: str
) -> None:
    answer = world.shopify(order(), **headers)
    assert (answer.status_code, answer.json()["code"], answer.json()["place"]) == (401, code, place)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert world.kafka.records == []


@pytest.mark.parametrize("key", [None, "", "another key"])
def test_a_call_without_a_known_write_key_is_not_stored(world: World, key: str | None) -> None:
    answer = world.segment("track", call(), key=key)
    assert answer.status_code == 401
    assert "basic" in answer.headers["www-authenticate"].lower()
    assert "zhongtai credentials" in answer.json()["detail"]
    assert world.kafka.records == []


def test_a_browser_may_put_its_key_into_the_body(world: World) -> None:
    assert world.segment("track", call(writeKey=KEY), key=None).status_code == 200
    assert world.segment("track", call(writeKey=["x"]), key=None).status_code == 401


def test_a_key_that_is_forgotten_is_no_key(world: World, tmp_path: Path) -> None:
    assert world.credentials.names() == [("segment", "web"), ("shopify", SHOP)]
    assert world.credentials.forget("segment", "web")
    assert not world.credentials.forget("segment", "web")
    assert World.segment(_without(world), "track", call()).status_code == 401


def _without(world: World) -> World:
    world.credentials._read_at = float("-inf")  # some seconds later
    return world


def test_write_keys_are_not_in_the_key_store(world: World, tmp_path: Path) -> None:
    stored = b"".join(path.read_bytes() for path in (tmp_path / "keys").iterdir())
    assert KEY.encode() not in stored
    assert SECRET in stored


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("Basic YTpi", ("a", "b")),
        ("basic YTo=", ("a", "")),
        ("Basic !", None),
        ("Basic //4=", None),
        ("Bearer x", None),
        ("", None),
    ],
)
def test_basic_authentication_is_read_as_rfc_7617_says(header: str, told: Any) -> None:
    assert basic(header) == told


def test_bearer_tokens_are_read() -> None:
    assert [bearer(h) for h in ("Bearer abc", "bearer abc ", "Bearer ", "Basic abc")] == ["abc", "abc", None, None]


# -- what is stored ----------------------------------------------------------------------------------------------------


def test_a_webhook_is_stored_as_it_came_and_can_be_read_by_the_job(world: World) -> None:
    body = json.dumps(order(), indent=3).encode()
    answer = world.shopify(body)
    assert (answer.status_code, answer.json()) == (202, {"success": True})
    record, headers = world.taken()
    assert (record.topic, record.value) == ("raw.ecommerce", body)
    assert record.by == f"t|{order_id('t', SHOP, '450789469')}".encode()
    assert headers["zt_webhook_id"] == "w-1"
    assert isinstance(shopify.decode(record.value, headers), WebFact)


def test_a_signed_order_that_cannot_be_used_is_stored_and_told_and_not_sent_again_for_ever(world: World) -> None:
    answer = world.shopify(order(currency="RMB"))
    assert (answer.status_code, answer.json()["refused"]["code"], answer.json()["refused"]["place"]) == (
        202, "unknown_currency", "currency",
    )  # fmt: skip
    assert json.loads(world.taken()[0].value)["currency"] == "RMB"


@pytest.mark.parametrize(
    ("body", "topic", "code", "place"),
    [(b"{", "orders/create", "not_json", None), (b"\xff", "orders/create", "not_utf8", None),
     (b"{}", "products/create", "unknown_topic", "x-shopify-topic"), (b"{}", None, "unknown_topic", "x-shopify-topic")],
)  # fmt: skip
def test_a_signed_body_that_is_no_message_is_stored_and_answered_400(
    world: World, body: bytes, topic: str | None, code: str, place: str | None
) -> None:
    answer = world.shopify(body, topic=topic)
    assert (answer.status_code, answer.json()["code"], answer.json().get("place")) == (400, code, place)
    record, headers = world.taken()
    assert shopify.decode(record.value, headers) == Refused(code, "topic" if place else "")


@pytest.mark.parametrize("kind", segment.CALLS)
def test_the_address_may_say_what_kind_of_call_it_is(world: World, kind: str) -> None:
    whole = call(previousId="a", groupId="g")
    del whole["type"]
    assert world.segment(kind, whole).json() == {"success": True}
    record, headers = world.taken()
    assert json.loads(record.value) == whole
    heard = segment.decode(record.value, headers)
    assert isinstance(heard, Heard)
    assert heard.kind == kind
    assert record.by == f"t|{event_id('t', 'm-1')}".encode()


def test_a_call_without_an_id_is_given_one(world: World) -> None:
    whole = call()
    del whole["messageId"]
    world.segment("track", whole)
    record, headers = world.taken()
    assert segment.decode(record.value, headers).message == "fresh"  # type: ignore[union-attr]


def test_each_call_of_a_batch_is_a_record_and_the_bad_ones_do_not_take_the_good_along(world: World) -> None:
    calls = [call(messageId="1"), call(messageId="2", event=None), call(messageId="3")]
    answer = world.segment("batch", {"batch": calls, "sentAt": "2026-11-22T12:00:00Z"})
    assert answer.status_code == 200
    (bad,) = answer.json()["refused"]
    assert (bad["index"], bad["code"], bad["place"]) == (1, "missing", "event")
    assert [json.loads(record.value) for record in world.kafka.records] == calls


def test_a_device_whose_clock_is_wrong_is_set_right_by_when_it_sent(world: World) -> None:
    ahead = call(timestamp="2027-11-22T11:59:50Z")
    world.segment("batch", {"batch": [ahead], "sentAt": "2027-11-22T12:00:00Z"})
    record, headers = world.taken()
    assert segment.decode(record.value, headers).at == "2026-11-22T11:59:50Z"  # type: ignore[union-attr]


def test_gzip_is_unpacked(world: World) -> None:
    body = json.dumps({"batch": [call()]}).encode()
    assert world.segment("batch", gzip.compress(body), **{"Content-Encoding": "gzip"}).json() == {"success": True}
    assert json.loads(world.taken()[0].value) == call()


@pytest.mark.parametrize(
    ("path", "body", "code", "place"),
    [("track", b"{", "not_json", None), ("batch", b"[]", "not_json", None), ("batch", b'{"batch": {}}', "wrong_type", "batch"),
     ("track", json.dumps(call(event=None)).encode(), "missing", "event")],
)  # fmt: skip
def test_what_the_client_would_drop_is_stored_and_answered_with_what_to_do(
    world: World, path: str, body: bytes, code: str, place: str | None
) -> None:
    answer = world.segment(path, body)
    said = answer.json()
    assert (answer.status_code, said["code"], said.get("place")) == (400, code, place)
    assert said["title"].rstrip(".") in REASONS[code][0]
    assert said["detail"]
    record, headers = world.taken()
    assert record.value == body
    found = segment.decode(record.value, headers)
    assert isinstance(found, Refused)


# -- EPCIS -------------------------------------------------------------------------------------------------------------

EVENT = {
    "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    "type": "ObjectEvent", "eventID": "urn:uuid:5a1f6d0e-6f0b-5c53-9b55-7d9f0c6a2e11", "action": "OBSERVE",
    "eventTime": "2026-11-22T10:30:00.000+08:00", "eventTimeZoneOffset": "+08:00",
    "epcList": ["urn:epc:id:sgtin:0614141.107346.2017"],
}  # fmt: skip


def document(*events: dict[str, Any]) -> dict[str, Any]:
    bare = [{name: value for name, value in one.items() if name != "@context"} for one in events]
    return {
        "@context": [EVENT["@context"]], "type": "EPCISDocument", "schemaVersion": "2.0",
        "creationDate": "2026-11-22T11:00:00.000Z", "epcisBody": {"eventList": bare},
    }  # fmt: skip


def captured(world: World, body: Any, token: str = "warehouse-token", **headers: str) -> httpx.Response:
    world.credentials.keep("capture", "wms", b"warehouse-token")
    return world.ask("POST", "/capture", json=body, headers={"Authorization": f"Bearer {token}"} | headers)


def test_a_document_is_captured_event_by_event(world: World) -> None:
    other = EVENT | {"eventID": "urn:uuid:5a1f6d0e-6f0b-5c53-9b55-7d9f0c6a2e12"}
    answer = captured(world, document(EVENT, other))
    assert (answer.status_code, answer.json()["events"]) == (202, 2)
    assert [json.loads(record.value)["eventID"] for record in world.kafka.records] == [
        EVENT["eventID"],
        other["eventID"],
    ]
    assert {record.topic for record in world.kafka.records} == {"raw.wms"}
    assert len({record.by for record in world.kafka.records}) == 2
    assert captured(world, EVENT).json()["events"] == 1


def test_a_capture_is_a_job_that_can_be_asked_for(world: World) -> None:
    answer = captured(world, EVENT)
    mine = {"Authorization": "Bearer warehouse-token"}
    asked = world.ask("GET", answer.headers["location"], headers=mine)
    assert (asked.status_code, asked.json()) == (200, answer.json())
    job = asked.json()
    assert answer.headers["location"] == f"/capture/{job['captureID']}"
    assert (job["running"], job["success"], job["captureErrorBehaviour"], job["errors"]) == (
        False,
        True,
        "rollback",
        [],
    )
    assert job["createdAt"] == job["finishedAt"] == "2026-11-22T12:00:00Z"
    assert world.ask("GET", answer.headers["location"]).status_code == 401
    text, seal = job["captureID"].split(".")
    for other in (
        "nonsense",
        "",
        "é",
        f"{text}.{seal[:-1]}0" if seal[-1] != "0" else f"{text}.{seal[:-1]}1",
        f"A{text}.{seal}",
    ):
        assert world.ask("GET", f"/capture/{other or '.'}", headers=mine).status_code in (404, 405)
    assert len(world.kafka.records) == 1


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (EVENT | {"action": "LOOK"}, "action"),
        (document(EVENT, EVENT | {"action": "LOOK"}), "epcisBody.eventList[2].action"),
    ],
)
def test_one_wrong_event_refuses_its_document_which_is_kept_whole(world: World, body: Any, place: str) -> None:
    answer = captured(world, body)
    assert (answer.status_code, answer.json()["place"]) == (400, place)
    (record,) = world.kafka.records
    assert json.loads(record.value) == body


@pytest.mark.parametrize(
    ("token", "headers", "status", "code"),
    [("another-token", {}, 401, "bad_token"), ("", {}, 401, "missing"),
     ("warehouse-token", {"GS1-EPCIS-Version": "1.2"}, 400, "bad_version")],
)  # fmt: skip
def test_strangers_and_other_versions_are_not_captured(
    world: World, token: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = captured(world, EVENT, token, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.kafka.records == []


def test_a_document_that_is_refused_and_too_large_for_kafka_is_a_dead_letter(world: World) -> None:
    wrong = document(EVENT | {"action": "LOOK"}) | {"note": "x" * (3 << 20)}
    assert captured(world, wrong).status_code == 400
    (record,) = world.kafka.records
    letter = decoder(DeadLetter)(record.value)
    assert (record.topic, record.by, letter.code) == ("dlq.wms", f"t|{letter.id}".encode(), "too_large")


# -- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        (b" " * (1 << 20) + b"{}", None, 413, "too_large"),
        (gzip.compress(b" " * (5 << 20)), "gzip", 413, "too_large"),
        (b"no gzip", "gzip", 400, "bad_gzip"),
        (gzip.compress(b"{}")[:-9], "gzip", 400, "bad_gzip"),
        (b"{}", "br", 415, "bad_encoding"),
    ],
)
def test_what_is_too_large_or_packed_otherwise_is_told(
    world: World, body: bytes, encoding: str | None, status: int, code: str
) -> None:
    answer = world.segment("batch", body, **({"Content-Encoding": encoding} if encoding else {}))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.kafka.records == []


def test_a_body_of_unknown_length_is_not_read_beyond_the_limit(world: World) -> None:
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 1
            yield b" " * 65536

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(world.service.app), base_url="http://here"
        ) as client:
            return await client.post("/v1/track", content=endless(), auth=(KEY, ""))

    assert asyncio.run(asyncio.wait_for(ask(), 20)).status_code == 413
    assert read < 40


@pytest.mark.parametrize("failure", [Full(), NotReady("Kafka did not take a record: _MSG_TIMED_OUT.")])
def test_when_kafka_takes_nothing_the_sender_is_asked_to_come_back(world: World, failure: Exception) -> None:
    world.kafka.fails = failure
    for answer in (world.segment("batch", {"batch": [call()]}), world.shopify(order())):
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert int(answer.headers["retry-after"]) > 0
    assert world.ask("GET", "/health").status_code == 503


def test_more_bodies_than_there_is_room_for_are_asked_to_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crowd() -> list[int]:
        world.kafka.slow = asyncio.Event()
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(world.service.app), base_url="http://here"
        ) as client:
            asked = [
                asyncio.ensure_future(client.post("/v1/track", json=call(messageId=str(n)), auth=(KEY, "")))
                for n in range(service_.MOST_AT_ONCE + 3)
            ]
            while sum(task.done() for task in asked) < 3:
                await asyncio.sleep(0.01)
            world.kafka.slow.set()
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    statuses = asyncio.run(crowd())
    assert (statuses.count(200), statuses.count(503)) == (service_.MOST_AT_ONCE, 3)
    assert world.segment("track", call()).status_code == 200


def test_health_and_metrics_tell_how_it_goes(world: World) -> None:
    world.segment("batch", {"batch": [call(messageId="1"), call(messageId="2")]})
    world.segment("track", call(), key="wrong")
    assert world.ask("GET", "/health").json() == {"status": "ok", "on_the_way": 0}
    text = world.ask("GET", "/metrics").text
    assert 'zhongtai_receive_answers_total{path="/v1/batch",status="200"} 1' in text
    assert 'zhongtai_receive_answers_total{path="/v1/track",status="401"} 1' in text
    assert 'zhongtai_receive_records_total{path="/v1/batch"} 2' in text


def test_there_is_nothing_else_to_find(world: World) -> None:
    for path in ("/", "/docs", "/openapi.json", "/shopify", "/v1/track"):
        assert world.ask("GET", path).status_code in (404, 405)
