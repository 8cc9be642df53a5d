"""What must come out, counted from the input topic by code that shares nothing with any peer; and the comparison.

One dictionary of levels, one set of every id ever seen: since a repeat comes well within the horizon, an engine that
forgets ids after the horizon must reach the same levels.
"""

import json
from collections.abc import Callable, Iterator

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from bench.plan import PARTITIONS

Levels = dict[bytes, tuple[int, int]]


class Wrong(Exception):
    """A peer's final state is not the reference's. No figure of it is worth anything."""


def records(bootstrap: str, topic: str) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of all committed records of a topic, in order within a partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench.reference",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "log_level": 2,
        }
    )
    try:
        consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
        ended = 0
        while ended < PARTITIONS:
            for message in consumer.consume(20_000, timeout=1.0):
                error = message.error()
                if error is None:
                    yield message.key() or b"", message.value() or b""
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended += 1
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()


def count_events(bootstrap: str, topic: str, most: int) -> Levels:
    """The right levels after the first `most` events of each partition's share of a topic of events."""
    levels: dict[bytes, list[int]] = {}
    seen: set[str] = set()
    for i, (key, value) in enumerate(records(bootstrap, topic)):
        if i >= most:
            raise Wrong(f"{topic} holds more than the {most} events that were written")
        event = json.loads(value)
        if event["event_id"] in seen:
            continue
        seen.add(event["event_id"])
        level = levels.setdefault(key, [0, 0])
        level[0 if event["bucket"] == "on_hand" else 1] += event["quantity"]
    return {key: (on_hand, reserved) for key, (on_hand, reserved) in levels.items()}


def count_movements(bootstrap: str, topic: str, most: int) -> Levels:
    """The right levels after a topic of the product's own movements: (on hand, how many movements)."""
    levels: dict[bytes, list[int]] = {}
    for i, (_, value) in enumerate(records(bootstrap, topic)):
        if i >= most:
            raise Wrong(f"{topic} holds more than the {most} events that were written")
        event = json.loads(value)
        level = levels.setdefault(f"{event['tenant']}|{event['sku']}|{event['location']}".encode(), [0, 0])
        level[0] += event["quantity"]
        level[1] += 1
    return {key: (on_hand, count) for key, (on_hand, count) in levels.items()}


class Said(msgspec.Struct):
    """What a peer wrote about a key."""

    on_hand: int
    reserved: int = 0
    available: int | None = None
    movements: int = 0


def compare(bootstrap: str, topic: str, right: Levels, second: Callable[[Said], int]) -> int:
    """Compare the last committed value of each key of `topic` with `right`. Returns how many records the topic holds.

    Raises `Wrong` with a few of the keys that differ.
    """
    last: dict[bytes, bytes] = {}
    count = 0
    for key, value in records(bootstrap, topic):
        last[key] = value
        count += 1
    decode = msgspec.json.Decoder(Said).decode
    said = {key: decode(value) for key, value in last.items()}
    found = {key: (level.on_hand, second(level)) for key, level in said.items()}
    torn = [key for key, level in said.items() if level.available not in (None, level.on_hand - level.reserved)]
    wrong = [key for key in right.keys() | found.keys() if right.get(key) != found.get(key)]
    if wrong or torn:
        shown = ", ".join(f"{key.decode()}: {found.get(key)} for {right.get(key)}" for key in wrong[:3])
        raise Wrong(f"{topic}: {len(wrong)} of {len(right)} keys are wrong, {len(torn)} do not add up ({shown})")
    return count
