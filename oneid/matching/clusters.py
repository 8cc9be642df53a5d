"""Probable pairs → persons without contradiction, and the pairs within them. Pure.

Pairs judged one by one contradict each other: a = b and b = c, but a ≠ c. So records are joined greedily by what speaks for
a union **in sum**: the log-odds of all scored pairs between the two groups (greedy additive edge contraction, a heuristic
for correlation clustering). A pair with much against it stops two groups that one weak pair would join.
"""

import heapq
from collections.abc import Iterable
from itertools import combinations
from math import log

STRONGEST = 9.0  # log-odds: no single pair may outvote everything else
SAID = 1e6  # but a person's word does
NOT_SEEN = -0.7  # two records that share no key at all are a little less likely one person's

Pair = tuple[int, int]


def log_odds(p: float) -> float:
    """Natural log-odds, within ±STRONGEST; of 0 and 1, which only people say, ±SAID."""
    if p <= 0 or p >= 1:
        return SAID if p >= 1 else -SAID
    return max(-STRONGEST, min(STRONGEST, log(p / (1 - p))))


def clusters(scored: Iterable[tuple[int, int, float]], threshold: float) -> dict[int, int]:
    """Record → the smallest record of its person, for records in a pair of probability `threshold` or more.

    `scored`: pairs with their probability, each once. The order does not matter. Pairs below the threshold speak
    against a union by their log-odds from it.
    """
    zero = log_odds(threshold)
    between: dict[int, dict[int, float]] = {}
    for a, b, p in scored:
        between.setdefault(a, {})[b] = between.setdefault(b, {})[a] = log_odds(p) - zero
    size = dict.fromkeys(between, 1)
    heap = [(-w, a, b) for a, near in between.items() for b, w in near.items() if a < b and w >= 0]
    heapq.heapify(heap)
    person = {record: record for record in between}
    members = {record: [record] for record in between}
    while heap:
        weight, a, b = heapq.heappop(heap)
        if a in between and between[a].get(b) == -weight:
            _contract(a, b, between, size, heap)
            members[a] += members.pop(b)
    for group in members.values():
        lowest = min(group)
        person.update(dict.fromkeys(group, lowest))
    return person


def _contract(
    a: int, b: int, between: dict[int, dict[int, float]], size: dict[int, int], heap: list[tuple[float, int, int]]
) -> None:
    theirs = between.pop(b)
    del theirs[a], between[a][b]
    near = between[a]
    for c in {*theirs, *near}:
        ours = near.get(c, NOT_SEEN * size[a] * size[c])
        weight = ours + theirs.get(c, NOT_SEEN * size[b] * size[c])
        near[c] = between[c][a] = weight
        between[c].pop(b, None)
        if weight >= 0:
            heapq.heappush(heap, (-weight, min(a, c), max(a, c)))
    size[a] += size.pop(b)


def within(person: dict[int, int], scored: Iterable[tuple[int, int, float]], threshold: float) -> dict[Pair, float]:
    """All pairs within persons, in order, with a probability of `threshold` at least.

    A pair that was not scored, or scored lower than a chain of pairs between the two, gets the weakest link of the best chain.
    """
    groups: dict[int, list[int]] = {}
    for record, lowest in person.items():
        groups.setdefault(lowest, []).append(record)
    links: dict[int, list[tuple[float, int, int]]] = {}
    for a, b, p in scored:
        if person.get(a) == person.get(b) and a in person:
            links.setdefault(person[a], []).append((p, a, b))
    found: dict[Pair, float] = {}
    for lowest, group in groups.items():
        if len(group) > 1:
            best = _chains(group, links.get(lowest, []))
            for pair in combinations(sorted(group), 2):
                found[pair] = max(best.get(pair, 0.0), threshold)
    return dict(sorted(found.items()))


def _chains(group: list[int], links: list[tuple[float, int, int]]) -> dict[Pair, float]:
    """The weakest link of the best chain for each pair: unions in falling order name it for all pairs they join."""
    part = {record: [record] for record in group}
    best: dict[Pair, float] = {}
    for p, a, b in sorted(links, key=lambda link: (-link[0], link[1], link[2])):
        if part[a] is not part[b]:
            for x in part[a]:
                for y in part[b]:
                    best[min(x, y), max(x, y)] = p
            joined = part[a] + part[b]
            for record in joined:
                part[record] = joined
    return best
