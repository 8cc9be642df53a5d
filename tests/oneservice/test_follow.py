"""The service follows the state topics of a real broker: what is decided, once, from where it was, and says how far it is."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from connectors import kafka
from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.keys import key, partition
from contracts.stock import StockLevel
from contracts.wire import encode
from oneservice.live.chase import Stage
from oneservice.live.follow import Follower
from oneservice.live.look_up import LookUp
from oneservice.live.roads import Followed
from oneservice.live.view import View

pytestmark = pytest.mark.kafka
TOPIC = "state.stock_level"
WAIT_S = 60


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


class Shop:
    """Writes levels of one tenant as the job would, in transactions."""

    def __init__(self, settings: Settings, tenant: str) -> None:
        self.tenant = tenant
        self._producer = Producer(settings.librdkafka() | {"transactional.id": tenant})
        self._producer.init_transactions(30)

    def write(self, levels: dict[str, int | None], *, commit: bool = True) -> None:
        self._producer.begin_transaction()
        for sku, on_hand in levels.items():
            level = StockLevel(
                tenant=self.tenant,
                sku=sku,
                location="S1",
                on_hand=on_hand or 0,
                unit="each",
                movements=1,
                as_of="2026-11-22T10:00:00Z",
            )
            value = None if on_hand is None else encode(level)
            place = partition(key(self.tenant, sku), 4)
            self._producer.produce(TOPIC, value, key(self.tenant, sku, "S1"), partition=place)
        self._producer.flush(30)
        if commit:
            self._producer.commit_transaction(30)
        else:
            self._producer.abort_transaction(30)


class Worker:
    """A job's consumer group, alive, that has done all of its input when it is told so."""

    def __init__(self, settings: Settings, group: str, topic: str) -> None:
        self._settings, self._group, self._topic = settings, group, topic
        self._consumer = Consumer(
            settings.librdkafka() | {"group.id": group, "enable.auto.commit": False, "session.timeout.ms": 10_000}
        )
        self._consumer.subscribe([topic])
        until(lambda: self._consumer.poll(0.2) is not None or bool(self._consumer.assignment()))

    def catch_up(self) -> None:
        self._consumer.poll(0.1)
        reader = kafka.reader(self._settings)
        ends = kafka.spans(reader, self._topic)
        reader.close()
        self._consumer.commit(
            offsets=[TopicPartition(self._topic, p, end) for p, (_, end) in ends.items()], asynchronous=False
        )

    def stop(self) -> None:
        self._consumer.close()


@contextmanager
def following(settings: Settings, tenant: str, folder: Path, group: str) -> Iterator[LookUp]:
    view = View(folder / "live.sqlite")
    followed = Followed(TOPIC, ((Stage(group, ("raw.wms",)),),))
    own = Settings(home=settings.home, kafka=settings.kafka, tenant=tenant)
    follower = Follower(own, view, [followed], SystemClock())
    follower.start()
    try:
        yield LookUp(view, follower, tenant)
    finally:
        follower.close()
        view.close()


def on_hand(look_up: LookUp, sku: str) -> int | None:
    level = look_up.level(sku, "S1").records
    return level.on_hand if level else None


def test_answers_follow_commits_and_say_their_age(kafka_broker: Settings, tenant: str, tmp_path: Path) -> None:
    shop, worker = Shop(kafka_broker, tenant), Worker(kafka_broker, f"test.{tenant}", "raw.wms")
    worker.catch_up()
    shop.write({"a": 1, "b": 2, "c": 3})
    shop.write({"b": 99, "d": 99}, commit=False)
    with following(kafka_broker, tenant, tmp_path, f"test.{tenant}") as look_up:
        until(lambda: look_up.freshness(TOPIC).held.complete_at is not None)
        assert [on_hand(look_up, sku) for sku in "abcd"] == [1, 2, 3, None]
        shop.write({"a": 7, "c": None})
        until(lambda: on_hand(look_up, "a") == 7)
        assert on_hand(look_up, "c") is None
        # While the worker runs and has done everything, the answer is as fresh as the last look.
        until(lambda: (worker.catch_up(), age(look_up) < 3)[1])
        worker.stop()
        before = look_up.level("a", "S1").as_of
        until(lambda: age(look_up) > 6)
        assert look_up.level("a", "S1").as_of == before
        until(lambda: "does not run" in look_up.level("a", "S1").said)
        stands = look_up.freshness(TOPIC).held.places
    # Away, something changes; back again it goes on from its offsets and answers from the first moment.
    shop.write({"e": 5})
    with following(kafka_broker, tenant, tmp_path, f"test.{tenant}") as look_up:
        assert on_hand(look_up, "b") == 2
        assert look_up.freshness(TOPIC).held.places == stands
        until(lambda: on_hand(look_up, "e") == 5)


def age(look_up: LookUp) -> float:
    as_of = look_up.freshness(TOPIC).held.as_of
    return (SystemClock().now() - as_of).total_seconds() if as_of else 1e9


def test_without_a_broker_it_answers_and_says_so(kafka_broker: Settings, tenant: str, tmp_path: Path) -> None:
    shop = Shop(kafka_broker, tenant)
    shop.write({"a": 1})
    with following(kafka_broker, tenant, tmp_path, f"test.{tenant}") as look_up:
        until(lambda: look_up.freshness(TOPIC).held.complete_at is not None)
    silent = Settings(home=kafka_broker.home, kafka="127.0.0.1:1")
    with following(silent, tenant, tmp_path, f"test.{tenant}") as look_up:
        assert on_hand(look_up, "a") == 1
        until(lambda: "Kafka does not answer" in look_up.level("a", "S1").said)


def test_of_two_services_of_one_home_one_follows_until_it_ends(
    kafka_broker: Settings, tenant: str, tmp_path: Path
) -> None:
    shop = Shop(kafka_broker, tenant)
    shop.write({"a": 1})
    with following(kafka_broker, tenant, tmp_path, f"test.{tenant}") as first:
        until(lambda: first.freshness(TOPIC).held.complete_at is not None)
        with following(kafka_broker, tenant, tmp_path, f"test.{tenant}") as second:
            until(lambda: "Another service" in second.freshness(TOPIC).said)
            shop.write({"a": 2})
            until(lambda: on_hand(second, "a") == 2)
    with following(kafka_broker, tenant, tmp_path, f"test.{tenant}") as second:
        shop.write({"a": 3})
        until(lambda: on_hand(second, "a") == 3)
