"""The input: seeded JSON events, written once and read by every peer.

An event moves one bucket (`on_hand` or `reserved`) of one SKU in one shop. Keys are uniform, which is the worst case
for whoever coalesces; one event in a hundred comes again, at most 50,000 events later; event time runs at 100 events a
second.
"""

import random
from collections import deque
from collections.abc import Iterator

import msgspec
from confluent_kafka import Producer

REPEATED = 0.01
DISTANCE = 50_000
EVENTS_PER_S = 100
BEGIN_S = 1_763_000_000
SHOPS = 100

Event = tuple[bytes, bytes]


def key_of(index: int) -> bytes:
    """`store|sku`: the Kafka key, and what is hashed for the partition."""
    return b"S%03d|SKU-%06d" % (index % SHOPS, index)


def events(count: int, keys: int, seed: int) -> Iterator[Event]:
    """(key, value) of each event, repeats included. The same arguments give the same events on every machine."""
    dice = random.Random(seed)
    recent: deque[Event] = deque(maxlen=DISTANCE)
    for i in range(count):
        if recent and dice.random() < REPEATED:
            yield recent[dice.randrange(len(recent))]
            continue
        event = _event(i, dice.randrange(keys), dice)
        recent.append(event)
        yield event


def _event(i: int, index: int, dice: random.Random) -> Event:
    bits = dice.getrandbits(160)
    bucket = b"reserved" if bits & 7 == 0 else b"on_hand"
    quantity = (bits >> 3 & 31) - 12
    at = BEGIN_S + i // EVENTS_PER_S - (bits >> 8 & 1)
    value = (
        b'{"v":1,"tenant":"demo","event_id":"%032x","store":"S%03d","sku":"SKU-%06d","bucket":"%s","quantity":%d,'
        b'"unit":"piece","at":%d,"source":"pos","doc":"R-%09d","line":%d,"till":"T%02d"}'
    ) % (bits >> 32, index % SHOPS, index, bucket, quantity, at, i, bits >> 9 & 7, bits >> 12 & 15)
    return key_of(index), value


def steps(count: int, keys: int, seed: int) -> Iterator[Event]:
    """Events that each add one to `on_hand`: whoever reads a level can tell which of them it holds."""
    dice = random.Random(seed)
    for i in range(count):
        index = i if i < keys else dice.randrange(keys)
        yield key_of(index), step(i, index, dice.getrandbits(128))


def step(i: int, index: int, bits: int) -> bytes:
    """One event that adds one to `on_hand` of the key `index`."""
    return (
        b'{"v":1,"tenant":"demo","event_id":"%032x","store":"S%03d","sku":"SKU-%06d","bucket":"on_hand","quantity":1,'
        b'"unit":"piece","at":%d,"source":"pos","doc":"R-%09d","line":1,"till":"T01"}'
    ) % (bits, index % SHOPS, index, BEGIN_S + i // 2000, i)


def movements(count: int, keys: int, seed: int) -> Iterator[Event]:
    """The product's own records (`event.stock_movement`), each once: its job is promised that."""
    from contracts.keys import key
    from contracts.receipts import Origin
    from contracts.stock import Document, StockMovement

    dice = random.Random(seed)
    encode = msgspec.json.Encoder().encode
    for i in range(count):
        index = dice.randrange(keys)
        id_ = f"{dice.getrandbits(128):032x}"
        at = f"2025-11-{1 + i // 600_000 % 28:02d}T{i // 25_000 % 24:02d}:{i // 420 % 60:02d}:{i // 7 % 60:02d}Z"
        movement = StockMovement(
            tenant="demo",
            movement_id=id_,
            sku=f"SKU-{index:06d}",
            location=f"S{index % SHOPS:03d}",
            bucket="on_hand",
            quantity=dice.randrange(-12, 20),
            unit="piece",
            at=at,
            known_at=at,
            source="pos",
            why=Document("receipt", f"R-{i:09d}", 1),
            recorded=Origin("event.receipt", index % 4, i),
        )
        yield key("demo", f"SKU-{index:06d}"), encode(movement)


def write(bootstrap: str, topic: str, records: Iterator[Event]) -> int:
    """Write records as fast as the client can: lz4, partitioned by Kafka's own murmur2 of the key. Returns how many."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2",
            "compression.type": "lz4",
            "linger.ms": 50,
            "batch.size": 1 << 20,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 512 << 10,
            "enable.idempotence": True,
            "log_level": 2,
        }
    )
    count = 0
    for key, value in records:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        count += 1
        if not count % 10_000:
            producer.poll(0)
    if left := producer.flush(60):
        raise RuntimeError(f"{left} records of {topic} could not be written")
    return count
