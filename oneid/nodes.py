"""The identifiers of a shard as numbers: what each is called, in sixteen bytes and its type. Pure.

Nodes are numbered as they come; the numbers are used inside only, and nothing that leaves depends on them.
"""

from collections.abc import Sequence

import numpy as np

from oneid.packed import LOW, SHIFT, U64, Array, Column, Rows
from oneid.rules import Rules

NO_TYPE = 255
DIGEST = 32  # characters of the hash in a nid
PREFIX = 16  # characters that a type may have, with the colon
AT_ONCE = 1 << 15  # nids that are read at once: their text stays in the cache


class Nodes:
    """Nids and their numbers, both ways. The type is mixed into the digest, so that a digest alone tells nodes apart."""

    def __init__(self, rules: Rules) -> None:
        self.types = list(rules.identifiers)
        self._prefixes = [np.frombuffer(f"{type}:".encode().ljust(PREFIX, b"\0"), U64) for type in self.types]
        self._priority = np.array([rules.priority[type] for type in self.types], np.int64)
        self.high, self.low, self.type = Column(U64), Column(U64), Column(np.uint8)
        self._index = Rows()

    def __len__(self) -> int:
        return self.type.size

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in (self.high, self.low, self.type, self._index))

    def nid(self, node: int) -> str:
        return self.nids(np.array([node]))[0]

    def nids(self, nodes: Array) -> list[str]:
        """What each of the nodes is called."""
        type = self.type.values[nodes]
        halves = np.column_stack((self.high.values[nodes] ^ type.astype(U64), self.low.values[nodes])).astype(">u8")
        text, names = halves.tobytes().hex(), self.types
        places = range(0, len(text), DIGEST)
        return [f"{names[t]}:{text[i : i + DIGEST]}" for t, i in zip(type.tolist(), places, strict=True)]

    def nodes(self, nids: Sequence[str]) -> Array:
        """The node of each nid, -1 for one that is not known."""
        return self._known(*self._digests(nids)[:2]) if nids else np.empty(0, np.int64)

    def _digests(self, nids: Sequence[str]) -> tuple[Array, Array, Array]:
        parts = [self._digested(nids[i : i + AT_ONCE]) for i in range(0, len(nids), AT_ONCE)]
        high, low, type = (np.concatenate(column) for column in zip(*parts, strict=True))
        return high, low, type

    def _digested(self, nids: Sequence[str]) -> tuple[Array, Array, Array]:
        """High and low half of each digest and the type. The type is mixed in, so that a digest alone tells nodes apart."""
        text = np.frombuffer("".join(nids).encode() + bytes(PREFIX), np.uint8)
        ends = np.flatnonzero(text == ord(":")) + 1 + DIGEST  # a nid has one colon, before its hash
        begins = np.append(0, ends[:-1])
        lengths = ends - begins - DIGEST
        if len(ends) != len(nids) or ends[-1] + PREFIX != len(text):
            raise ValueError("an identifier is not a type, a colon and 32 digits")
        inside = np.arange(PREFIX)
        # What stands before the hash (`card:`), as two numbers that are compared with those of each type.
        prefix = text[begins[:, None] + inside]
        prefix[inside >= lengths[:, None]] = 0
        words = prefix.view(U64)
        type = np.full(len(nids), NO_TYPE, np.uint8)
        for code, (x, y) in enumerate(self._prefixes):
            type[(words[:, 0] == x) & (words[:, 1] == y)] = code
        if (type == NO_TYPE).any():
            raise ValueError("an identifier has a type that the rules do not name")
        kept = np.ones(len(text), bool)
        kept[len(text) - PREFIX :] = False
        kept[(begins[:, None] + inside)[inside < lengths[:, None]]] = False
        halves = np.frombuffer(bytes.fromhex(text[kept].tobytes().decode()), ">u8").reshape(-1, 2)
        return halves[:, 0].astype(U64) ^ type.astype(U64), halves[:, 1].astype(U64), type

    def _known(self, high: Array, low: Array) -> Array:
        found = np.full(len(high), -1, np.int64)
        prefix = high >> SHIFT << SHIFT
        at, owner = self._index.ranges(prefix, prefix + (U64(1) << SHIFT) - U64(1))
        node = (self._index.keys[at] & LOW).astype(np.int64)
        same = (self.high.values[node] == high[owner]) & (self.low.values[node] == low[owner])
        found[owner[same]] = node[same]
        return found

    def intern(self, nids: Sequence[str]) -> tuple[Array, int]:
        """The node of each nid, new ones made; and how many there were before."""
        high, low, type = self._digests(nids)
        order = np.argsort(high)
        if ((high[order][1:] == high[order][:-1]) & (low[order][1:] != low[order][:-1])).any():
            order = np.lexsort((low, high))  # two digests with one half in common: nobody will see it
        high, low, type = high[order], low[order], type[order]
        fresh = np.concatenate(([True], (high[1:] != high[:-1]) | (low[1:] != low[:-1])))
        group = np.cumsum(fresh) - 1
        high, low, type = high[fresh], low[fresh], type[fresh]
        found = self._known(high, low)
        absent = np.flatnonzero(found < 0)
        before = len(self)
        found[absent] = np.arange(before, before + len(absent))
        self.high.extend(high[absent])
        self.low.extend(low[absent])
        self.type.extend(type[absent])
        self._index.insert((high[absent] >> SHIFT << SHIFT) | found[absent].astype(U64))
        nodes = np.empty(len(nids), np.int64)
        nodes[order] = found[group]
        return nodes, before

    def strongest(self, table: Array) -> Array:
        """Of each row of nodes the one with the best priority, ties by hash."""
        type = self.type.values[table]
        high = self.high.values[table] ^ type.astype(U64)
        order = np.lexsort((self.low.values[table], high, self._priority[type]), axis=1)
        return table[np.arange(len(table)), order[:, 0]]

    def all(self) -> Array:
        """Every node that was not dropped."""
        return (self._index.keys & LOW).astype(np.int64)

    def drop(self, nodes: Array) -> None:
        """Forget what these nodes are called. Their numbers are not used again."""
        self._index.keep(~np.isin(self._index.keys & LOW, nodes))
        self.high.values[nodes] = 0
        self.low.values[nodes] = 0
