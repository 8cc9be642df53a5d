"""F: from everything that is known to persons. A constrained Kruskal, and the definition of what is right. Pure.

    1. Drop what is erased, and every pair that touches a generic, blocked or erased identifier (`oneid.dossier.live`).
    2. Cut recycled identifiers into tenancies (`oneid.tenancies`).
    3. Order the edges by evidence alone, those of shared identifiers last.
    4. Join or refuse: for each edge, the union of its two sides, unless a rule forbids it.
    5. Name each person by the birth identifier: the earliest seen, ties by hash.

F takes a set, so the order of arrival cannot matter. It is separable: resolving two dossiers that no live edge, name or
ruling joins gives the same together and apart. `oneid.resolver` is the fast one, and must equal this one.
"""

import hmac
from base64 import b32encode
from collections.abc import Iterable
from typing import NamedTuple

from oneid.dossier import Dossier, live
from oneid.evidence import DECLARED, LIKELY, TOGETHER, Evidence, Identifier, digest
from oneid.names import compatible
from oneid.rules import Rules
from oneid.tenancies import Cut, Tenancies, contradictory, cut

MUST = 5  # a steward's word, above every class
SURE, LIKELY_ENOUGH = 16, 8  # log-odds (base 2) from which a score has the support of four days, of two


class Edge(NamedTuple):
    """A live pair between two nodes. A node is an identifier, or one tenancy of it (`phone:…#1` is the second)."""

    a: str
    b: str
    cls: int
    support: int
    first: int


class Decision(NamedTuple):
    """What became of an edge: `rule` is empty when it joined its sides or found them joined, else what refused it."""

    edge: Edge
    rule: str


class Resolution(NamedTuple):
    """`births`: node → the birth node of its person. `cuts`: the recycled identifiers. `decisions`: in F's order.

    `watched`: the identifiers whose days mattered, or another of whose days could.
    """

    births: dict[str, str]
    cuts: dict[str, Cut]
    decisions: list[Decision]
    watched: frozenset[str] = frozenset()

    def holder(self, nid: str) -> str | None:
        """The birth node of the person who has the identifier now, which is its last tenancy. None: erased or unknown."""
        return self.births.get(self.now(nid))

    def now(self, nid: str) -> str:
        """The node of an identifier as it is held now."""
        return self.cuts[nid].nodes[-1] if nid in self.cuts else nid


def resolve(evidence: Evidence, rules: Rules) -> Resolution:
    return persons(live(evidence, rules), rules)


def member_id(key: bytes, birth: str) -> str:
    """The id of the person with this birth node: 80 bits of HMAC-SHA-256 in base32, `m-` before it."""
    return "m-" + b32encode(hmac.digest(key, birth.encode(), "sha256")[:10]).decode().lower()


def persons(dossier: Dossier, rules: Rules) -> Resolution:
    """Steps 2 to 5."""
    tenancies = cut(dossier, rules)
    types = tenancies.types
    edges = list(_edges(dossier, types, tenancies, rules))
    shared = _shared(edges, types, tenancies, rules)
    edges.sort(key=lambda edge: _order(edge, types, rules.priority, shared))
    graph = _Graph(tenancies, types, shared, dossier, rules)
    decisions = [Decision(edge, graph.join(edge)) for edge in edges]
    return Resolution(
        graph.births(), tenancies.cuts, decisions, tenancies.contradicted | _crowded(dossier, types, rules)
    )


def _crowded(dossier: Dossier, types: dict[str, str], rules: Rules) -> frozenset[str]:
    """Identifiers of which there are enough for a window's limit to matter."""
    counts: dict[str, int] = {}
    for type in types.values():
        counts[type] = counts.get(type, 0) + 1
    crowded = {type for type, limits in rules.windows.items() if counts.get(type, 0) > min(most for _, most in limits)}
    return frozenset(nid for nid in dossier.identifiers if types[nid] in crowded) if crowded else frozenset()


def _edges(dossier: Dossier, types: dict[str, str], tenancies: Tenancies, rules: Rules) -> Iterable[Edge]:
    at, must = tenancies.at, dossier.must
    for (a, b), (cls, first, days, last, _, score) in dossier.pairs.items():
        if must and (a, b) in must:
            continue
        x, y = (at(a, last), at(b, last)) if tenancies.cuts else (a, b)
        held = types[x] in rules.together or types[y] in rules.together
        support = _support(score, (SURE, LIKELY_ENOUGH)) if cls == LIKELY else _support(len(days), (4, 2))
        yield Edge(x, y, min(cls, TOGETHER) if held else cls, support, first)
    for a, b in must:
        yield Edge(tenancies.now(a), tenancies.now(b), MUST, 0, 0)


def _support(strength: int, levels: tuple[int, int]) -> int:
    """0 for four days or more, 1 for two, 2 for one; a score by its odds."""
    return 0 if strength >= levels[0] else 1 if strength >= levels[1] else 2


def _order(
    edge: Edge, types: dict[str, str], priority: dict[str, int], shared: frozenset[str]
) -> tuple[int | str, ...]:
    """Shared or not, class, support, type priorities, first seen, hashes: nothing of it knows when evidence arrived."""
    (a, b, cls, support, first) = edge
    high, low = priority[types[a]], priority[types[b]]
    x, y = a[len(types[a]) :], b[len(types[b]) :]
    if high > low:
        high, low = low, high
    if x > y:
        x, y = y, x
    return a in shared or b in shared, -cls, support, high, low, first, x, y


def _shared(edges: list[Edge], types: dict[str, str], tenancies: Tenancies, rules: Rules) -> frozenset[str]:
    """Nodes that two people use: declared beside two anchors of an exclusive type, or beside contradictory names."""
    beside: dict[str, set[str]] = {}
    ruled = set()
    for a, b, cls, _, _ in edges:
        if cls >= DECLARED:
            if types[b] in rules.anchors and types[a] in rules.shared:
                beside.setdefault(a, set()).add(b)
            if types[a] in rules.anchors and types[b] in rules.shared:
                beside.setdefault(b, set()).add(a)
        if cls == MUST:
            ruled |= {a, b}
    found = set()
    for node, anchors in beside.items():
        exclusive = [types[anchor] for anchor in anchors if types[anchor] in rules.exclusive]
        names = [name for anchor in anchors for name in _said(tenancies.names.get(anchor, ()))]
        names += tenancies.names.get(node, ())
        if len(exclusive) > len(set(exclusive)) or (rules.names.exclusive and contradictory(names)):
            found.add(node)
    # A steward's word about an identifier is worth more than what stands beside it.
    return frozenset(found - ruled)


class _Person:
    """One side of an edge: its members and what the rules ask about them."""

    __slots__ = ("active", "anchored", "counts", "members", "names")

    def __init__(self, node: str, type: str, identifier: Identifier, names: tuple[str, ...], rules: Rules) -> None:
        self.members = [node]
        self.anchored = type in rules.anchors
        self.names = set(names)
        self.counts = {type: 1}
        self.active: dict[tuple[str, int, int], int] = {}
        # By every window that has an active week, since windows overlap: two that were cut apart by the end of one share another.
        for weeks, _ in rules.windows.get(type, ()):
            for first in {week - back for week in identifier.weeks for back in range(weeks)}:
                self.active[type, weeks, first] = 1

    def take(self, other: "_Person") -> None:
        self.members += other.members
        self.anchored |= other.anchored
        self.names |= other.names
        for type, count in other.counts.items():
            self.counts[type] = self.counts.get(type, 0) + count
        for window, count in other.active.items():
            self.active[window] = self.active.get(window, 0) + count


class _Graph:
    """The union–find of one run of F, and its rules."""

    def __init__(
        self, tenancies: Tenancies, types: dict[str, str], shared: frozenset[str], dossier: Dossier, rules: Rules
    ) -> None:
        self._rules, self._types = rules, types
        self._identifiers = tenancies.identifiers
        self._shared = shared
        self._taken: set[str] = set()  # shared identifiers that are with somebody
        self._contested: set[str] = set()
        said = {node: _said(names) for node, names in tenancies.names.items() if node not in shared}
        self._of = {
            node: _Person(node, types[node], identifier, said.get(node, ()), rules)
            for node, identifier in self._identifiers.items()
        }
        self._cannot: dict[str, set[str]] = {}
        for a, b in dossier.cannot:
            for x in tenancies.nodes(a):
                for y in tenancies.nodes(b):
                    self._cannot.setdefault(x, set()).add(y)
                    self._cannot.setdefault(y, set()).add(x)

    def join(self, edge: Edge) -> str:
        """Step 4: the union of the two sides, or the name of the rule that forbids it."""
        a, b, cls, _, _ = edge
        x, y = self._of[a], self._of[b]
        if x is y:
            return ""
        refused = self._forbidden(x, y) or ("" if cls == MUST else self._refused(edge, x, y))
        if not refused:
            self._unite(x, y)
            self._taken |= self._shared & {a, b} if self._shared else self._shared
        elif refused != "cannot_link":
            # Whom a shared identifier means is unclear from here on: what is weaker than this claim joins nobody by it.
            self._contested.update(n for n in (a, b) if self._types[n] in self._rules.shared)
        return refused

    def _bridges(self, edge: Edge) -> bool:
        """A shared identifier is with one side, and links nobody to it."""
        both = edge.a in self._shared and edge.b in self._shared
        return both or edge.a in self._taken or edge.b in self._taken

    def births(self) -> dict[str, str]:
        """Step 5."""
        found: dict[str, str] = {}
        for node, person in self._of.items():
            if node not in found:
                members = person.members
                birth = members[0]
                if len(members) > 1:
                    birth = min(members, key=lambda n: (self._identifiers[n].first, digest(n)))
                found.update(dict.fromkeys(person.members, birth))
        return found

    def _unite(self, x: _Person, y: _Person) -> None:
        large, small = (x, y) if len(x.members) >= len(y.members) else (y, x)
        large.take(small)
        for node in small.members:
            self._of[node] = large

    def _forbidden(self, x: _Person, y: _Person) -> str:
        if not self._cannot:
            return ""
        small, large = (x, y) if len(x.members) <= len(y.members) else (y, x)
        for node in small.members:
            for other in self._cannot.get(node, ()):
                if self._of[other] is large:
                    return "cannot_link"
        return ""

    def _refused(self, edge: Edge, x: _Person, y: _Person) -> str:
        if (self._contested and not self._contested.isdisjoint(edge[:2])) or (self._shared and self._bridges(edge)):
            return "shared"
        over = self._over_limit(x, y)
        if over:
            return over
        if edge.cls == TOGETHER and x.anchored and y.anchored:
            return "class"
        if (
            x.names
            and y.names
            and self._rules.names.exclusive
            and any(not compatible(a, b) for a in x.names for b in y.names)
        ):
            return "name"
        return ""

    def _over_limit(self, x: _Person, y: _Person) -> str:
        if x.counts.keys().isdisjoint(y.counts):
            return ""
        ever, windows = self._rules.ever, self._rules.windows
        for type in sorted(x.counts.keys() & y.counts.keys()):
            if type in ever and x.counts[type] + y.counts[type] > ever[type]:
                return f"limit:{type}"
            for weeks, most in windows.get(type, ()):
                if any(
                    n + y.active.get(at, 0) > most for at, n in x.active.items() if at[0] == type and at[1] == weeks
                ):
                    return f"limit:{type}/{weeks}w"
        return ""


def _said(names: tuple[str, ...]) -> tuple[str, ...]:
    """What an identifier says about its owner's name: the earliest, or nothing when its names contradict each other."""
    return names[:1] if all(compatible(names[0], other) for other in names[1:]) else ()
