"""The evidence of one tenant shard, packed: joins whole batches at once. Pure.

Holds exactly what `oneid.evidence.Evidence` holds (`unpacked` shows it), in about a hundred bytes an identifier. Nodes are
numbered as they come; the numbers are used inside only, and nothing that leaves depends on them.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from oneid.evidence import DAY_S, LIKELY, MOST_DAYS, STAR_FROM, Evidence, Identifier, Key, Observation, Pair, Span
from oneid.packed import LOW, SHIFT, U64, Array, Column, Rows, distinct, starts_of
from oneid.rules import Rules

NO_DAY = 0xFFFF
NO_TYPE = 255
DIGEST = 32  # characters of the hash in a nid
PREFIX = 16  # characters that a type may have, with the colon
AT_ONCE = 1 << 15  # nids that are read at once: their text stays in the cache
WEEK_BITS = U64(16)
HALF = 1 << 64


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


class Ledger:
    def __init__(self, rules: Rules) -> None:
        self.types = list(rules.identifiers)
        self._prefixes = [np.frombuffer(f"{type}:".encode().ljust(PREFIX, b"\0"), U64) for type in self.types]
        self._priority = np.array([rules.priority[type] for type in self.types], np.int64)
        self._dated = np.array([t in rules.windows or bool(rules.identifiers[t].tenancy) for t in self.types])
        self.high, self.low = Column(U64), Column(U64)
        self.type, self.first = Column(np.uint8), Column(np.uint32)
        self._index = Rows()
        self.pairs = Rows(
            cls=(np.uint8, 0),
            first=(np.uint32, 0),
            days=(np.uint16, MOST_DAYS),
            last=(np.uint16, 0),
            model=(np.uint16, 0),
            score=(np.int8, 0),
        )
        self.weeks = Rows()
        self.names = Rows(first=(np.uint16, 0), last=(np.uint16, 0))
        self.tokens: list[str] = [""]
        self._token: dict[str, int] = {"": 0}
        self.model = 0

    def __len__(self) -> int:
        return self.type.size

    @property
    def nbytes(self) -> int:
        columns = (self.high, self.low, self.type, self.first, self._index, self.pairs, self.weeks, self.names)
        names = sum(len(text) + 57 for text in self.tokens) + 130 * len(self.tokens)  # texts, list, dictionary
        return sum(column.nbytes for column in columns) + names

    # ── names of nodes ──

    def nid(self, node: int) -> str:
        type = int(self.type.values[node])
        return f"{self.types[type]}:{int(self.high.values[node]) ^ type:016x}{int(self.low.values[node]):016x}"

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
        lengths = np.fromiter(map(len, nids), np.int64, len(nids)) - DIGEST
        begins = np.cumsum(lengths + DIGEST) - lengths - DIGEST
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

    def _intern(self, nids: Sequence[str]) -> tuple[Array, int]:
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
        self.first.extend(np.full(len(absent), 0xFFFF_FFFF, np.uint32))
        self._index.insert((high[absent] >> SHIFT << SHIFT) | found[absent].astype(U64))
        nodes = np.empty(len(nids), np.int64)
        nodes[order] = found[group]
        return nodes, before

    # ── joining ──

    def restore(self, evidence: Evidence) -> None:
        """Take facts as they were kept, into an empty ledger. A pair of an identifier that was not kept is passed over."""
        if not evidence.identifiers:
            return
        nodes, _ = self._intern(list(evidence.identifiers))
        number = dict(zip(evidence.identifiers, nodes.tolist(), strict=True))
        self.first.values[nodes] = [identifier.first for identifier in evidence.identifiers.values()]
        weeks = [
            number[nid] << 16 | week
            for nid, identifier in evidence.identifiers.items()
            if self._dated[self.type.values[number[nid]]]
            for week in identifier.weeks
        ]
        self.weeks.insert(np.array(weeks, U64))
        pairs = [
            (_between(number[a], number[b]), pair) for (a, b), pair in evidence.pairs.items() if {a, b} <= number.keys()
        ]
        kept = {
            name: np.array([getattr(pair, name) for _, pair in pairs])
            for name in ("cls", "first", "last", "model", "score")
        }
        days = np.array([(*pair.days, *[NO_DAY] * (MOST_DAYS - len(pair.days))) for _, pair in pairs]).reshape(
            -1, MOST_DAYS
        )
        self.pairs.insert(np.array([key for key, _ in pairs], U64), days=days, **kept)
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
        nodes, before = self._intern(list(chain.from_iterable(shown)))
        at = np.array([o[0] for o in seen], np.int64)
        cls = np.array([o[1] for o in seen], np.uint8)
        event = np.repeat(np.arange(len(seen)), counts)
        earlier = self._see(nodes, at[event])
        real = cls[event] != LIKELY
        moved = self._activate(nodes[real], at[event][real])
        scores = {i: seen[i][4:6] for i in np.flatnonzero(cls == LIKELY).tolist()}
        newest = max((model for model, _ in scores.values()), default=0)
        newer, self.model = newest > self.model, max(self.model, newest)
        pairs, changed, shifted, became_real = self._link(*self._paired(nodes, counts), at, cls, scores)
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
                hub = self._strongest(table)
                rest = np.argsort(table == hub[:, None], axis=1, kind="stable")[:, : count - 1]
                sides = [(hub, table[np.arange(len(table)), rest[:, i]]) for i in range(count - 1)]
            for x, y in sides:
                low, high = np.minimum(x, y), np.maximum(x, y)
                keys.append(low.astype(U64) << SHIFT | high.astype(U64))
                events.append(chosen)
        if not keys:
            return np.empty(0, U64), np.empty(0, np.int64)
        return np.concatenate(keys), np.concatenate(events)

    def _strongest(self, table: Array) -> Array:
        """Of each row of nodes the one with the best priority, ties by hash."""
        type = self.type.values[table]
        high = self.high.values[table] ^ type.astype(U64)
        order = np.lexsort((self.low.values[table], high, self._priority[type]), axis=1)
        return table[np.arange(len(table)), order[:, 0]]

    def _link(
        self, keys: Array, event: Array, at: Array, cls: Array, scores: dict[int, tuple[int, int]]
    ) -> tuple[Array, Array, Array, Array]:
        """Join the pairs of a batch. Returns their keys, and whether each changed, shifted, became real."""
        if not len(keys):
            return keys, np.empty(0, bool), np.empty(0, bool), np.empty(0, bool)
        day = np.where(cls == LIKELY, NO_DAY, at // DAY_S)[event]
        order = np.lexsort((day, keys))
        keys, event, day = keys[order], event[order], day[order]
        starts = starts_of(keys)
        whole = keys[starts]
        real = np.where(day == NO_DAY, 0, day)
        score = np.zeros(len(keys), np.int64)
        if scores:
            packed = {i: model << 8 | (score + 128) for i, (model, score) in scores.items()}
            score = np.array([packed.get(i, 0) for i in event.tolist()], np.int64)
        new = {
            "cls": np.maximum.reduceat(cls[event], starts),
            "first": np.minimum.reduceat(at[event], starts).astype(np.uint32),
            "days": _smallest(keys, day, starts),
            "last": np.maximum.reduceat(real, starts).astype(np.uint16),
            "scored": np.maximum.reduceat(score, starts),
        }
        return whole, *self._store(whole, new)

    def _store(self, keys: Array, new: dict[str, Array]) -> tuple[Array, Array, Array]:
        scored = new.pop("scored")
        new["model"] = (scored >> 8).astype(np.uint16)
        new["score"] = np.where(scored > 0, (scored & 255) - 128, 0).astype(np.int8)
        at = self.pairs.find(keys)
        known = at >= 0
        changed, real = ~known, new["cls"] > LIKELY
        old = {name: self.pairs[name][at[known]] for name in new}
        mine = {name: values[known] for name, values in new.items()}
        joined = {
            "cls": np.maximum(old["cls"], mine["cls"]),
            "first": np.minimum(old["first"], mine["first"]),
            "days": _merged(old["days"], mine["days"]),
            "last": np.maximum(old["last"], mine["last"]),
        }
        newer = (mine["model"] > old["model"]) | ((mine["model"] == old["model"]) & (mine["score"] > old["score"]))
        # Without a model there is no score, so an old score of 0 and a new one below it must not be compared.
        newer &= mine["model"] > 0
        for name in ("model", "score"):
            joined[name] = np.where(newer, mine[name], old[name])
        real[known] &= old["cls"] == LIKELY
        support = _support(joined["days"]) != _support(old["days"])
        changed[known] = support | np.any([joined[n] != old[n] for n in ("cls", "first", "model", "score")], axis=0)
        shifted = changed.copy()
        shifted[known] |= (joined["last"] != old["last"]) | (joined["days"][:, 0] != old["days"][:, 0])
        for name, values in joined.items():
            self.pairs[name][at[known]] = values
        self.pairs.insert(keys[~known], **{name: values[~known] for name, values in new.items()})
        return changed, shifted, real

    def _call(self, called: Sequence[str], nodes: Array, counts: Array, at: Array) -> tuple[Array, Array]:
        """Names, on the strongest identifier of their event. Returns nodes with a new or earlier name, and with a later use."""
        chosen = np.array([i for i, name in enumerate(called) if name], np.int64)
        if not len(chosen):
            return chosen, chosen
        begin = np.cumsum(counts) - counts
        who = np.empty(len(chosen), np.int64)
        for count in distinct(counts[chosen]):
            some = np.flatnonzero(counts[chosen] == count)
            who[some] = self._strongest(nodes[begin[chosen[some]][:, None] + np.arange(count)])
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
        self._index.keep(~np.isin(self._index.keys & LOW, nodes))
        self.high.values[nodes] = 0
        self.low.values[nodes] = 0

    # ── showing ──

    def identifier(self, nodes: Array) -> list[Identifier]:
        keys = nodes.astype(U64) << WEEK_BITS
        at, owner = self.weeks.ranges(keys, keys + (U64(1) << WEEK_BITS))
        weeks: list[list[int]] = [[] for _ in range(len(nodes))]
        for i, key in zip(owner.tolist(), self.weeks.keys[at].tolist(), strict=True):
            weeks[i].append(key & 0xFFFF)
        return [Identifier(f, frozenset(w)) for f, w in zip(self.first.values[nodes].tolist(), weeks, strict=True)]

    def pair(self, at: Array) -> list[Pair]:
        columns = [self.pairs[name][at].tolist() for name in ("cls", "first", "days", "last", "model", "score")]
        return [
            Pair(cls, first, tuple(d for d in days if d != NO_DAY), last, model, score)
            for cls, first, days, last, model, score in zip(*columns, strict=True)
        ]

    def named(self, nodes: Array) -> list[tuple[int, str, Span]]:
        """(index into `nodes`, tokens, span) of each name of the nodes."""
        keys = nodes.astype(U64) << SHIFT
        at, owner = self.names.ranges(keys, keys + (U64(1) << SHIFT))
        spans = zip(self.names["first"][at].tolist(), self.names["last"][at].tolist(), strict=True)
        tokens = (self.names.keys[at] & LOW).tolist()
        return [(i, self.tokens[t], Span(*span)) for i, t, span in zip(owner.tolist(), tokens, spans, strict=True)]

    def unpacked(self) -> tuple[dict[str, Identifier], dict[Key, Pair], dict[Key, Span]]:
        """The facts as `Evidence` holds them; weeks only where the rules ask for them."""
        nodes = (self._index.keys & LOW).astype(np.int64)
        nid = {node: self.nid(node) for node in nodes.tolist()}
        identifiers = dict(zip(nid.values(), self.identifier(nodes), strict=True))
        keys = [tuple(sorted((nid[k >> 32], nid[k & 0xFFFF_FFFF]))) for k in self.pairs.keys.tolist()]
        pairs = dict(zip(keys, self.pair(np.arange(len(self.pairs))), strict=True))
        listed = list(nid.values())
        names = {(listed[i], tokens): span for i, tokens, span in self.named(nodes)}
        return identifiers, pairs, names  # type: ignore[return-value]


def _between(a: int, b: int) -> int:
    return min(a, b) << 32 | max(a, b)


def _smallest(keys: Array, day: Array, starts: Array) -> Array:
    """The four smallest distinct days of each run of equal keys; both are sorted by key, then day."""
    fresh = np.concatenate(([True], (keys[1:] != keys[:-1]) | (day[1:] != day[:-1]))) & (day != NO_DAY)
    group = np.zeros(len(keys), np.int64)
    group[starts[1:]] = 1
    group = np.cumsum(group)
    rank = np.cumsum(fresh) - 1
    rank = rank - (np.cumsum(fresh) - fresh)[starts][group]
    chosen = fresh & (rank < MOST_DAYS)
    days = np.full((len(starts), MOST_DAYS), NO_DAY, np.uint16)
    days[group[chosen], rank[chosen]] = day[chosen]
    return days


def _support(days: Array) -> Array:
    """A pair has the support of one day, of two or of four."""
    count = (days != NO_DAY).sum(axis=1)
    support: Array = (count >= 4).astype(np.int8) + (count >= 2)
    return support


def _merged(x: Array, y: Array) -> Array:
    both = np.sort(np.concatenate((x, y), axis=1), axis=1)
    both[:, 1:][both[:, 1:] == both[:, :-1]] = NO_DAY
    merged: Array = np.sort(both, axis=1)[:, :MOST_DAYS]
    return merged
