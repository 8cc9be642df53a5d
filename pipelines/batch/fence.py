"""The group's generation, in the form in which librdkafka hands it to `send_offsets_to_transaction` (KIP-447).

aiokafka holds the group, librdkafka's producer carries the transaction, and librdkafka takes group metadata as opaque bytes
that its own consumer wrote. We write the same bytes. The form is librdkafka's private business, so `self_test` compares it,
at every start, with what a throw-away consumer of the installed version writes, and refuses to start when it differs.
"""

import struct

from confluent_kafka import Consumer

from contracts.errors import NotReady
from pipelines.batch.engine import Fence


def group_metadata(group: str, fence: Fence) -> bytes:
    """librdkafka's serialised ConsumerGroupMetadata: group, generation, member, and the instance of a static member."""
    tail = b"\x01" if fence.instance is None else b"\x00" + fence.instance.encode() + b"\x00"
    parts = (struct.pack("=i", fence.generation), group.encode(), b"\x00", fence.member.encode(), b"\x00", tail)
    return b"CGMDv2:" + b"".join(parts)


def self_test() -> None:
    """Raises `NotReady` when the installed librdkafka writes group metadata in another form than ours."""
    for instance in (None, "an-instance"):
        settings: dict[str, str | int | float | bool] = {
            "group.id": "a-group",
            "bootstrap.servers": "127.0.0.1:1",
            "log_level": 0,
        }
        if instance:
            settings["group.instance.id"] = instance
        consumer = Consumer(settings)
        theirs = consumer.consumer_group_metadata()
        consumer.close()
        if theirs != group_metadata("a-group", Fence(-1, "", instance)):
            raise NotReady(
                "The installed confluent-kafka writes group metadata in a form that this release does not know, "
                "so commits could not be fenced.",
                "Operator action: install the versions of uv.lock (make install).",
            )
