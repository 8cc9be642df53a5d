"""How far members agree with the people behind them: shares, since who is who cannot always be known from what was shown.

An identifier's owners are those who have it; who uses another's for lack of an own (the head's card, the family's computer)
owns it together with that one. Kiosks, assistants' phones and mistyped numbers are nobody's, and do not count.

| share | of | that |
|---|---|---|
| over-merged | members | hold what only one person owns, of two people |
| precision | pairs of identifiers of one member, each of which only one person ever owned | one person owns both of |
| recall | pairs of a person's own identifiers that what the person showed links | are one member's |

A link counts for recall when both its ends are the person's and nobody else's at the same time: what only a shared phone links
cannot be known. A number with two owners in turn must be with one of them. Nothing here knows a rule of any resolver.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

P = TypeVar("P", bound=Hashable)  # a person
MOST_OVER_MERGED, LEAST_PRECISION, LEAST_RECALL = 0.0030, 0.992, 0.987


class Score(NamedTuple):
    """Shares are of 1. `seen` are the identifiers that were given; `largest` is the size of the largest member."""

    seen: int
    members: int
    over_merged: float
    precision: float
    recall: float
    largest: int

    @property
    def good(self) -> bool:
        return (
            self.over_merged <= MOST_OVER_MERGED and self.precision >= LEAST_PRECISION and self.recall >= LEAST_RECALL
        )


def score(
    owners: Mapping[str, frozenset[P]],
    several: Mapping[str, frozenset[P]],
    member_of: Mapping[str, object],
    parts: Iterable[Sequence[str]],
) -> Score:
    """`several`: the owners of each identifier that must be with one of several. `parts`: what `reachable` returned."""
    members: dict[object, list[str]] = defaultdict(list)
    for one, member in member_of.items():
        members[member].append(one)
    over = wrong = right = 0
    for nids in members.values():
        single = Counter(next(iter(people)) for one in nids if len(people := owners.get(one, frozenset())) == 1)
        either = [several[one] for one in nids if one in several]
        over += len(single) > 1
        count = sum(single.values())
        same = sum(n * (n - 1) // 2 for n in single.values())
        right += same + sum(single[person] for people in either for person in people)
        wrong += count * (count - 1) // 2 - same
        wrong += sum(count - sum(single[person] for person in people) for people in either)
    found = total = 0
    for part in parts:
        together = Counter(member_of.get(one, one) for one in part)
        total += len(part) * (len(part) - 1) // 2
        found += sum(n * (n - 1) // 2 for n in together.values())
    return Score(
        seen=len(member_of),
        members=len(members),
        over_merged=over / max(1, len(members)),
        precision=right / max(1, right + wrong),
        recall=found / max(1, total),
        largest=max(map(len, members.values()), default=0),
    )


def reachable(owners: Mapping[str, frozenset[P]], shown: Iterable[tuple[P, Sequence[str]]]) -> list[list[str]]:
    """The identifiers of one person alone, as far as they were shown together, in parts of two or more.

    `shown`: a person, and what was shown together of that which is the person's and nobody else's at the same time.
    """
    parent: dict[tuple[P, str], tuple[P, str]] = {}

    def find(node: tuple[P, str]) -> tuple[P, str]:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for person, mine in shown:
        for one in mine:
            parent[find((person, mine[0]))] = find((person, one))
    groups: dict[tuple[P, str], list[str]] = defaultdict(list)
    for node in list(parent):
        if len(owners[node[1]]) == 1:
            groups[find(node)].append(node[1])
    return [part for part in groups.values() if len(part) > 1]
