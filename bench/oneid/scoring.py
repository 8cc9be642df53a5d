"""How far a partition of identifiers agrees with the truth. Shares no code with any resolver."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from bench.oneid.simulator import World


class Score(NamedTuple):
    """Shares are of 1. `over_merged`: clusters that hold what only one person owns, of two people.

    Pairs are pairs of identifiers in one cluster. A pair is right if somebody owns both. Only pairs of which each side has
    exactly one owner ever count, except that a number with two owners in turn must be with one of them.
    `recall`: of the pairs of identifiers of one person alone that the person's own events link, the share that is in one
    cluster. A link counts when it goes through identifiers that the person owns and nobody else owns at the same time:
    what only a shared phone links cannot be known.
    """

    clusters: int
    over_merged: float
    precision: float
    recall: float
    largest: int


def score(world: World, cluster_of: Mapping[str, object], reachable: Mapping[int, list[list[str]]]) -> Score:
    clusters: dict[object, list[str]] = defaultdict(list)
    for nid, cluster in cluster_of.items():
        clusters[cluster].append(nid)
    over = wrong = right = 0
    for nids in clusters.values():
        owners = [world.owners.get(nid, frozenset()) for nid in nids]
        single = Counter(next(iter(o)) for o in owners if len(o) == 1)
        several = [o for o in owners if len(o) > 1]
        over += len(single) > 1
        count = sum(single.values())
        same = sum(n * (n - 1) // 2 for n in single.values())
        right += same + sum(single[p] for o in several for p in o)
        wrong += count * (count - 1) // 2 - same
        wrong += sum(count - sum(single[p] for p in o) for o in several)
    found = total = 0
    for parts in reachable.values():
        for part in parts:
            together = Counter(cluster_of.get(nid, nid) for nid in part)
            total += len(part) * (len(part) - 1) // 2
            found += sum(n * (n - 1) // 2 for n in together.values())
    sizes = max((len(nids) for nids in clusters.values()), default=0)
    return Score(
        len(clusters), over / max(1, len(clusters)), right / max(1, right + wrong), found / max(1, total), sizes
    )


def reachable(world: World) -> dict[int, list[list[str]]]:
    """For each person the identifiers of their own alone, as far as their own events link them."""
    parent: dict[tuple[int, str], tuple[int, str]] = {}

    def find(node: tuple[int, str]) -> tuple[int, str]:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for event, actor in zip(world.events, world.actors, strict=True):
        own = [(actor, nid) for nid in event.nids if actor in world.owners.get(nid, ()) and nid not in world.at_once]
        for node in own:
            parent[find(own[0])] = find(node)
    groups: dict[tuple[int, str], list[str]] = defaultdict(list)
    for actor, nid in list(parent):
        if len(world.owners[nid]) == 1:
            groups[find((actor, nid))].append(nid)
    found: dict[int, list[list[str]]] = defaultdict(list)
    for (actor, _), nids in groups.items():
        if len(nids) > 1:
            found[actor].append(nids)
    return found
