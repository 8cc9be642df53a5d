"""What F judges, made from a shard's packed rows: the dossiers that hold a conflict, a few at a time. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from oneid.conflicts import Gathered
from oneid.dossier import Dossier, Rulings
from oneid.evidence import Key
from oneid.ledger import Ledger
from oneid.packed import Array, distinct

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
        roots = distinct(root[picked])
        for some in (roots[i : i + AT_ONCE] for i in range(0, len(roots), AT_ONCE)):
            within = slice(*np.searchsorted(root[picked], (some[0], some[-1] + 1)).tolist())
            linked = slice(*np.searchsorted(root[gathered.a[edges]], (some[0], some[-1] + 1)).tolist())
            yield from self._made(gathered, root, picked[within], edges[linked])

    def _made(self, gathered: Gathered, root: Array, picked: Array, edges: Array) -> Iterator[Unpacked]:
        ledger, nodes = self._ledger, gathered.nodes[picked]
        nid = dict(zip(picked.tolist(), map(ledger.nid, nodes.tolist()), strict=True))
        at = dict(zip(picked.tolist(), root[picked].tolist(), strict=True))
        made = {where: Unpacked(Dossier({}, {}, {}, frozenset(), frozenset()), {}) for where in at.values()}
        known = zip(nid.items(), nodes.tolist(), ledger.identifier(nodes), strict=True)
        for (i, name), node, identifier in known:
            dossier, mine = made[at[i]]
            dossier.identifiers[name] = identifier
            mine[name] = node
        ends = zip(gathered.a[edges].tolist(), gathered.b[edges].tolist(), strict=True)
        for (x, y), pair in zip(ends, ledger.pairs.shown(gathered.at[edges]), strict=True):
            made[at[x]].dossier.pairs[_key(nid[x], nid[y])] = pair
        listed = list(nid.items())
        for i, tokens, span in ledger.named(nodes):
            number, name = listed[i]
            made[at[number]].dossier.names.setdefault(name, {})[tokens] = span
        dead = {at[i] for i in picked[self._dead[nodes]].tolist()}
        for where, one in made.items():
            # A dead identifier stands alone.
            yield one if where in dead else self._ruled(one)

    def _ruled(self, one: Unpacked) -> Unpacked:
        """The same with the rulings on it."""
        said, mine = self._said, one.nodes
        if not (said.must or said.cannot):
            return one
        must, cannot = (
            frozenset(key for key in keys if key[0] in mine and key[1] in mine) for keys in (said.must, said.cannot)
        )
        return one._replace(dossier=one.dossier._replace(must=must, cannot=cannot))


def _key(x: str, y: str) -> Key:
    return (x, y) if x < y else (y, x)
