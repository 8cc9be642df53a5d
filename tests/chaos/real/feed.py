"""Events, and what was produced of them: in the order in which each partition has them, aborted ones left out."""

import random
from typing import Any, cast

from confluent_kafka import KafkaError, Message, Producer

from contracts.keys import partition
from contracts.wire import encode
from tests.chaos.sim.oracle import Truth

STORES, SKUS, CLERKS = 50, 100, 4
START = 1_000_000

Event = dict[str, Any]


class Source:
    """Seeded events of 5,000 keys: a tenth are repeats of earlier ones, a twentieth come out of order, some very late."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._n = 0
        self._kept: list[Event] = []

    def draw(self, count: int) -> list[Event]:
        return [self._repeated() if self._kept and self._dice.random() < 0.1 else self._new() for _ in range(count)]

    def _new(self) -> Event:
        dice = self._dice
        # Ten events a second of event time: a trial crosses several horizons of five minutes.
        time = START + self._n // 10
        if dice.random() < 0.05:
            time -= dice.choice((1, 10, 100, 400, 1000))
        event = numbered(self._n, f"s{dice.randrange(STORES)}", f"p{dice.randrange(SKUS)}", time)
        self._n += 1
        self._kept.append(event)
        return event

    def _repeated(self) -> Event:
        # Mostly a till that sends again what it sent just now; sometimes somebody sends an old file again.
        near = self._dice.random() < 0.8
        event = self._dice.choice(self._kept[-200:] if near else self._kept) | {"n": self._n}
        self._n += 1
        return event


def numbered(n: int, store: str, sku: str, time: int = START) -> Event:
    """An event whose id, clerk and quantity follow from its number."""
    return {
        "v": 1,
        "n": n,
        "id": f"{n + 1:032x}",
        "store": store,
        "sku": sku,
        "clerk": f"c{n % CLERKS}",
        "quantity": n % 17 - 4,
        "time": time,
    }


class Feed:
    """Writes events to a trial's input, plainly or in transactions, and knows what must come of them.

    `ends` is the offset behind the last event of each partition; markers of transactions may follow.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self.truth = Truth()
        self.produced = 0
        self.ends = dict.fromkeys(range(partitions), 0)
        self._topic = topic
        self._partitions = partitions
        common: dict[str, str | int | float | bool] = {
            "bootstrap.servers": bootstrap,
            "log_level": 2,
            "enable.idempotence": True,
            "linger.ms": 20,
        }
        self._plain = Producer(common)
        self._transactional = Producer(common | {"transactional.id": f"{topic}.feed"})
        self._opened = False

    def send(self, events: list[Event]) -> None:
        """A batch for each partition, delivered when this returns."""
        self._produce(self._plain, events, wanted=True)
        self._plain.flush(60)
        self._tell(events)

    def send_transaction(self, events: list[Event], abort: bool) -> None:
        """In one transaction. Aborted events never were."""
        if not self._opened:
            self._transactional.init_transactions(60)
            self._opened = True
        self._transactional.begin_transaction()
        self._produce(self._transactional, events, wanted=not abort)
        self._transactional.flush(60)
        if abort:
            self._transactional.abort_transaction(60)
        else:
            self._transactional.commit_transaction(60)
            self._tell(events)

    def _produce(self, producer: Producer, events: list[Event], wanted: bool) -> None:
        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                raise RuntimeError(f"the feed itself failed: {error.str()}")
            if wanted:
                p, offset = cast(int, message.partition()), cast(int, message.offset())
                self.ends[p] = max(self.ends[p], offset + 1)

        for event in events:
            key = f"{event['store']}|{event['sku']}".encode()
            producer.produce(self._topic, encode(event), key, self.partition(event), on_delivery=delivered)

    def partition(self, event: Event) -> int:
        return partition(event["store"].encode(), self._partitions)

    def _tell(self, events: list[Event]) -> None:
        self.produced += len(events)
        for event in events:
            row = event | {"key": f"{event['store']}|{event['sku']}", "at": event["time"]}
            self.truth.add(self.partition(event), row)
