"""The edge imports nothing of the platform, so what both must agree on is compared here."""

from kafka.partitioner.default import murmur2
from zhongtai_edge import records
from zhongtai_edge.outbox import LARGEST
from zhongtai_edge.records import Declared, held

from centers.edges.arrivals import read
from contracts import keys
from contracts.topics import BY_NAME

AT = "2026-11-22T02:30:00Z"


def test_the_key_and_the_partition_are_the_platforms() -> None:
    for store in ("S001", "门店 7", "x" * 64):
        key = records.key("demo", store)
        assert key == keys.key("demo", store)
        assert (murmur2(key) & 0x7FFFFFFF) % 4 == keys.partition(key, 4)


def test_the_centre_reads_the_headers_of_every_record_and_declaration() -> None:
    for lane, one in enumerate(records.LANES):
        heard = read("demo", records.headers("门店 7", held(lane, "17-ab", 3, AT, "f", b"x")), AT)
        assert heard == (("demo", "门店 7", "17-ab", one.name, "sent"), 3, 3, AT)
        for says in ("shed", "lost", "top"):
            heard = read("demo", records.declaration("S1", Declared(lane, "17-ab", says, 3, 9)), AT)
            assert heard == (("demo", "S1", "17-ab", one.name, says), 3, 9, AT)


def test_lanes_go_to_topics_of_the_table() -> None:
    for topic in (*(lane.topic for lane in records.LANES), records.DECLARATIONS, records.STATE):
        assert BY_NAME[topic].max_message_bytes > LARGEST
