"""What the map must say, by the definition: F over everything that is known, at leisure. Pure.

It shares no code with the fast resolver, and reads the same facts.
"""

from collections import Counter
from typing import NamedTuple

from oneid.dossier import generic, in_force, live
from oneid.evidence import CLASSES, Evidence, kind
from oneid.resolve import MUST, Resolution, persons
from oneid.rules import Rules

# In per cent; the same words stand in `oneid.shard`, and a test compares them.
BY_CLASS = {MUST: 100, CLASSES["A"]: 99, CLASSES["B"]: 95, CLASSES["C"]: 80, CLASSES["D"]: 70}
ALONE, BY_A_FORMER_OWNER = 100, 60


class Held(NamedTuple):
    """Whose an identifier is (the birth node), and how well it is joined, in per cent."""

    birth: str
    confidence: int


class Health(NamedTuple):
    """The shape of the graph. `generic` counts values that are nobody's, `largest` are sizes, largest first."""

    identifiers: int
    members: int
    by_type: dict[str, int]
    sizes: dict[int, int]
    largest: tuple[tuple[str, int], ...]
    generic: dict[str, int]
    recycled: int
    refused: dict[str, int]

    @property
    def each(self) -> float:
        return self.identifiers / self.members if self.members else 0.0


def expected(evidence: Evidence, rules: Rules) -> tuple[dict[str, Held], Resolution]:
    """Who must have each identifier, and everything that F decided on the way."""
    dossier = live(evidence, rules)
    answer = persons(dossier, rules)
    holders = {nid: born for nid in evidence.identifiers if (born := answer.holder(nid)) is not None}
    best: dict[str, int] = {}
    for key, pair in dossier.pairs.items():
        if key not in dossier.must:
            held = any(kind(nid) in rules.together for nid in key)
            _raise(best, key, holders, BY_CLASS[min(pair.cls, CLASSES["C"]) if held else pair.cls])
    for key in dossier.must:
        _raise(best, key, holders, BY_CLASS[MUST])
    sizes = Counter(holders.values())
    return {
        nid: Held(birth, ALONE if sizes[birth] == 1 else best.get(nid, BY_A_FORMER_OWNER))
        for nid, birth in holders.items()
    }, answer


def health(evidence: Evidence, rules: Rules, held: dict[str, Held], answer: Resolution, largest: int = 10) -> Health:
    """The shape of what `expected` found."""
    sizes = Counter(one.birth for one in held.values())
    nobodys = generic(evidence, rules, in_force(evidence.rulings.values()))
    return Health(
        identifiers=len(held),
        members=len(sizes),
        by_type=dict(Counter(kind(nid) for nid in held)),
        sizes=dict(sorted(Counter(sizes.values()).items())),
        largest=tuple(sorted(sizes.items(), key=lambda one: (-one[1], one[0]))[:largest]),
        generic=dict(Counter(kind(nid) for nid in nobodys)),
        recycled=len(answer.cuts),
        refused=dict(Counter(decision.rule for decision in answer.decisions if decision.rule)),
    )


def _raise(best: dict[str, int], key: tuple[str, str], holders: dict[str, str], strength: int) -> None:
    a, b = key
    if a in holders and holders[a] == holders.get(b):
        for nid in key:
            best[nid] = max(best.get(nid, 0), strength)
