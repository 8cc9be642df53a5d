"""What was kept: whether a topic ever held a key, in the lake or in what the lake has not taken yet."""

import time
from collections.abc import Collection

import pyarrow.dataset as ds

from connectors import kafka
from connectors.settings import Settings
from contracts.errors import NotReady
from pipelines.warehouse import lake, store
from pipelines.warehouse.lake import LakeTable

LIMIT_S = 300.0


def keys_kept(settings: Settings, topic: str, keys: Collection[str]) -> set[str]:
    """Those of `keys` that records of `topic` have or had: everything that was committed when the call was made.

    Waits while an older transaction is undecided, since it may hold one of them; raises `NotReady` when that takes too long.
    Reads one column of the lake, and all records that came after the lake's last run.
    """
    lies = store.of(settings)
    table = lake.peek(lies, topic)
    with store.reached(lies):
        found = _in_lake(table, keys) if table else set()
    taken = {p: place.next for p, place in table.places.items()} if table else {}
    return found | _in_kafka(settings, topic, taken, set(keys) - found)


def _in_lake(table: LakeTable, keys: Collection[str]) -> set[str]:
    return set(
        table.rows().to_table(["kafka_key"], filter=ds.field("kafka_key").isin(sorted(keys)))["kafka_key"].to_pylist()
    )


def _in_kafka(settings: Settings, topic: str, start: dict[int, int], keys: set[str]) -> set[str]:
    uncommitted = kafka.reader(settings, committed=False)
    try:
        ends = {p: high for p, (_, high) in kafka.spans(uncommitted, topic).items()}
    finally:
        uncommitted.close()
    at = dict(start)
    found: set[str] = set()
    began = time.monotonic()
    while True:
        for partition, messages, following in kafka.read(settings, topic, at):
            found |= keys & {(message.key() or b"").decode() for message in messages}
            at[partition] = following
        if all(at.get(partition, 0) >= end for partition, end in ends.items()):
            return found
        if time.monotonic() - began > LIMIT_S:
            raise NotReady(f"A transaction on {topic} has been open for {LIMIT_S:.0f} s.", "See: zhongtai status")
        time.sleep(0.1)
