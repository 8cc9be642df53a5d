"""How records travel: JSON values, CloudEvents 1.0 attributes in Kafka headers (binary mode).

Every versioned record is a frozen `Record` with the class variables `TYPE` and `V`, and the version in its value (`v`).
A decoder refuses a version that it does not know; it never guesses.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import ClassVar, TypeVar

import msgspec

from contracts.errors import Corrupt


# gc=False: records hold no cycles, and a worker holds millions of them, which the collector need not visit.
class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A versioned record. Unknown fields are ignored on reading, so that a later minor addition can be read."""

    TYPE: ClassVar[str]
    V: ClassVar[int] = 1


R = TypeVar("R", bound=Record)
# Equal records are equal bytes, also when they hold sets and mappings.
encode: Callable[[object], bytes] = msgspec.json.Encoder(order="deterministic").encode
_VERSION = re.compile(rb'"v":\s*(\d+)')


def decoder(kind: type[R]) -> Callable[[bytes], R]:
    """A function from the JSON value of a Kafka record to `kind`.

    Raises `Corrupt` when the value has another version or shape: such a topic was written by another release.
    """
    decode = msgspec.json.Decoder(kind).decode

    def read(value: bytes) -> R:
        try:
            record = decode(value)
        except msgspec.DecodeError as error:
            raise Corrupt(
                f"a {kind.TYPE} record does not have the shape of version {kind.V}: {_placed(error)}",
                "Operator action: stop the worker, and run the release that wrote the topic.",
            ) from None
        if record.v != kind.V:  # type: ignore[attr-defined]
            raise Corrupt(
                f"a {kind.TYPE} record has version {record.v}; this release knows version {kind.V}",  # type: ignore[attr-defined]
                "Operator action: stop the worker, and run the release that wrote the topic.",
            )
        return record

    return read


def _placed(error: Exception) -> str:
    # msgspec quotes no values in type errors, but it does in enum errors: keep the path, drop the rest.
    path = re.search(r"`\$[^`]*`", str(error))
    return f"at {path.group(0)}" if path else "malformed JSON"


def headers(kind: type[Record], id: str, source: str, time: str) -> list[tuple[str, bytes]]:
    """CloudEvents attributes as Kafka headers. `time` is event time, RFC 3339 in UTC."""
    return [*_fixed(kind, source), ("ce_id", id.encode()), ("ce_time", time.encode())]


@cache
def _fixed(kind: type[Record], source: str) -> tuple[tuple[str, bytes], ...]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_source", source.encode()),
        ("ce_type", kind.TYPE.encode()),
        ("ce_dataschema", f"{kind.TYPE}.v{kind.V}".encode()),
        ("content-type", b"application/json"),
    )
