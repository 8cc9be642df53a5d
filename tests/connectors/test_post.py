"""Records are handed over at once or not at all, and who waits is told when Kafka does not take them. No broker is needed."""

import asyncio
import time
from pathlib import Path

import pytest

from connectors.http import post as post_
from connectors.http.post import Full, Post
from connectors.http.routes import RawRecord
from connectors.kafka import read
from connectors.settings import Settings
from contracts.errors import NotReady

RECORD = RawRecord("raw.ecommerce", b"t|x", b"{}", [("zt_format", b"segment")])


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(post_, "DELIVERY_MS", 1_000)
    return Settings(home=tmp_path, kafka="127.0.0.1:9")


def test_a_full_queue_says_so_at_once(nowhere: Settings) -> None:
    with Post(nowhere, queue_records=5) as post:
        began = time.monotonic()
        with pytest.raises(Full):
            asyncio.run(post.send([RECORD] * 6))
        assert time.monotonic() - began < 0.5
        assert len(post) >= 5


def test_who_waits_is_told_when_kafka_does_not_take_it(nowhere: Settings) -> None:
    with Post(nowhere) as post:
        with pytest.raises(NotReady, match="Kafka did not take a record"):
            asyncio.run(asyncio.wait_for(post.send([RECORD] * 3), 20))
        assert not asyncio.run(post.answers())


def test_nothing_to_send_is_sent_at_once(nowhere: Settings) -> None:
    with Post(nowhere) as post:
        asyncio.run(asyncio.wait_for(post.send([]), 1))


@pytest.mark.kafka
def test_what_was_acknowledged_is_there(kafka_broker: Settings, tenant: str) -> None:
    by = f"{tenant}|x".encode()
    with Post(kafka_broker) as post:
        assert post.missing(["raw.ecommerce", "raw.moon"]) == ["raw.moon"]
        asyncio.run(asyncio.wait_for(post.send([RECORD._replace(by=by, value=str(n).encode()) for n in range(50)]), 60))
        mine = [m for _, messages, _ in read(kafka_broker, "raw.ecommerce") for m in messages if m.key() == by]
    assert [m.value() for m in mine] == [str(n).encode() for n in range(50)]
    assert dict(mine[0].headers()) == {"zt_format": b"segment"}
