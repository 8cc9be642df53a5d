"""Whose identifier is whose: the map (`state.member_map`) and what changed in it (`event.member_change`).

A member id is a keyed hash of the person's birth node (`oneid.resolve.member_id`). Facts carry a `nid`, never a member id:
who wants the member asks the map, and gets whose it is now.
"""

from typing import ClassVar, Literal

import msgspec

from contracts.keys import record_id
from contracts.wire import Record

ChangeKind = Literal["new", "merge", "split", "move", "rename", "erase"]


class MemberOf(Record, frozen=True, kw_only=True, gc=False):
    """`state.member_map`: who has an identifier now. Keyed (tenant, nid); partitioned by tenant. Erased: a tombstone.

    `confidence` is how well the evidence joins the identifier to another of the member's, in per cent; 100 when it is alone.
    `version` grows with each change: the place in the tenant's evidence up to which this was resolved. It is not part of
    what a rebuild must find again, because it depends on how much evidence came at once.
    """

    TYPE: ClassVar[str] = "state.member_map"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    nid: str
    member_id: str
    confidence: int
    version: int


class Cause(msgspec.Struct, frozen=True, gc=False):
    """What brought a change about: an edge between `a` and `b`, of class `cls` ("" for a steward's word).

    `rule` is "" for an edge that joins, else what refused it (`limit:card`, `name`, `shared` …), or the id of a ruling.
    """

    a: str
    b: str = ""
    cls: str = ""
    rule: str = ""


class MemberChange(Record, frozen=True, kw_only=True, gc=False):
    """`event.member_change`: identifiers that changed hands together. Keyed (tenant, id); partitioned by tenant.

    kind      nids                                              before → after
    new       seen for the first time                            ""    → the member, new or known
    merge     all that `before` had; `after` was there already   whose → whose
    rename    all that `before` had; `after` is a new id         whose → whose
    split     some of what `before` had; `after` is a new id     whose → whose
    move      some of what `before` had; `after` was there       whose → whose
    erase     erased                                             whose → ""

    `at` is the moment of the newest evidence that brought it about; `version` is that of the map (`MemberOf`). Applied in the
    order of the partition, these give the map. How evidence was batched may show in which changes there were on the way, never
    in where they lead. At most 1,000 nids stand in one; a larger change comes as several with the same `before` and `after`.
    """

    TYPE: ClassVar[str] = "event.member_change"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    id: str
    at: str
    version: int
    kind: ChangeKind
    before: str = ""
    after: str = ""
    nids: tuple[str, ...]
    causes: tuple[Cause, ...] = ()


def change_id(tenant: str, version: int, before: str, after: str, part: int) -> str:
    return record_id(tenant, "member_change", version, before, after, part)
