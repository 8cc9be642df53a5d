"""Tags of members: what they are made of (`event.tag_input`), what they are (`state.tag`) and were (`event.tag_change`)."""

from typing import ClassVar, Literal

from contracts.keys import key, record_id
from contracts.member_map import ChangeKind, MemberChange
from contracts.members import ProfileFact
from contracts.wire import Record

Reason = Literal["purchase", "time", "undone", "definition"] | ChangeKind


class TagInput(Record, frozen=True, kw_only=True, gc=False):
    """`event.tag_input`: what may change a member's tags, once. Keyed (tenant, id); partitioned by tenant, as the map is.

    Either identifiers change hands (`change`, `after`: whose they are from now on, "" for nobody's), or the one identifier was
    shown at purchases: `purchases` of them, negative when they were undone.
    """

    TYPE: ClassVar[str] = "event.tag_input"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    id: str
    at: str
    nids: tuple[str, ...]
    purchases: int = 0
    change: ChangeKind | None = None
    after: str = ""


class Tag(Record, frozen=True, kw_only=True, gc=False):
    """`state.tag`: a tag of a member as it is. Keyed (tenant, tag, member); partitioned by tenant.

    `since` is when the value became true, `known_at` when that was known: recorded time, to the hour. The member's identifiers
    were shown at `purchases` purchases, the first and the last at `first_at` and `last_at`. `definition` is the version of the
    definition. A member of whom nothing is known to say has none.
    """

    TYPE: ClassVar[str] = "state.tag"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    tag: str
    member_id: str
    value: str
    since: str
    known_at: str
    purchases: int
    first_at: str
    last_at: str
    definition: int


class TagChange(Record, frozen=True, kw_only=True, gc=False):
    """`event.tag_change`: a member left one value of a tag ("" is none) and entered another. Keyed (tenant, id); by tenant.

    `at` and `known_at` are as `Tag.since` and `Tag.known_at`. `reason` is a purchase, the end of a time, purchases that were
    undone, another definition, or what became of the member's identifiers (`MemberChange.kind`).
    """

    TYPE: ClassVar[str] = "event.tag_change"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    id: str
    tag: str
    member_id: str
    before: str
    after: str
    at: str
    known_at: str
    reason: Reason
    definition: int


class TagMemory(Record, frozen=True, kw_only=True, gc=False):
    """`log.keep_tags`: what the job knows. Keyed by what it is about.

    | kind | key | holds |
    |---|---|---|
    | nid | tenant, `n`, nid | `member_id`, `purchases`, `first`, `last` (seconds) |
    | member | tenant, `m`, member | `nids`, `value`, `since`, `due`, `changes`, `definition` |
    | clock | `tick` | `at`: the hour up to which time has been acted on |

    `since` and `due` are seconds; a member changes without doing anything when it is `due`, 0 for never. `changes` counts them.
    """

    TYPE: ClassVar[str] = "log.keep_tags"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str = ""
    kind: Literal["nid", "member", "clock"]
    id: str = ""
    member_id: str = ""
    purchases: int = 0
    first: int = 0
    last: int = 0
    nids: tuple[str, ...] = ()
    value: str = ""
    since: int = 0
    due: int = 0
    changes: int = 0
    definition: int = 0
    at: str = ""


def tag_key(tenant: str, tag: str, member: str) -> bytes:
    return key(tenant, tag, member)


def of_fact(fact: ProfileFact) -> list[TagInput]:
    """What an identifier's profile gains or loses, when it is a purchase."""
    if fact.erased or not fact.sums.orders:
        return []
    id = record_id(fact.tenant, "tag_input", fact.fact_id)
    return [TagInput(tenant=fact.tenant, id=id, at=fact.at, nids=(fact.nid,), purchases=fact.sums.orders)]


def of_change(change: MemberChange) -> list[TagInput]:
    id = record_id(change.tenant, "tag_input", change.id)
    return [
        TagInput(tenant=change.tenant, id=id, at=change.at, nids=change.nids, change=change.kind, after=change.after)
    ]
