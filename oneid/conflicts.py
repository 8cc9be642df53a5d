"""Dossiers gathered from a shard, and whether F could refuse anything in them. Pure.

F could refuse nothing where each type stays within all its limits even if every identifier were active at once, no names
contradict each other, nothing was ruled, and every anchor is joined by more than co-occurrence.
"""

from typing import NamedTuple

import numpy as np

from oneid.evidence import TOGETHER
from oneid.ledger import Ledger
from oneid.packed import LOW, SHIFT, U64, Array, components, distinct, starts_of
from oneid.resolve import MUST
from oneid.rules import Rules
from oneid.tenancies import contradictory


class Gathered(NamedTuple):
    """Whole dossiers: their nodes, sorted, and the live edges among them as indexes into the nodes."""

    nodes: Array
    a: Array
    b: Array
    at: Array  # positions of the edges in the ledger; -1 for a steward's link


class Judge:
    """Tells the components that F must see from those that it need not."""

    def __init__(self, rules: Rules, ledger: Ledger) -> None:
        self._rules, self._ledger = rules, ledger
        types = ledger.types
        self.is_anchor = np.array([t in rules.anchors for t in types])
        self.is_held = np.array([t in rules.together for t in types])
        self._most = np.array([_most(rules, t) for t in types], np.int64)

    def classes(self, gathered: Gathered) -> Array:
        """Of each edge what it says, at most: what is held is merely together, and a steward's word is above all."""
        type = self._ledger.type.values[gathered.nodes]
        cls = np.full(len(gathered.at), MUST)
        real = gathered.at >= 0
        cls[real] = self._ledger.pairs["cls"][gathered.at[real]]
        held = real & (self.is_held[type[gathered.a]] | self.is_held[type[gathered.b]])
        cls[held] = np.minimum(cls[held], TOGETHER)
        return cls

    def conflicts(self, gathered: Gathered, root: Array, ruled: Array) -> Array:
        """Of each node, whether F might refuse something in its component (`root`). `ruled` are nodes of rulings."""
        bad = np.zeros(len(gathered.nodes), bool)  # by root
        bad[self._crowded(gathered.nodes, root)] = True
        bad[root[np.isin(gathered.nodes, ruled)]] = True
        bad[self._misnamed(gathered.nodes, root)] = True
        bad |= self._torn(gathered, root)
        conflict: Array = bad[root]
        return conflict

    def _crowded(self, nodes: Array, root: Array) -> Array:
        """Components with more of a type than a limit allows, whatever the weeks."""
        types = len(self._most)
        combined = np.sort(root * types + self._ledger.type.values[nodes])
        starts = starts_of(combined)
        combined, many = combined[starts], np.diff(np.append(starts, len(combined)))
        crowded: Array = combined[many > self._most[combined % types]] // types
        return crowded

    def _misnamed(self, nodes: Array, root: Array) -> list[int]:
        """Components in which names contradict each other."""
        if not self._rules.names.exclusive:
            return []
        ledger = self._ledger
        low = nodes.astype(U64) << SHIFT
        at, owner = ledger.names.ranges(low, low + (U64(1) << SHIFT))
        named = distinct(root[owner] << 32 | (ledger.names.keys[at] & LOW).astype(np.int64))
        if not len(named):
            return []
        starts = starts_of(named >> 32)
        ends = np.append(starts[1:], len(named))
        found = []
        for i, j in zip(starts.tolist(), ends.tolist(), strict=True):
            if j - i > 1 and contradictory([ledger.tokens[number & 0xFFFF_FFFF] for number in named[i:j].tolist()]):
                found.append(int(named[i]) >> 32)
        return found

    def _torn(self, gathered: Gathered, root: Array) -> Array:
        """By root: whether two anchors of the component are joined by nothing better than co-occurrence."""
        count = len(gathered.nodes)
        torn, together = np.zeros(count, bool), np.zeros(count, bool)
        cls = self.classes(gathered)
        if (cls == TOGETHER).any():
            strong = cls > TOGETHER
            island = components(count, gathered.a[strong], gathered.b[strong])
            anchors = np.flatnonzero(self.is_anchor[self._ledger.type.values[gathered.nodes]])
            islands = distinct(root[anchors] << 32 | island[anchors]) >> 32
            torn[islands[1:][islands[1:] == islands[:-1]]] = True
            together[root[gathered.a[cls == TOGETHER]]] = True
        return torn & together


def _most(rules: Rules, type: str) -> int:
    """How many of a type can be together whatever their weeks."""
    windows = (most for _, most in rules.windows.get(type, ()))
    return min(rules.ever.get(type, 1 << 30), *windows, 1 << 30)
