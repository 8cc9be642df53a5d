"""The evidence of one tenant shard, packed: joins whole batches at once. Pure.

Holds exactly what `oneid.evidence.Evidence` holds (`unpacked` shows it), in about a hundred bytes an identifier. What nodes are
called is in `oneid.nodes`, what is known of pairs of them in `oneid.pair_rows`.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from oneid.evidence import DAY_S, LIKELY, STAR_FROM, Evidence, Identifier, Key, Observation, Pair, Span
from oneid.nodes import Nodes
from oneid.packed import LOW, SHIFT, U64, Array, Column, Rows, distinct, starts_of
from oneid.pair_rows import PairRows
from oneid.rules import Rules

WEEK_BITS = U64(16)


class Touched(NamedTuple):
    """What a batch did: `new` nodes; nodes seen `earlier` than known; keys of `pairs`, whether each is `changed` as
    evidence, `shifted` in its days only, and `real`, of an event rather than a score, for the first time; nodes with a new
    name or an earlier one; nodes with another active week or a name used later; and whether a newer `model` came."""

    new: Array
    earlier: Array
    pairs: Array
    changed: Array
    shifted: Array
    real: Array
    named: Array
    moved: Array
    model: bool


class Ledger(Nodes):
    """The nodes of a shard, and what is known of each and of the pairs of them."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules)
        self._dated = np.array([t in rules.windows or bool(rules.identifiers[t].tenancy) for t in self.types])
        self.first = Column(np.uint32)
        self.pairs = PairRows()
        self.weeks = Rows()
        self.names = Rows(first=(np.uint16, 0), last=(np.uint16, 0))
        self.tokens: list[str] = [""]
        self._token: dict[str, int] = {"": 0}
        self.model = 0

    @property
    def nbytes(self) -> int:
        columns = (self.first, self.pairs, self.weeks, self.names)
        names = sum(len(text) + 57 for text in self.tokens) + 130 * len(self.tokens)  # texts, list, dictionary
        return super().nbytes + sum(column.nbytes for column in columns) + names

    def _numbered(self, nids: Sequence[str]) -> tuple[Array, int]:
        """As `intern`, and new nodes are not seen yet."""
        nodes, before = self.intern(nids)
        self.first.extend(np.full(len(self) - before, 0xFFFF_FFFF, np.uint32))
        return nodes, before

    # ── joining ──

    def restore(self, evidence: Evidence) -> None:
        """Take facts as they were kept, into an empty ledger. A pair of an identifier that was not kept is passed over."""
        if not evidence.identifiers:
            return
        nodes, _ = self._numbered(list(evidence.identifiers))
        number = dict(zip(evidence.identifiers, nodes.tolist(), strict=True))
        self.first.values[nodes] = [identifier.first for identifier in evidence.identifiers.values()]
        weeks = [
            number[nid] << 16 | week
            for nid, identifier in evidence.identifiers.items()
            if self._dated[self.type.values[number[nid]]]
            for week in identifier.weeks
        ]
        self.weeks.insert(np.array(weeks, U64))
        self.pairs.take(
            (_between(number[a], number[b]), pair) for (a, b), pair in evidence.pairs.items() if {a, b} <= number.keys()
        )
        names = [
            (number[nid] << 32 | self._name(tokens), span)
            for (nid, tokens), span in evidence.names.items()
            if nid in number
        ]
        first, last = (np.array([span[i] for _, span in names]) for i in (0, 1))
        self.names.insert(np.array([key for key, _ in names], U64), first=first, last=last)
        self.model = evidence.model

    def observe(self, seen: Sequence[Observation]) -> Touched:
        """Join a batch of events, of which each shows something."""
        shown = [o[2] for o in seen]  # by place: a field by name costs half as much again
        called = [o[3] for o in seen]
        counts = np.fromiter(map(len, shown), np.int64, len(seen))
        nodes, before = self._numbered(list(chain.from_iterable(shown)))
        at = np.array([o[0] for o in seen], np.int64)
        cls = np.array([o[1] for o in seen], np.uint8)
        event = np.repeat(np.arange(len(seen)), counts)
        earlier = self._see(nodes, at[event])
        real = cls[event] != LIKELY
        moved = self._activate(nodes[real], at[event][real])
        scores = {i: seen[i][4:6] for i in np.flatnonzero(cls == LIKELY).tolist()}
        newest = max((model for model, _ in scores.values()), default=0)
        newer, self.model = newest > self.model, max(self.model, newest)
        pairs, changed, shifted, became_real = self.pairs.join(*self._paired(nodes, counts), at, cls, scores)
        named, renamed = self._call(called, nodes, counts, at)
        new = np.arange(before, len(self))
        moved = np.concatenate((moved, renamed))
        return Touched(new, earlier, pairs, changed, shifted, became_real, named, moved, newer)

    def _see(self, nodes: Array, at: Array) -> Array:
        order = np.argsort(nodes)
        nodes = nodes[order]
        starts = starts_of(nodes)
        who, first = nodes[starts], np.minimum.reduceat(at[order], starts) if len(starts) else at[:0]
        earlier = first < self.first.values[who]
        self.first.values[who[earlier]] = first[earlier]
        return who[earlier]

    def _activate(self, nodes: Array, at: Array) -> Array:
        """Active weeks, where the rules ask for them. Returns the nodes with another one."""
        dated = self._dated[self.type.values[nodes]]
        weeks = ((at[dated] // DAY_S + 3) // 7).astype(U64)
        keys = distinct(nodes[dated].astype(U64) << WEEK_BITS | weeks)
        keys = keys[self.weeks.find(keys) < 0]
        self.weeks.insert(keys)
        return (keys >> WEEK_BITS).astype(np.int64)

    def _paired(self, nodes: Array, counts: Array) -> tuple[Array, Array]:
        """The pairs of each event as keys, and the event of each: all pairs, or a star on the strongest for many."""
        begin = np.cumsum(counts) - counts
        keys, events = [], []
        for count in distinct(counts):
            chosen = np.flatnonzero(counts == count)
            table = nodes[begin[chosen][:, None] + np.arange(count)]
            if count < STAR_FROM:
                sides = [(table[:, i], table[:, j]) for i in range(count) for j in range(i + 1, count)]
            else:
                hub = self.strongest(table)
                rest = np.argsort(table == hub[:, None], axis=1, kind="stable")[:, : count - 1]
                sides = [(hub, table[np.arange(len(table)), rest[:, i]]) for i in range(count - 1)]
            for x, y in sides:
                low, high = np.minimum(x, y), np.maximum(x, y)
                keys.append(low.astype(U64) << SHIFT | high.astype(U64))
                events.append(chosen)
        if not keys:
            return np.empty(0, U64), np.empty(0, np.int64)
        return np.concatenate(keys), np.concatenate(events)

    def _call(self, called: Sequence[str], nodes: Array, counts: Array, at: Array) -> tuple[Array, Array]:
        """Names, on the strongest identifier of their event. Returns nodes with a new or earlier name, and with a later use."""
        chosen = np.array([i for i, name in enumerate(called) if name], np.int64)
        if not len(chosen):
            return chosen, chosen
        begin = np.cumsum(counts) - counts
        who = np.empty(len(chosen), np.int64)
        for count in distinct(counts[chosen]):
            some = np.flatnonzero(counts[chosen] == count)
            who[some] = self.strongest(nodes[begin[chosen[some]][:, None] + np.arange(count)])
        token = np.array([self._name(called[i]) for i in chosen.tolist()], U64)
        keys, day = who.astype(U64) << SHIFT | token, at[chosen] // DAY_S
        order = np.argsort(keys, kind="stable")
        keys, day = keys[order], day[order]
        starts = starts_of(keys)
        whole = keys[starts]
        first, last = (join.reduceat(day, starts).astype(np.uint16) for join in (np.minimum, np.maximum))
        found = self.names.find(whole)
        known = found >= 0
        spans = self.names["first"], self.names["last"]
        earlier = first[known] < spans[0][found[known]]
        later = last[known] > spans[1][found[known]]
        spans[0][found[known]] = np.minimum(first[known], spans[0][found[known]])
        spans[1][found[known]] = np.maximum(last[known], spans[1][found[known]])
        self.names.insert(whole[~known], first=first[~known], last=last[~known])
        owners = (whole >> SHIFT).astype(np.int64)
        return np.concatenate((owners[~known], owners[known][earlier])), owners[known][later]

    def _name(self, tokens: str) -> int:
        number = self._token.get(tokens)
        if number is None:
            number = self._token[tokens] = len(self.tokens)
            self.tokens.append(tokens)
        return number

    # ── forgetting ──

    def neighbours(self, node: int) -> Array:
        keys = self.pairs.keys
        low, high = (keys >> SHIFT).astype(np.int64), (keys & LOW).astype(np.int64)
        return np.concatenate((high[low == node], low[high == node]))

    def forget(self, gone: Iterable[int]) -> None:
        """Drop the nodes and all that is known of them. Their numbers are not used again."""
        nodes = np.array(sorted(gone), np.int64)
        keys = self.pairs.keys
        self.pairs.keep(~(np.isin(keys >> SHIFT, nodes) | np.isin(keys & LOW, nodes)))
        self.names.keep(~np.isin(self.names.keys >> SHIFT, nodes))
        self.weeks.keep(~np.isin(self.weeks.keys >> WEEK_BITS, nodes))
        self.drop(nodes)

    # ── showing ──

    def identifier(self, nodes: Array) -> list[Identifier]:
        keys = nodes.astype(U64) << WEEK_BITS
        at, owner = self.weeks.ranges(keys, keys + (U64(1) << WEEK_BITS))
        weeks = (self.weeks.keys[at[np.argsort(owner, kind="stable")]] & U64(0xFFFF)).tolist()
        ends = np.cumsum(np.bincount(owner, minlength=len(nodes))).tolist()
        spans = zip(self.first.values[nodes].tolist(), [0, *ends], ends, strict=False)
        return [Identifier(first, frozenset(weeks[begin:end])) for first, begin, end in spans]

    def named(self, nodes: Array) -> list[tuple[int, str, Span]]:
        """(index into `nodes`, tokens, span) of each name of the nodes."""
        keys = nodes.astype(U64) << SHIFT
        at, owner = self.names.ranges(keys, keys + (U64(1) << SHIFT))
        spans = zip(self.names["first"][at].tolist(), self.names["last"][at].tolist(), strict=True)
        tokens = (self.names.keys[at] & LOW).tolist()
        return [(i, self.tokens[t], Span(*span)) for i, t, span in zip(owner.tolist(), tokens, spans, strict=True)]

    def unpacked(self) -> tuple[dict[str, Identifier], dict[Key, Pair], dict[Key, Span]]:
        """The facts as `Evidence` holds them; weeks only where the rules ask for them."""
        nodes = self.all()
        nid = dict(zip(nodes.tolist(), self.nids(nodes), strict=True))
        identifiers = dict(zip(nid.values(), self.identifier(nodes), strict=True))
        keys = [tuple(sorted((nid[k >> 32], nid[k & 0xFFFF_FFFF]))) for k in self.pairs.keys.tolist()]
        pairs = dict(zip(keys, self.pairs.shown(np.arange(len(self.pairs))), strict=True))
        listed = list(nid.values())
        names = {(listed[i], tokens): span for i, tokens, span in self.named(nodes)}
        return identifiers, pairs, names


def _between(a: int, b: int) -> int:
    return min(a, b) << 32 | max(a, b)
