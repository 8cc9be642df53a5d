"""What a file of identity events says: one event a line, documented in docs/oneid.md."""

from typing import Annotated, Literal

import msgspec

from contracts.pos import Instant

EvidenceClass = Literal["A", "B", "C", "D"]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class SaidIdentifier(_Part, frozen=True):
    type: Annotated[str, msgspec.Meta(min_length=1, max_length=15)]
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class IdentityEvent(_Part, frozen=True):
    """The identifiers that one event shows together. `model` and `score` belong to class D, and to no other."""

    at: Instant
    identifiers: Annotated[tuple[SaidIdentifier, ...], msgspec.Meta(min_length=1, max_length=64)]
    cls: EvidenceClass = msgspec.field(name="class", default="B")
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    model: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    score: Annotated[int, msgspec.Meta(ge=-128, le=127)] | None = None
