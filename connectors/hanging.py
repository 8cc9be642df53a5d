"""Transactions that nobody can end any more: readers of their partitions would wait for ever.

A broker that is killed and comes back may take a record of a transaction after it has aborted that transaction (Kafka's
KIP-890 tells how). The record then opens the transaction anew, under an epoch that its producer has lost for good: no
commit can come, and no time-out either, because the coordinator has forgotten it. Kafka's own tool for it is
`kafka-transactions.sh abort`; this does the same, and only where it is certain.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from kafka import TopicPartition
from kafka.admin import AbortTransactionSpec

from connectors.settings import Settings
from connectors.topics import admin


class Open(NamedTuple):
    """A transaction that stands open in a partition: whose, and the offset of its first record."""

    topic: str
    partition: int
    producer: int
    epoch: int
    first: int


def hanging(before: Iterable[Open], epochs: Mapping[int, int], after: Iterable[Open]) -> list[Open]:
    """Those that stood open before and after the coordinators were asked, under an epoch older than the one they know.

    `epochs` is the present epoch of each producer. What has the present epoch may still be committed; of a producer that no
    coordinator knows nothing is certain.
    """
    return sorted(o for o in set(before) & set(after) if o.producer in epochs and o.epoch < epochs[o.producer])


def end_hanging(settings: Settings, topics: Iterable[str]) -> list[Open]:
    """Aborts the hanging transactions on `topics`, and tells which they were. May be called by several at once."""
    with admin(settings) as client:
        wanted = set(topics)
        places = [
            TopicPartition(topic["name"], partition["partition_index"])
            for topic in client.describe_topics(sorted(wanted & set(client.list_topics())))
            for partition in topic["partitions"]
        ]
        before = _open(client, places)
        if not before:
            return []
        names = sorted({t.transactional_id for listed in client.list_transactions().values() for t in listed})
        known = client.describe_transactions(names) if names else {}
        epochs = {found.producer_id: found.producer_epoch for found in known.values()}
        found = hanging(before, epochs, _open(client, sorted({TopicPartition(o.topic, o.partition) for o in before})))
        for o in found:
            client.abort_transaction(AbortTransactionSpec(TopicPartition(o.topic, o.partition), o.producer, o.epoch))
        return found


def _open(client: Any, places: list[TopicPartition]) -> list[Open]:
    return [
        Open(place.topic, place.partition, producer.producer_id, producer.producer_epoch, first)
        for place, states in client.describe_producers(places).items()
        for producer in states.active_producers
        if (first := producer.current_transaction_start_offset) >= 0
    ]
