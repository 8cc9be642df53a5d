"""Keys, deterministic ids and partitions: one function each, used by every producer.

Changing anything here renames records that exist, so the values are pinned by tests.
"""

import uuid
from functools import lru_cache
from hashlib import sha1

# The namespace of every id that we derive. Drawn once; never changed.
NAMESPACE = uuid.UUID("5a1f6d0e-6f0b-5c53-9b55-7d9f0c6a2e11")
SEPARATOR = "|"
_VARIANT = {f"{n:x}": "89ab"[n & 3] for n in range(16)}


def key(tenant: str, *parts: str | int) -> bytes:
    """The Kafka key of a record: `tenant|part|part…` in UTF-8. The tenant always leads."""
    return SEPARATOR.join((tenant, *map(str, parts))).encode()


def record_id(tenant: str, source: str, *parts: str | int) -> str:
    """UUIDv5 of tenant, source and the source's own key: the same record gets the same id for ever."""
    # As `uuid.uuid5` (RFC 9562, 5.5), without its objects: this runs for each line of each receipt.
    name = SEPARATOR.join((tenant, source, *map(str, parts))).encode()
    h = sha1(NAMESPACE.bytes + name, usedforsecurity=False).hexdigest()
    return f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{_VARIANT[h[16]]}{h[17:20]}-{h[20:32]}"


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit MurmurHash2 (seed 0x9747b28c), as `org.apache.kafka.common.utils.Utils.murmur2` defines it."""
    m = 0x5BD1E995
    mask = 0xFFFFFFFF
    length = len(data)
    h = 0x9747B28C ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = (int.from_bytes(data[i : i + 4], "little") * m) & mask
        k ^= k >> 24
        h = ((h * m) & mask) ^ ((k * m) & mask)
    tail = data[whole:]
    if tail:
        h ^= int.from_bytes(tail, "little")
        h = (h * m) & mask
    h ^= h >> 13
    h = (h * m) & mask
    return h ^ (h >> 15)


@lru_cache(maxsize=1 << 18)
def partition(partitioning_key: bytes, count: int) -> int:
    """The partition of a partitioning key: murmur2, positive, modulo `count`. Equal to the Java client's default."""
    return (murmur2(partitioning_key) & 0x7FFFFFFF) % count
