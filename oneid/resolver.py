"""The fast resolver: one owner of a tenant shard's evidence, which keeps the answer of F as evidence comes. Pure.

For each batch:

    1. Join the evidence; find the dossiers that it may change.
    2. Gather them whole, and part them into components by the edges that are live now.
    3. A component without conflict is one person. (Most are; this is done for all of them at once.)
    4. The others go to F.
    5. Tell whose person changed.

"Without conflict" means that F could refuse nothing (`oneid.conflicts`). Debouncing is the batch: however much a batch says
about a dossier, it is resolved once. The days of evidence matter to F for few identifiers only, which it names (`watched`); for
the others another day is no reason to ask again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from oneid.changes import NOBODY, Change, Changes
from oneid.conflicts import Gathered, Judge
from oneid.dossier import Dossier, in_force
from oneid.evidence import LIKELY, Evidence, Observation, Ruling, mark
from oneid.ledger import Ledger, Touched
from oneid.packed import LOW, SHIFT, U64, Array, Column, components, distinct, starts_of
from oneid.resolve import MUST, Resolution, persons
from oneid.rules import Rules
from oneid.shape import Shape, shape
from oneid.tenancies import Cut
from oneid.unpacking import Unpacker

UNCLEAN, GENERIC, BLOCKED, GONE, WATCHED = 1, 2, 4, 8, 16
DEAD = GENERIC | BLOCKED | GONE
LATER = 1 << 31  # birth numbers from here on are later tenancies of an identifier
ALONE = MUST + 1
NONE: Array = np.empty(0, np.int64)


class Resolver:
    """`f` is `oneid.resolve.persons`; another one is for tests that plant bugs."""

    def __init__(self, rules: Rules, f: Callable[[Dossier, Rules], Resolution] = persons) -> None:
        self._rules, self._f = rules, f
        self.ledger = Ledger(rules)
        self._judge = Judge(rules, self.ledger)
        types = self.ledger.types
        # Without a rule no count is too many.
        self._too_many = np.array([g.anchors if (g := rules.identifiers[t].generic) else 1 << 30 for t in types])
        self._dossier, self._next = Column(np.uint32), Column(np.uint32)  # dossier: its smallest node; next: a ring
        self._birth, self._state = Column(np.uint32), Column(np.uint8)
        self._anchors = Column(np.uint32)  # distinct anchors seen with a node
        self._cuts: dict[int, tuple[Cut, tuple[int, ...]]] = {}
        self._later: list[str] = []
        self._later_number: dict[str, int] = {}
        self._word = Evidence()  # rulings only
        self._said = in_force(())
        self._erased: set[bytes] = set()
        self._must: list[tuple[int, int]] = []
        self._forbidden: Array = np.empty(0, U64)  # pair keys
        self._ruled: Array = NONE  # nodes
        self._names_of_gone: dict[int, str] = {}
        self.settled = self.recomputed = 0
        self.resolved: Array = NONE  # the nodes that the last batch made us look at

    def apply(self, seen: Sequence[Observation], rulings: Iterable[Ruling] = ()) -> Changes:
        """Join a batch; returns the identifiers whose person changed. What was known already changes nothing.

        An observation without identifiers announces a model version, which every shard of a tenant must hear of.
        """
        self._names_of_gone = {}
        lost: list[Change] = []
        dirty = [NONE]
        shown = [o for o in seen if o[2]]  # by place: a field by name costs half as much again
        if shown:
            dirty += self._observe(shown)
        if len(shown) < len(seen):
            dirty += self._supersede(max(o.model for o in seen if not o.nids))
        given = list(rulings)
        if given:
            dirty += self._rule(given, lost)
        return self._resolve(distinct(np.concatenate(dirty)), lost)

    def restore(self, evidence: Evidence, erased: Iterable[str] = ()) -> Changes:
        """Take facts and rulings as they were kept, into an empty resolver: afterwards it is as if all had come as events.

        `erased` are the marks (`oneid.evidence.mark`) of identifiers that were erased before.
        """
        self._erased |= {bytes.fromhex(mark) for mark in erased}
        self.ledger.restore(evidence)
        new = np.arange(len(self.ledger))
        self._grow(new)
        lost: list[Change] = []
        dirty = [new, *self._rule(list(evidence.rulings.values()), lost)]
        pairs = self.ledger.pairs
        real = pairs.keys[pairs["cls"] > LIKELY]
        real = real[~np.isin(real, self._forbidden)]
        # The rulings were counted before there was anything to count, so both begin anew.
        self._anchors.values[:] = 0
        self._state.values[:] &= ~np.uint8(GENERIC)
        self._count(real, 1)
        dirty.append(self._flag_generic(real))
        return self._resolve(distinct(np.concatenate(dirty)), [])

    def holder(self, nid: str) -> str | None:
        """The birth node of the person who has the identifier now; None for one that is erased or was never seen."""
        node = int(self.ledger.nodes([nid])[0])
        return None if node < 0 or self._state.values[node] & GONE else self._name(int(self._birth.values[node]))

    def sizes(self) -> dict[str, int]:
        """How many identifiers each person has now, by birth node."""
        births = self._birth.values[self._state.values & GONE == 0]
        numbers, counts = np.unique(births, return_counts=True)
        return dict(zip(map(self._name, numbers.tolist()), counts.tolist(), strict=True))

    def holders(self) -> Iterator[tuple[str, str]]:
        """Every identifier with the birth node of the person who has it now."""
        nodes = np.flatnonzero(self._state.values & GONE == 0)
        for nid, birth in zip(self.ledger.nids(nodes), self._birth.values[nodes].tolist(), strict=True):
            yield nid, self._name(birth)

    def nobodys(self) -> Iterator[str]:
        """Every identifier that is generic now, and so links nobody."""
        yield from self.ledger.nids(np.flatnonzero(self._state.values & (GENERIC | GONE) == GENERIC))

    def shape(self, refused: Mapping[str, int]) -> Shape:
        """The graph in numbers. From any thread: while a batch is taken, of the moment before it, after it or in between."""
        columns = [column.values for column in (self.ledger.type, self._birth, self._state)]
        size = min(map(len, columns))  # in between, some have grown already
        type, birth, state = (column[:size] for column in columns)
        known = (state & GONE == 0) & (birth != NOBODY)
        generic = state[known] & GENERIC > 0
        return shape(self.ledger.types, type[known], birth[known], generic, recycled=len(self._cuts), refused=refused)

    def tenancies(self) -> Iterator[tuple[str, Cut, tuple[str, ...]]]:
        """Every recycled identifier, with the birth node of each tenant."""
        for node, (where, births) in self._cuts.items():
            yield self.ledger.nid(node), where, tuple(self._name(birth) for birth in births)

    def around(self, nodes: Array) -> tuple[Array, Array]:
        """The nodes of whole dossiers, and how well the evidence joins each to another identifier of its person.

        That is the class of the best live edge to one of the same birth (a score counts as `LIKELY`), a steward's link above
        the best; 0 when nothing but a former owner of an identifier links it, and `ALONE` when the person has no other.
        """
        known = nodes[self._state.values[nodes] & GONE == 0]
        if not len(known):
            return NONE, NONE
        gathered = self._gather(distinct(self._dossier.values[known]).astype(np.int64))
        nodes, a, b, _ = gathered
        cls = self._judge.classes(gathered)
        birth = self._birth.values[nodes]
        one = birth[a] == birth[b]
        best = np.zeros(len(nodes), np.int64)
        for end in (a, b):
            np.maximum.at(best, end[one], cls[one])
        _, inverse, counts = np.unique(birth, return_inverse=True, return_counts=True)
        best[counts[inverse] == 1] = ALONE
        return nodes, best

    @property
    def nbytes(self) -> int:
        columns = (self._dossier, self._next, self._birth, self._state, self._anchors)
        return self.ledger.nbytes + sum(column.nbytes for column in columns) + 400 * len(self._cuts)

    # ── Step 1. Join the evidence; find the dossiers that it may change ──

    def _observe(self, seen: Sequence[Observation]) -> list[Array]:
        touched = self.ledger.observe(seen)
        new = touched.new
        self._grow(new)
        real = touched.pairs[touched.real]
        real = real[~np.isin(real, self._forbidden)]
        self._count(real, 1)
        dirty = [new, touched.earlier, touched.named, self._flag_generic(real)]
        if self._word.rulings or self._erased:
            dirty += self._greet(new)
        dirty += [self._affected(touched), touched.moved[self._flagged(touched.moved, WATCHED)]]
        return dirty + (self._scored() if touched.model else [])

    def _supersede(self, model: int) -> list[Array]:
        """A newer model was announced: what older ones said is void. (Another shard may hold its scores.)"""
        if model <= self.ledger.model:
            return []
        self.ledger.model = model
        return self._scored()

    def _scored(self) -> list[Array]:
        return list(_ends(self.ledger.pairs.keys[self.ledger.pairs["cls"] == LIKELY]))

    def _grow(self, new: Array) -> None:
        for column, value in ((self._dossier, new), (self._next, new), (self._birth, np.full(len(new), NOBODY))):
            column.extend(value)
        self._state.extend(np.zeros(len(new), np.uint8))
        self._anchors.extend(np.zeros(len(new), np.uint32))

    def _flagged(self, nodes: Array, flag: int) -> Array:
        flagged: Array = self._state.values[nodes] & flag > 0
        return flagged

    def _affected(self, touched: Touched) -> Array:
        """Ends of live pairs that cross dossiers, or that changed where the answer hangs on more than being linked."""
        a, b = _ends(touched.pairs)
        crossing = self._dossier.values[a] != self._dossier.values[b]
        affected = crossing | (touched.changed & self._flagged(a, UNCLEAN))
        affected |= touched.shifted & (self._flagged(a, WATCHED) | self._flagged(b, WATCHED))
        at = self.ledger.pairs.find(touched.pairs[affected])
        at = at[at >= 0]  # what touched an erased identifier is gone again
        return np.concatenate(_ends(self.ledger.pairs.keys[at[self._live(at)]]))

    def _live(self, at: Array) -> Array:
        """Whether each pair (by position) links anything."""
        keys = self.ledger.pairs.keys[at]
        a, b = _ends(keys)
        state = self._state.values
        superseded = (self.ledger.pairs["cls"][at] == LIKELY) & (self.ledger.pairs["model"][at] < self.ledger.model)
        live: Array = ((state[a] | state[b]) & DEAD == 0) & ~superseded & ~np.isin(keys, self._forbidden)
        return live

    def _count(self, keys: Array, step: int) -> None:
        """Count pairs among the anchors around their ends, or take them away again."""
        type, counts = self.ledger.type.values, self._anchors.values.view(np.int32)
        for hub, other in (_ends(keys), _ends(keys)[::-1]):
            np.add.at(counts, hub[self._judge.is_anchor[type[other]]], step)

    def _flag_generic(self, keys: Array) -> Array:
        """Mark the ends that are generic now and unmark those that are no more. Returns what to resolve anew."""
        nodes = distinct(np.concatenate(_ends(keys)))
        state = self._state.values
        now = self._anchors.values[nodes] > self._too_many[self.ledger.type.values[nodes]]
        was = state[nodes] & GENERIC > 0
        state[nodes[now]] |= GENERIC
        back = nodes[was & ~now]
        state[back] &= ~np.uint8(GENERIC)
        return np.concatenate((nodes[now & ~was], *self._around(back.tolist())))

    def _around(self, nodes: Iterable[int]) -> list[Array]:
        """The nodes and all that they may be linked to."""
        found = [NONE]
        for node in nodes:
            partners = [b if a == node else a for a, b in self._must if node in (a, b)]
            found += [np.array([node, *partners], np.int64), self.ledger.neighbours(node)]
        return found

    # ── rulings ──

    def _rule(self, given: list[Ruling], lost: list[Change]) -> list[Array]:
        before = self._said
        for ruling in given:
            self._word.rule(ruling)
        self._said = said = in_force(self._word.rulings.values())
        pairs = (before.must ^ said.must) | (before.cannot ^ said.cannot)
        dirty = [self._nodes_of(nid for pair in pairs for nid in pair)]
        # Neighbours before the change too: what a forgotten link held together must be looked at again.
        toggled = self._nodes_of(before.blocked ^ said.blocked)
        self._block()
        dirty += [self._refer(), *self._around(toggled.tolist())]
        erased = said.erased - before.erased
        self._erased |= {bytes.fromhex(mark(nid)) for nid in erased}
        dirty += self._forget(self._nodes_of(erased), lost)
        return dirty

    def _nodes_of(self, nids: Iterable[str]) -> Array:
        nodes = self.ledger.nodes([nid for nid in nids if nid[:-33] in self._rules.identifiers])
        return nodes[nodes >= 0]

    def _block(self) -> None:
        state = self._state.values
        state &= ~np.uint8(BLOCKED)
        state[self._nodes_of(self._said.blocked)] |= BLOCKED

    def _refer(self) -> Array:
        """The ruled pairs by node, as far as their nodes are known. Returns what a forbidden pair no more makes generic."""
        before = self._forbidden
        pairs = {}
        for keys in (self._said.must, self._said.cannot):
            found = [self._nodes_of(key) for key in keys]
            pairs[keys] = [(int(n.min()), int(n.max())) for n in found if len(n) == 2]
        self._must = pairs[self._said.must]
        cannot = pairs[self._said.cannot]
        self._forbidden = np.array([a << 32 | b for a, b in cannot], U64)
        self._ruled = distinct(np.array([n for pair in (*self._must, *cannot) for n in pair], np.int64))
        # A forbidden pair says nothing, and so counts nobody among an identifier's anchors either.
        turned = np.setxor1d(before, self._forbidden)
        at = self.ledger.pairs.find(turned)
        turned = turned[(at >= 0) & (self.ledger.pairs["cls"][at] > LIKELY)] if len(self.ledger.pairs) else turned[:0]
        for key in turned:
            self._count(turned[turned == key], -1 if key in self._forbidden else 1)
        return self._flag_generic(turned)

    def _greet(self, new: Array) -> list[Array]:
        """What was ruled of identifiers before they were seen. An erased one does not come back."""
        nids = dict(zip(self.ledger.nids(new), new.tolist(), strict=True))
        gone = [node for nid, node in nids.items() if bytes.fromhex(mark(nid)) in self._erased]
        ruled = [key for key in (*self._said.must, *self._said.cannot) if key[0] in nids or key[1] in nids]
        dirty = [self._refer()] if ruled else []
        if not self._said.blocked.isdisjoint(nids):
            self._block()
        dirty.append(self._nodes_of(nid for key in ruled for nid in key))
        return dirty + self._forget(np.array(gone, np.int64), [])

    def _forget(self, gone: Array, lost: list[Change]) -> list[Array]:
        """Erase nodes: all that is known of them goes. Returns what to resolve anew."""
        if not len(gone):
            return []
        for node in gone.tolist():
            nid = self._names_of_gone[node] = self.ledger.nid(node)
            birth = int(self._birth.values[node])
            if birth != NOBODY:
                lost.append(Change(nid, self._name(birth), None))
            self._cuts.pop(node, None)
        keys, cls = self.ledger.pairs.keys, self.ledger.pairs["cls"]
        a, b = _ends(keys)
        theirs = keys[(np.isin(a, gone) | np.isin(b, gone)) & (cls > LIKELY) & ~np.isin(keys, self._forbidden)]
        self._count(theirs, -1)
        self._state.values[gone] |= GONE
        self.ledger.forget(gone.tolist())
        around = self._flag_generic(theirs)
        return [gone, around, self._refer(), *_ends(theirs)]

    # ── Step 2. Gather them whole, and part them into components ──

    def _resolve(self, dirty: Array, lost: list[Change]) -> Changes:
        self.resolved = NONE
        if not len(dirty):
            return Changes(self._name, NONE, NONE, NONE, lost)
        gathered = self._gather(distinct(self._dossier.values[dirty]).astype(np.int64))
        nodes = self.resolved = gathered.nodes
        root = components(len(nodes), gathered.a, gathered.b)
        order = np.argsort(root, kind="stable")
        starts = starts_of(root[order])
        self._ring(nodes[order], starts)
        conflict = self._judge.conflicts(gathered, root, self._ruled)
        before = self._birth.values[nodes].copy()
        self._settle(nodes[order], starts)
        self.settled += len(starts)
        state = self._state.values
        state[nodes] &= ~np.uint8(UNCLEAN | WATCHED)
        if self._cuts:
            for node in self._cuts.keys() & set(nodes.tolist()):
                del self._cuts[node]
        if conflict.any():
            state[nodes[conflict]] |= UNCLEAN
            self._ask_f(gathered, root, conflict)
        after = self._birth.values[nodes]
        changed = (before != after) & (state[nodes] & GONE == 0)
        return Changes(self._name, nodes[changed], before[changed], after[changed], lost)

    def _gather(self, dossiers: Array) -> Gathered:
        found, at = [dossiers], dossiers
        start = dossiers
        while len(at):
            at = self._next.values[at].astype(np.int64)
            on = at != start
            at, start = at[on], start[on]
            found.append(at)
        nodes = np.sort(np.concatenate(found))
        low = nodes.astype(U64) << SHIFT
        positions, _ = self.ledger.pairs.ranges(low, low + (U64(1) << SHIFT))
        positions = positions[self._live(positions)]
        a, b = _ends(self.ledger.pairs.keys[positions])
        alive = self._state.values
        must = [
            pair for pair in self._must if not (alive[pair[0]] | alive[pair[1]]) & DEAD and np.isin(pair, nodes).all()
        ]
        ends = np.array(must, np.int64).reshape(-1, 2)
        a, b = np.concatenate((a, ends[:, 0])), np.concatenate((b, ends[:, 1]))
        at = np.concatenate((positions, np.full(len(must), -1)))
        return Gathered(nodes, np.searchsorted(nodes, a), np.searchsorted(nodes, b), at)

    def _ring(self, ordered: Array, starts: Array) -> None:
        """Make each component a dossier of its own."""
        sizes = np.diff(np.append(starts, len(ordered)))
        self._dossier.values[ordered] = np.repeat(ordered[starts], sizes)
        following = np.append(ordered[1:], 0)
        following[np.append(starts[1:], len(ordered)) - 1] = ordered[starts]
        self._next.values[ordered] = following

    # ── Step 3. A component without conflict is one person ──

    def _settle(self, nodes: Array, starts: Array) -> None:
        """Birth: the earliest seen, ties by hash. The nodes are in order of their components, which begin at `starts`."""
        sizes = np.diff(np.append(starts, len(nodes)))
        first = self.ledger.first.values[nodes]
        earliest = np.flatnonzero(first == np.repeat(np.minimum.reduceat(first, starts), sizes))
        component = np.repeat(np.arange(len(starts)), sizes)[earliest]
        low, type = self.ledger.low.values[nodes[earliest]], self.ledger.type.values[nodes[earliest]]
        high = self.ledger.high.values[nodes[earliest]] ^ type.astype(U64)
        if len(earliest) > len(starts):
            order = np.lexsort((low, high, component))
            earliest, component = earliest[order], component[order]
        born = nodes[earliest[starts_of(component)]]
        self._birth.values[nodes] = np.repeat(born, sizes)

    # ── Step 4. The others go to F ──

    def _ask_f(self, gathered: Gathered, root: Array, conflict: Array) -> None:
        birth, state = self._birth.values, self._state.values
        chosen = conflict & (state[gathered.nodes] & GONE == 0)
        unpacker = Unpacker(self.ledger, self._said, state & DEAD > 0)
        judged: list[int] = []
        found: list[int] = []
        watched: list[int] = []
        for dossier, nodes in unpacker.dossiers(gathered, root, chosen):
            self.recomputed += 1
            self.settled -= 1
            births, cuts, _, days_matter = self._f(dossier, self._rules)
            watched += [nodes[nid] for nid in days_matter]
            judged += nodes.values()
            now = births if not cuts else births | {nid: births[where.nodes[-1]] for nid, where in cuts.items()}
            found += [self._number(now[nid], nodes) for nid in nodes]
            for nid, where in cuts.items():
                self._cuts[nodes[nid]] = where, tuple(self._number(births[tenancy], nodes) for tenancy in where.nodes)
        birth[judged] = found
        state[watched] |= WATCHED

    def _number(self, birth: str, nodes: dict[str, int]) -> int:
        node = nodes.get(birth)
        if node is not None:
            return node
        if birth not in self._later_number:
            self._later_number[birth] = LATER + len(self._later)
            self._later.append(birth)
        return self._later_number[birth]

    def _name(self, number: int) -> str:
        if number >= LATER:
            return self._later[number - LATER]
        return self._names_of_gone.get(number) or self.ledger.nid(number)


def _ends(keys: Array) -> tuple[Array, Array]:
    return (keys >> SHIFT).astype(np.int64), (keys & LOW).astype(np.int64)
