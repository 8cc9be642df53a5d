"""What says who is who, on its way: evidence (`event.identity`), stewards' rulings (`event.ruling`), and what is kept of both.

docs/oneid.md explains classes, rulings and how copies of a fact join. Nothing here holds a value in clear: a `nid` is a
keyed hash, and a name is a few keyed hashes of its sounds (`oneid.names.name_tokens`).
"""

from typing import ClassVar, Literal

from contracts.identity import EvidenceClass
from contracts.keys import key, record_id
from contracts.wire import Record

RulingKind = Literal["cannot_link", "must_link", "block", "erase", "rules"]
FactKind = Literal["identifier", "pair", "name", "ruling", "erased", "model"]


class Ruling(Record, frozen=True, kw_only=True, gc=False):
    """`event.ruling`: a steward's word, never twice. Keyed (tenant, id, seq); partitioned by tenant.

    `cannot_link` and `must_link` are about the pair `a`, `b` (nids); `block` and `erase` about `a`; `rules` brings a whole
    rule file (`text`). Of several with one `id`, the one with the highest `seq` counts, in whatever order they come: a ruling
    is taken back by the same `id`, a higher `seq` and `stands=False`. An erasure is final. `by` names the steward.
    """

    TYPE: ClassVar[str] = "event.ruling"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    id: str
    seq: int
    kind: RulingKind
    at: str
    a: str = ""
    b: str = ""
    stands: bool = True
    text: str = ""
    by: str = ""
    reason: str = ""


class Evidence(Record, frozen=True, kw_only=True, gc=False):
    """`event.identity`: what one event says of who is who, once. Keyed (tenant, id); partitioned by tenant, its shard.

    `nids` are the identifiers that the event `about` of topic `source` shows together, each once. `name` are the tokens of
    the name on it, "" for none. `model` and `score` (log-odds to base 2) belong to class D. A record with a `ruling` brings
    a steward's word into the same order, and nothing else.
    """

    TYPE: ClassVar[str] = "event.identity"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    id: str
    at: str
    source: str
    about: str
    cls: EvidenceClass | None = None
    nids: tuple[str, ...] = ()
    name: str = ""
    model: int = 0
    score: int = 0
    ruling: Ruling | None = None


class IdentityFact(Record, frozen=True, kw_only=True, gc=False):
    """`log.resolve_members`: one fact, with everything that was ever said of it joined. Kept by who resolves.

    | kind | key after the tenant | holds |
    |---|---|---|
    | identifier | `i`, nid | first (seconds), weeks |
    | pair | `p`, nid, nid | cls (4 is A), first, days, last (days), model, score |
    | name | `n`, nid, tokens | first, last (days) |
    | ruling | `r`, id | the ruling |
    | erased | `x`, mark | nothing: the mark knows an erased nid when it comes again, and tells nothing of it |
    | model | `m` | the newest model |
    """

    TYPE: ClassVar[str] = "log.resolve_members"
    V: ClassVar[int] = 1

    v: int = 1
    kind: FactKind
    first: int = 0
    last: int = 0
    weeks: tuple[int, ...] = ()
    days: tuple[int, ...] = ()
    cls: int = 0
    model: int = 0
    score: int = 0
    ruling: Ruling | None = None


def shard(tenant: str) -> bytes:
    """The partitioning key of all that one resolver must see together. Two shards must not share an identifier."""
    return key(tenant)


def evidence_id(tenant: str, source: str, about: str, part: str) -> str:
    """The id of evidence: an event may say several things, told apart by `part`."""
    return record_id(tenant, "identity", source, about, part)
