"""Late records: looked up in what was kept, each id let pass once."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from confluent_kafka import Producer

from connectors import kafka
from connectors.settings import Settings
from contracts.behaviour import Behaviour, event_id
from contracts.keys import key, partition
from contracts.late import Late
from contracts.receipts import Origin
from contracts.wire import Record, decoder, encode
from pipelines.batch import Run, State
from pipelines.jobs.event_late_to_event_behaviour import look_up, step
from pipelines.kept import keys_kept
from pipelines.warehouse import lake
from pipelines.warehouse.lake import Identity, Place
from pipelines.warehouse.store import in_home

ROOT = Path(__file__).parents[2]


def behaviour(tenant: str, message: str) -> Behaviour:
    at = "2026-01-05T08:00:00Z"
    origin = Origin("raw.ecommerce", 0, 0)
    id_ = event_id(tenant, message)
    return Behaviour(tenant=tenant, event_id=id_, kind="page", name="", at=at, received_at=at, origin=origin)


def late(tenant: str, message: str) -> Late:
    record = behaviour(tenant, message)
    k = key(tenant, record.event_id).decode()
    raw = msgspec.Raw(encode(record))
    return Late(tenant=tenant, id=record.event_id, at=record.at, topic="event.behaviour", key=k, by=k, record=raw)


def run_of(records: Sequence[Record]) -> Run:
    n = len(records)
    return Run("event.late", 0, 0, n, list(range(n)), [b""] * n, [encode(r) for r in records], [0] * n, [()] * n)


def kept(*known: Late) -> Callable[[str, set[str]], set[str]]:
    return lambda topic, keys: keys & {record.key for record in known if record.topic == topic}


def test_only_what_was_never_taken_goes_on_and_only_once():
    first, second, third = (late("t", message) for message in "abc")
    events = look_up(kept(second))(run_of([first, second, first, third]))
    effects = step(State(decoder(Late), {}), events)
    assert [output.record for output in effects.outputs] == [behaviour("t", "a"), behaviour("t", "c")]
    assert [(output.topic, output.key) for output in effects.outputs] == [
        ("event.behaviour", record.key.encode()) for record in (first, third)
    ]


def test_what_passed_in_an_earlier_slice_does_not_pass_again():
    state: State[Record] = State(decoder(Late), {})
    events = look_up(kept())(run_of([late("t", "a")]))
    state.change(step(state, events).changes)
    assert not step(state, events).outputs


def send(settings: Settings, topic: str, partitions: int, records: Sequence[tuple[bytes, Record]]) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap, "log_level": 2})
    for k, record in records:
        producer.produce(topic, encode(record), k, partition(k, partitions))
    assert producer.flush(30) == 0


def found(settings: Settings, tenant: str) -> Counter[str]:
    own = f"{tenant}|".encode()
    runs = kafka.read(settings, "event.behaviour")
    keys = (message.key() or b"" for _, messages, _ in runs for message in messages)
    return Counter(k.decode() for k in keys if k.startswith(own))


@pytest.mark.kafka
def test_a_worker_lets_late_records_pass_that_neither_the_lake_nor_kafka_has(
    kafka_broker: Settings, tenant: str, tmp_path: Path
) -> None:
    settings = msgspec.structs.replace(kafka_broker, home=tmp_path, kafka=kafka_broker.bootstrap)
    in_lake, in_kafka, new = (late(tenant, message) for message in ("lake", "kafka", "new"))
    send(settings, "event.behaviour", 4, [(in_kafka.key.encode(), behaviour(tenant, "kafka"))])
    identity = Identity(tenant, "event.behaviour", "c", "t")
    columns = pa.schema([("kafka_key", pa.string()), (lake.DAY, pa.date32())])
    table = lake.open_table(in_home(tmp_path), identity, columns)
    rows = pa.table({"kafka_key": [in_lake.key], lake.DAY: pa.array([20_000], pa.date32())})
    table.append(rows, {p: Place(0, 0) for p in range(4)})
    wanted = [in_lake.key, in_kafka.key, new.key]
    assert keys_kept(settings, "event.behaviour", wanted) == set(wanted[:2])

    send(settings, "event.late", 4, [(r.key.encode(), r) for r in (in_lake, new, in_kafka, new)])
    command = [sys.executable, "-m", "pipelines.worker", "resolve_late"]
    environment = {"ZHONGTAI_HOME": str(tmp_path), "ZHONGTAI_KAFKA": settings.kafka, "ZHONGTAI_TENANT": tenant}
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 60
        while new.key not in found(settings, tenant):
            assert time.monotonic() < until, (tmp_path / "log").read_text()[-2000:]
            time.sleep(0.2)
        send(settings, "event.late", 4, [(new.key.encode(), new)])
        time.sleep(2)
    finally:
        worker.kill()
        worker.wait()
    assert found(settings, tenant) == {in_kafka.key: 1, new.key: 1}
