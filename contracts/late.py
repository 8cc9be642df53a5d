"""`event.late`: records that came too late to be told from repeats by what a job remembers."""

from typing import ClassVar

import msgspec

from contracts.wire import Record


class Late(Record, frozen=True, kw_only=True, gc=False):
    """A record on its way to `topic`, waiting for one job to look its id up in what was kept. Keyed (tenant, id).

    `key` and `by` (the partitioning key) are those with which it goes on; `record` is its value, unchanged.
    """

    TYPE: ClassVar[str] = "event.late"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    id: str
    at: str
    topic: str
    key: str
    by: str
    record: msgspec.Raw


class LatePassed(Record, frozen=True, kw_only=True, gc=False):
    """`log.resolve_late`: a late record that was let pass to `topic`. Keyed (tenant, id); kept for ever."""

    TYPE: ClassVar[str] = "log.resolve_late"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    id: str
    topic: str
