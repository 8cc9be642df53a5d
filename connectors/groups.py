"""How far the consumer groups are: how many offsets are left to read."""

from kafka import TopicPartition
from kafka.protocol.consumer.offsets import IsolationLevel, OffsetSpec

from connectors.settings import Settings
from connectors.topics import admin
from contracts.topics import BY_NAME


def lags(settings: Settings) -> dict[str, dict[str, int]]:
    """Offsets that each group has still to read of each topic of ours; groups that committed none are left out.

    Counted to the last stable offset. Transaction markers have offsets too, so a job that is done may stand at a few.
    """
    with admin(settings) as client:
        names = sorted(group["group_id"] for group in client.list_groups())
        committed = client.list_group_offsets(names) if names else {}
        places = {place for offsets in committed.values() for place in offsets if place.topic in BY_NAME}
        if not places:
            return {}
        ends = client.list_partition_offsets(
            dict.fromkeys(places, OffsetSpec.LATEST), isolation_level=IsolationLevel.READ_COMMITTED
        )
    found: dict[str, dict[str, int]] = {}
    for name in names:
        for place, at in committed[name].items():
            if place in places and at.offset >= 0:
                topic = found.setdefault(name, {})
                topic[place.topic] = topic.get(place.topic, 0) + max(0, _end(ends, place) - at.offset)
    return found


def committed(settings: Settings) -> dict[str, dict[str, dict[int, int]]]:
    """Group → topic of ours → partition → the offset to go on from. Partitions without one are left out."""
    with admin(settings) as client:
        names = sorted(group["group_id"] for group in client.list_groups())
        offsets = client.list_group_offsets(names) if names else {}
    found: dict[str, dict[str, dict[int, int]]] = {}
    for name in names:
        for place, at in offsets[name].items():
            if place.topic in BY_NAME and at.offset >= 0:
                found.setdefault(name, {}).setdefault(place.topic, {})[place.partition] = at.offset
    return found


def _end(ends: dict[TopicPartition, object], place: TopicPartition) -> int:
    return int(getattr(ends[place], "offset", 0))
