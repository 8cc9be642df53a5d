"""What a rebuild writes: a topic as it was or as it must be, whenever it dies, and then the jobs go on from there."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from connectors import kafka
from connectors.settings import Settings
from contracts.errors import NotReady
from contracts.keys import key, partition, record_id
from contracts.masters import Store
from contracts.receipts import Origin, Token
from contracts.stock import StockLevel
from contracts.wire import decoder, encode, headers
from pipelines.jobs import event_stock_movement_to_state_stock_level as stock
from pipelines.newest import newest_by_key
from pipelines.rebuild import ciphers, write
from pipelines.rebuild.run import rebuild
from pipelines.rebuild.standing import standing
from pipelines.rebuild.states import Place
from tests.installation import Installation, running
from tests.pos_examples import REFERENCE_LINES, line, receipt
from tests.rebuild.killed_write import TOPIC, changes, level
from tests.rebuild.test_from_the_lake import fact
from tests.warehouse.synthetic import movements, receipts

ROOT = Path(__file__).parents[2]


def quiet(_: str) -> None:
    """A step or a progress that nobody wants to know."""


def test_ciphers_come_back_from_where_they_still_stand() -> None:
    lost = fact(1)
    assert lost.snapshot
    bare = decoder(type(lost))(encode(lost).replace(b'"CIPHER"', b'""'))
    assert ciphers.lacking([bare]) == {"nid1", "nid"}
    assert ciphers.lacking([lost]) == set()
    known = ciphers.found([encode(lost), b"not JSON", b"[1]"], {"nid1", "nid"})
    assert known == {"nid1": "CIPHER", "nid": "CIPHER"}
    assert ciphers.filled(bare, known) == lost
    half = ciphers.filled(bare, {"nid1": "OTHER"})
    assert half.snapshot
    assert half.snapshot.identifiers == (Token("phone", "nid1", "OTHER"),)
    assert ciphers.lacking([half]) == {"nid"}


def test_of_two_ciphers_the_one_counts_that_a_profile_would_keep_and_nobody_elses_is_taken() -> None:
    texts = [json.dumps({"in": [{"nid": "n", "cipher": c}, {"nid": "m", "cipher": "M"}]}).encode() for c in "ACB"]
    assert ciphers.found(texts, {"n"}) == {"n": "C"}


@pytest.fixture
def settings(kafka_broker: Settings, tenant: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, tenant=tenant, kafka=kafka_broker.bootstrap)


def told(settings: Settings) -> dict[Place, int]:
    read = decoder(StockLevel)
    return {at: read(value).on_hand for at, value in standing(settings, TOPIC).items()}


@pytest.mark.kafka
def test_a_write_that_is_killed_leaves_the_old_values_or_the_new_ones(settings: Settings) -> None:
    a, b = changes(settings.tenant)
    old = {a: level(settings.tenant, "a", 1), b: level(settings.tenant, "b", 2)}
    new = {a: 7}

    def killed(step: str) -> None:
        command = [sys.executable, "-m", "tests.rebuild.killed_write", step, settings.tenant, settings.bootstrap]
        done = subprocess.run([*command, str(settings.home)], cwd=ROOT, check=False, timeout=60)
        assert done.returncode == -9

    write.write(settings, TOPIC, dict(old), quiet)
    assert told(settings) == {a: 1, b: 2}
    killed("write.sent")
    assert told(settings) == {a: 1, b: 2}
    # The next one ends at once what was left open.
    write.write(settings, TOPIC, changes(settings.tenant), quiet)
    assert told(settings) == new
    write.write(settings, TOPIC, dict(old), quiet)
    killed("write.committed")
    assert told(settings) == new


@pytest.mark.kafka
def test_masters_are_written_as_their_job_writes_them_and_state_without_headers(settings: Settings) -> None:
    own = key(settings.tenant, "S1")
    shop = Store(
        tenant=settings.tenant, change="upsert", source="csv", version=(3,), at="2026-11-01T08:00:00Z",
        known_at="2026-11-01T08:00:00Z", origin=Origin("raw.erp", 0, 1), store="S1", name="One", kind="store",
        organisation="O", zone="Asia/Shanghai", day_cut_hour=4, currency="CNY", gln="", opened_on="", closed_on="",
    )  # fmt: skip
    write.write(settings, "state.store", {Place(3, own): shop}, quiet)
    write.write(settings, TOPIC, changes(settings.tenant), quiet)
    found = dict(written(settings, "state.store", own))
    id = record_id(settings.tenant, "erp", "store", "S1", "csv", 3, "upsert")
    assert found == dict(headers(Store, id, "/feeds/erp", shop.at))
    assert written(settings, TOPIC, key(settings.tenant, "a", "S1")) == []


def written(settings: Settings, topic: str, own: bytes) -> list[tuple[str, bytes]]:
    """The headers of the newest record of a key."""
    found = [m for _, messages, _ in kafka.read(settings, topic) for m in messages if m.key() == own]
    return list(found[-1].headers() or [])


@pytest.mark.kafka
def test_nothing_is_written_while_anybody_may_remember_the_old_state(settings: Settings) -> None:
    write.await_alone(settings, quiet, wait_s=0)
    consumer = Consumer(settings.librdkafka() | {"group.id": stock.JOB.group, "enable.auto.commit": False})
    consumer.subscribe(["event.stock_movement"])
    try:
        consumer.poll(8)
        with pytest.raises(NotReady, match="at work in a worker"):
            write.await_alone(settings, quiet, wait_s=0.5)
    finally:
        consumer.close()
    write.await_alone(settings, quiet, wait_s=5)


@pytest.mark.kafka
def test_a_job_whose_offsets_are_lost_is_not_made_again_from_nothing(settings: Settings) -> None:
    (moved, *_) = movements(receipts(1, tenant=settings.tenant))
    producer = Producer(settings.librdkafka())
    producer.produce("event.stock_movement", encode(moved), key(settings.tenant, moved.movement_id), 2)
    producer.flush(10)
    everywhere = dict.fromkeys(range(4), 0)
    write.refuse_lost_offsets(settings, stock.JOB, everywhere)
    del everywhere[2]
    with pytest.raises(NotReady, match="has no offset"):
        write.refuse_lost_offsets(settings, stock.JOB, everywhere)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("mended") / "home"
    (home / "reference").mkdir(parents=True)
    (home / "reference" / "products-1.jsonl").write_text("\n".join(map(json.dumps, REFERENCE_LINES)))
    with running(home) as place:
        yield place


def sent(shop: Installation, name: str, *receipts: dict[str, object]) -> None:
    file = shop.home / name
    file.write_text("".join(json.dumps(one) + "\n" for one in receipts))
    assert shop.zhongtai("ingest", "pos", file).last["accepted"] == len(receipts)
    shop.settle()


def levels(shop: Installation) -> dict[str, int]:
    return {one.sku: one.on_hand for one in newest_by_key(shop.settings, TOPIC, StockLevel).values()}


@pytest.mark.kafka
def test_spoiled_stock_is_mended_and_the_worker_goes_on_from_what_was_written(shop: Installation) -> None:
    apples = line("1", 300, sku="APPLE", unit="kg")
    sent(shop, "one.jsonl", receipt(number=1, lines=[line(), apples]), receipt(number=2, lines=[line()]))
    assert levels(shop) == {"WATER": -4, "APPLE": -1000}
    spoil(shop.settings)
    assert levels(shop) == {"WATER": 900}

    # In this process: a command takes seconds to begin. tests/rebuild/test_command.py asks what it says.
    found = rebuild(shop.settings, quiet)
    assert (found.different, found.written) == (2, 0)
    assert levels(shop) == {"WATER": 900}, "without `write` nothing is written"
    worker = shop.pid("worker")
    done = rebuild(shop.settings, quiet, write=True)
    assert (done.different, done.written, done.published, done.sealed) == (2, 2, 0, 0)
    assert levels(shop) == {"WATER": -4, "APPLE": -1000}

    sent(shop, "two.jsonl", receipt(number=3, lines=[line(), apples]))
    assert shop.pid("worker") != worker
    assert levels(shop) == {"WATER": -6, "APPLE": -2000}


def spoil(settings: Settings) -> None:
    """One level is another, and one is gone."""
    found = newest_by_key(settings, TOPIC, StockLevel)
    producer = Producer(settings.librdkafka())
    for own, one in found.items():
        to = partition(key(one.tenant, one.sku), 4)
        wrong = encode(level(one.tenant, one.sku, 900)) if one.sku == "WATER" else None
        producer.produce(TOPIC, wrong, own, to)
    producer.flush(10)
