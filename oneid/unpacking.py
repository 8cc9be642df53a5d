"""What F judges, made from a shard's packed rows: the dossiers that hold a conflict, a few at a time. Pure."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from oneid.conflicts import Gathered
from oneid.dossier import Dossier, Rulings
from oneid.evidence import Span
from oneid.ledger import Ledger
from oneid.packed import Array, starts_of

AT_ONCE = 256  # dossiers that are made at once: more would only keep the collector busy


class Unpacked(NamedTuple):
    """A dossier, and the node of each of its nids."""

    dossier: Dossier
    nodes: dict[str, int]


class Unpacker:
    """`dead` says of each node of the shard whether it links nobody; what was ruled of such a one has no effect."""

    def __init__(self, ledger: Ledger, said: Rulings, dead: Array) -> None:
        self._ledger, self._said, self._dead = ledger, said, dead

    def dossiers(self, gathered: Gathered, root: Array, chosen: Array) -> Iterator[Unpacked]:
        """Those of the components (`root`) of which all nodes are `chosen`, a mask; of edges the ledger's, not a steward's."""
        picked = np.flatnonzero(chosen)
        picked = picked[np.argsort(root[picked], kind="stable")]
        edges = np.flatnonzero(chosen[gathered.a] & (gathered.at >= 0))
        edges = edges[np.argsort(root[gathered.a[edges]], kind="stable")]
        begins = starts_of(root[picked])
        roots = root[picked[begins]]
        begins = np.append(begins, len(picked))
        linked = np.append(np.searchsorted(root[gathered.a[edges]], roots), len(edges))
        place = np.empty(len(chosen), np.int64)
        place[picked] = np.arange(len(picked))
        ends = place[gathered.a[edges]], place[gathered.b[edges]]
        for i in range(0, len(roots), AT_ONCE):
            bounds, links = begins[i : i + AT_ONCE + 1], linked[i : i + AT_ONCE + 1]
            some, few = slice(bounds[0], bounds[-1]), slice(links[0], links[-1])
            a, b = (end[few] - bounds[0] for end in ends)
            nodes, at = gathered.nodes[picked[some]], gathered.at[edges[few]]
            yield from self._made(nodes, bounds - bounds[0], _Links(a, b, at, links - links[0]))

    def _made(self, nodes: Array, bounds: Array, links: "_Links") -> Iterator[Unpacked]:
        """The dossiers of nodes that lie side by side: that of `i` between bounds[i] and bounds[i + 1], and so its links."""
        ledger, nids, numbers = self._ledger, self._ledger.nids(nodes), nodes.tolist()
        identifiers = ledger.identifier(nodes)
        ends = zip(links.a.tolist(), links.b.tolist(), strict=True)
        keys = [(x, y) if x < y else (y, x) for x, y in ((nids[i], nids[j]) for i, j in ends)]
        pairs = ledger.pairs.shown(links.at)
        owner = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds)).tolist()
        names: list[dict[str, dict[str, Span]]] = [{} for _ in bounds[1:]]
        for i, tokens, span in ledger.named(nodes):
            names[owner[i]].setdefault(nids[i], {})[tokens] = span
        dead = np.logical_or.reduceat(self._dead[nodes], bounds[:-1]).tolist()
        shares = zip(*(_shares(of.tolist()) for of in (bounds, links.bounds)), names, dead, strict=True)
        for mine, theirs, called, alone in shares:
            dossier = Dossier(
                dict(zip(nids[mine], identifiers[mine], strict=True)),
                dict(zip(keys[theirs], pairs[theirs], strict=True)),
                called,
                frozenset(),
                frozenset(),
            )
            one = Unpacked(dossier, dict(zip(nids[mine], numbers[mine], strict=True)))
            # A dead identifier stands alone.
            yield one if alone else self._ruled(one)

    def _ruled(self, one: Unpacked) -> Unpacked:
        """The same with the rulings on it."""
        said, mine = self._said, one.nodes
        if not (said.must or said.cannot):
            return one
        must, cannot = (
            frozenset(key for key in keys if key[0] in mine and key[1] in mine) for keys in (said.must, said.cannot)
        )
        return one._replace(dossier=one.dossier._replace(must=must, cannot=cannot))


class _Links(NamedTuple):
    """Edges between nodes that are numbered from 0: their ends, their places in the ledger, and where each dossier's begin."""

    a: Array
    b: Array
    at: Array
    bounds: Array


def _shares(bounds: list[int]) -> list[slice]:
    return [slice(begin, end) for begin, end in pairwise(bounds)]
