"""Recorded time: the records that tell jobs what time it is."""

from typing import ClassVar

from contracts.wire import Record

KEY = b"tick"


class Tick(Record, frozen=True, kw_only=True, gc=False):
    """It is `at` (RFC 3339 in UTC): said to every partition of each topic that the topic table marks as ticked.

    Keyed by `KEY`, which no other record uses: theirs begin with a tenant and a separator. Within a partition each is later
    than the one before. Also `state.clock`, where the ticker remembers the last one.
    """

    TYPE: ClassVar[str] = "tick"
    V: ClassVar[int] = 1

    v: int = 1
    at: str
