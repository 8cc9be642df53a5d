"""What was made again, written where something else stands: in one Kafka transaction for each topic.

    1. everybody's session is over: nobody holds the state that is about to change
    2. the ciphers that the lake left behind are put back, where they still stand
    3. one transaction: new values, and tombstones for what must not be there

A kill at any step leaves a topic as it was, or as it must be; what is written again is the same. The transactional id is the
topic's own, so a second rebuild ends at once what a killed one left open.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import cast

from confluent_kafka import KafkaException, Producer

from connectors import kafka
from connectors.groups import members
from connectors.settings import Settings
from contracts.errors import NotReady
from contracts.keys import SEPARATOR
from contracts.masters import Master
from contracts.wire import Record, encode
from pipelines.batch import Job
from pipelines.jobs import groups
from pipelines.jobs import raw_erp_to_event_masters as masters
from pipelines.rebuild import ciphers, states
from pipelines.rebuild.standing import standing
from pipelines.rebuild.states import Changes, Place
from pipelines.warehouse.load import Progress

At = Callable[[str], None]
AGAIN = "zhongtai rebuild --write"
TIMEOUT_S = 60.0
# A static member's session outlives its process by ten seconds, and an ended rebalance by a little.
SESSIONS_S = 45.0
STEPS = ("rebuild.compared", "rebuild.alone", "write.sent", "write.committed")


def await_alone(settings: Settings, progress: Progress, wait_s: float = SESSIONS_S) -> None:
    """Returns when no job has a live member any more. Raises `NotReady` when one goes on: it would write what it remembers."""
    until = time.monotonic() + wait_s
    while busy := {name: n for name, n in members(settings, groups(settings)).items() if n}:
        if time.monotonic() > until:
            raise NotReady(
                f"{len(busy)} jobs are at work in a worker that is not this home's: {', '.join(sorted(busy)[:3])} …",
                f"Stop it (zhongtai worker, or its container), then: {AGAIN}",
            )
        progress(f"the sessions of {len(busy)} jobs end")
        time.sleep(0.5)


def refuse_lost_offsets(settings: Settings, job: Job, cut: Mapping[int, int]) -> None:
    """Without an offset nobody knows how far a state must be: it would be emptied, and counted anew from what is left.

    Raises `NotReady`.
    """
    consumer = kafka.reader(settings)
    try:
        ends = kafka.spans(consumer, job.inputs[0])
    finally:
        consumer.close()
    if lacking := sorted(p for p, (_, end) in ends.items() if end and p not in cut):
        raise NotReady(
            f"{job.name} has no offset in {job.inputs[0]}, partitions {lacking}: how far its state must be is not known.",
            f"Let it work first (zhongtai up), then: {AGAIN}",
        )


def sealed(settings: Settings, topic: str, source: str | None, changes: Changes) -> tuple[Changes, int]:
    """The changes with their ciphers, from the topic itself and from what Kafka still holds of `source`.

    The number tells how many identifiers stay without: they count as before, and cannot be shown until they come again.
    """
    wanted = ciphers.lacking(value for value in changes.values() if value is not None)
    if not wanted:
        return changes, 0
    known = ciphers.found(standing(settings, topic).values(), wanted)
    for _, messages, _ in kafka.read(settings, source) if source and wanted - known.keys() else ():
        known |= ciphers.found((v for m in messages if (v := m.value()) is not None), wanted - known.keys())
    filled = {at: value and ciphers.filled(value, known) for at, value in changes.items()}
    return filled, len(wanted - known.keys())


def write(settings: Settings, topic: str, changes: Changes, at: At) -> None:
    """All of them, or none. Raises `NotReady` when it is not certain that they were written: then write again."""
    producer = Producer(
        settings.librdkafka()
        | {
            "transactional.id": f"zhongtai.rebuild.{topic}",
            "transaction.timeout.ms": int(1000 * TIMEOUT_S),
            "allow.auto.create.topics": False,
            "compression.type": "lz4",
            "message.max.bytes": 16 << 20,
        }
    )
    try:
        producer.init_transactions(TIMEOUT_S)
        producer.begin_transaction()
        for place, value in changes.items():
            _send(producer, topic, place, value)
        producer.flush(TIMEOUT_S)
        at("write.sent")
        producer.commit_transaction(TIMEOUT_S)
    except KafkaException as error:
        with suppress(KafkaException):
            producer.abort_transaction(TIMEOUT_S)
        raise NotReady(f"Kafka did not take {topic}: {error.args[0].name()}.", f"Then: {AGAIN}") from None
    at("write.committed")


def _send(producer: Producer, topic: str, place: Place, value: Record | None) -> None:
    text = None if value is None else encode(value)
    about: list[tuple[str, str | bytes | None]] = list(_headers(topic, place, value))
    while True:
        try:
            producer.produce(topic, text, place.key, place.partition, headers=about)
            return
        except BufferError:
            producer.poll(0.1)


def _headers(topic: str, place: Place, value: Record | None) -> list[tuple[str, bytes]]:
    """As the live writer gives them: masters are told as records are, a job's state has none."""
    if topic not in states.NEWEST or value is None:
        return []
    _, *parts = place.key.decode().split(SEPARATOR)
    return masters.about(topic.removeprefix("state."), parts, cast(Master, value))
