"""What others do with the same events: components without rules, and limits applied as events arrive."""

from collections.abc import Iterable
from itertools import combinations

from oneid.evidence import LIKELY, Observation


def naive(events: Iterable[Observation]) -> dict[str, str]:
    """Connected components: what one event shows together is one person."""
    parent: dict[str, str] = {}
    for event in events:
        first = _find(parent, event.nids[0])
        for nid in event.nids[1:]:
            parent[_find(parent, nid)] = first
            first = _find(parent, first)
    return {nid: _find(parent, nid) for nid in parent}


def by_arrival(events: Iterable[Observation], limits: dict[str, int], priority: dict[str, int]) -> dict[str, int]:
    """Limits in order of arrival, as common customer data platforms do: when a merge would pass a limit, the event's
    weakest identifier is left out and the merge is tried again. What is merged stays merged.
    """
    profile: dict[str, int] = {}
    members: dict[int, list[str]] = {}
    for event in events:
        nids = sorted(event.nids, key=lambda nid: priority[_kind(nid)])
        while nids:
            touched = {profile[nid] for nid in nids if nid in profile}
            together = {n for p in touched for n in members[p]} | set(nids)
            if len(nids) == 1 or all(sum(_kind(n) == type for n in together) <= most for type, most in limits.items()):
                break
            nids.pop()
        target = max(touched, key=lambda p: len(members[p])) if touched else len(members)
        for nid in together:
            profile[nid] = target
        for old in touched - {target}:
            members[old] = []
        members[target] = list(together)
    return profile


def union_find(events: list[Observation]) -> int:
    """The calibration loop: a union–find of the same edges in plain Python, without rules. Returns how many it joined."""
    parent: dict[str, str] = {}
    joined = 0
    for event in events:
        if event.cls == LIKELY:
            continue
        for a, b in combinations(event.nids, 2):
            x, y = _find(parent, a), _find(parent, b)
            if x != y:
                parent[x] = y
                joined += 1
    return joined


def _find(parent: dict[str, str], node: str) -> str:
    root = parent.setdefault(node, node)
    while root != node:
        parent[node] = parent[root]
        node, root = root, parent[root]
    return node


def _kind(nid: str) -> str:
    return nid[:-33]
