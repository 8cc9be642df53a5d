"""Matched records as evidence for the resolver: who declared what (class B), and which records are probably one person's (D).

A line a fact, in the format of `zhongtai oneid resolve` (docs/oneid.md). F then judges: a score never overrides a rule, so
two records with contradictory names stay two people, and a newer model version replaces the scores of an older one.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import log2

import msgspec

from contracts.identity import IdentityEvent, SaidIdentifier
from oneid.identifiers import normalise

# The roles of a record that are identifiers; the others describe.
TYPE_OF = {"login": "login", "card": "card", "phone": "phone", "email": "email", "device": "device"}
MOST_BITS = 20  # no matcher is surer than one in a million


def bits(probability: float) -> int:
    """Log-odds to base 2, rounded, as evidence of class D carries them; within ±MOST_BITS."""
    near = min(max(probability, 1e-9), 1 - 1e-9)
    return max(-MOST_BITS, min(MOST_BITS, round(log2(near / (1 - near)))))


def events(
    ids: Sequence[str], records: Sequence[Mapping[str, str]], pairs: Sequence[tuple[int, int, float]], *,
    at: str, region: str, id_type: str, version: int,
) -> Iterator[IdentityEvent]:  # fmt: skip
    """What each record declares, then what the matcher says of each pair, in order.

    A record's own id is an identifier of the type `id_type`, and the name belongs to it. Values that cannot be what their
    role says, and masked phone numbers, are no identifiers and are left out.
    """
    for id, record in zip(ids, records, strict=True):
        own = SaidIdentifier(type=id_type, value=id)
        declared = [
            SaidIdentifier(type=t, value=v)
            for role, t in TYPE_OF.items()
            if (v := record.get(role)) and normalise(t, v, region)
        ]
        name = (record.get("name") or f"{record.get('given_name') or ''} {record.get('surname') or ''}").strip()[:200]
        if name:
            yield IdentityEvent(at=at, identifiers=(own,), cls="B", name=name)
        if declared or not name:
            yield IdentityEvent(at=at, identifiers=(own, *declared), cls="B")
    for a, b, p in pairs:
        both = (SaidIdentifier(type=id_type, value=ids[a]), SaidIdentifier(type=id_type, value=ids[b]))
        yield IdentityEvent(at=at, identifiers=both, cls="D", model=version, score=bits(p))


def lines(facts: Iterator[IdentityEvent]) -> bytes:
    encode = msgspec.json.Encoder().encode
    return b"".join(encode(fact) + b"\n" for fact in facts)
