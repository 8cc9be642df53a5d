"""The consumer groups: how many offsets are left to read, where each goes on, and who is in it."""

from collections.abc import Iterable

from kafka import KafkaAdminClient, TopicPartition
from kafka.protocol.consumer.offsets import IsolationLevel, OffsetSpec

from connectors.settings import Settings
from connectors.topics import admin
from contracts.topics import BY_NAME


def lags(settings: Settings) -> dict[str, dict[str, int]]:
    """Offsets that each group has still to read of each topic of ours; groups that committed none are left out.

    Counted to the last stable offset. Transaction markers have offsets too, so a job that is done may stand at a few.
    """
    with admin(settings) as client:
        groups = _committed(client)
        places = {place for offsets in groups.values() for place in offsets}
        if not places:
            return {}
        ends = client.list_partition_offsets(
            dict.fromkeys(places, OffsetSpec.LATEST), isolation_level=IsolationLevel.READ_COMMITTED
        )
    found: dict[str, dict[str, int]] = {}
    for name, offsets in groups.items():
        topics = found.setdefault(name, {})
        for place, at in offsets.items():
            topics[place.topic] = topics.get(place.topic, 0) + max(0, _end(ends, place) - at)
    return found


def committed(settings: Settings) -> dict[str, dict[str, dict[int, int]]]:
    """Group → topic of ours → partition → the offset to go on from. Partitions without one are left out."""
    with admin(settings) as client:
        groups = _committed(client)
    found: dict[str, dict[str, dict[int, int]]] = {}
    for name, offsets in groups.items():
        for place, at in offsets.items():
            found.setdefault(name, {}).setdefault(place.topic, {})[place.partition] = at
    return found


def members(settings: Settings, groups: Iterable[str]) -> dict[str, int]:
    """How many members each group has, by the broker's word: one that died counts until its session is over."""
    with admin(settings) as client:
        return {name: len(group["members"]) for name, group in client.describe_groups(sorted(groups)).items()}


def _committed(client: KafkaAdminClient) -> dict[str, dict[TopicPartition, int]]:
    """Where each group goes on in topics of ours, by name; groups that committed no offset in one are left out."""
    names = sorted(group["group_id"] for group in client.list_groups())
    offsets = client.list_group_offsets(names) if names else {}
    known = {
        name: {place: at.offset for place, at in offsets[name].items() if place.topic in BY_NAME and at.offset >= 0}
        for name in names
    }
    return {name: places for name, places in known.items() if places}


def _end(ends: dict[TopicPartition, object], place: TopicPartition) -> int:
    return int(getattr(ends[place], "offset", 0))
