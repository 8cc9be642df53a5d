"""The oracle: the rules of identity once more, from the events themselves, as plainly and slowly as can be.

It shares no code with `oneid`: no facts that join, no union–find, no evidence in between, names in clear. People are
frozen sets, and each question is answered by looking at everything again, once: the answers of a case are kept.
"""

from functools import cache
from itertools import combinations, product
from typing import Any

from tests.chaos.oneid.cases import NAMES, Case

Node = tuple[str, int]  # a nid and which of its owners
DAY = 86_400


def judge(case: Case) -> tuple[dict[str, Node], dict[Node, Node]]:
    """For each identifier the birth node of who has it now; and the birth node of every owner of every identifier."""
    oracle = Oracle(case)
    births = oracle.births(oracle.people())
    return {nid: births[nid, len(oracle.cuts(nid))] for nid in oracle.nids}, births


class Oracle:
    def __init__(self, case: Case) -> None:
        self.several: set[Node] = set()
        self.cuts, self.names = cache(self._cuts), cache(self._names)
        self._named, self._weeks = cache(self._find_named), cache(self._find_weeks)
        self.rules: dict[str, Any] = case.rules["identifiers"]
        self.exclusive_names: bool = case.rules["names"]["exclusive"]
        words = [s for s in case.said if hasattr(s, "stands")]
        events = [s for s in case.said if not hasattr(s, "stands")]
        last: dict[str, Any] = {}
        for word in (w for w in words if w.kind != "erase"):
            if word.id not in last or (word.seq, tuple(word)) > (last[word.id].seq, tuple(last[word.id])):
                last[word.id] = word
        standing = [word for word in last.values() if word.stands]
        self.erased = {w.a for w in words if w.kind == "erase"}
        self.blocked = {w.a for w in standing if w.kind == "block"}
        newest: dict[frozenset[str], Any] = {}
        for word in sorted((w for w in standing if w.kind.endswith("link")), key=lambda w: (w.seq, w.id)):
            newest[frozenset((word.a, word.b))] = word.kind
        self.nids = {nid for event in events for nid in event.nids} - self.erased
        self.seen: dict[frozenset[str], list[Any]] = {}
        for event in events:
            for pair in self._pairs(event.nids):
                if not pair & self.erased:
                    self.seen.setdefault(pair, []).append(event)
        self.events = events
        self.model = max((e.model for e in events if e.cls == 1), default=0)
        self.forbidden = {pair for pair, kind in newest.items() if kind == "cannot_link"}
        dead = self.blocked | self.erased | {nid for nid in self.nids if self._generic(nid)}
        ruled = {pair: kind for pair, kind in newest.items() if not pair & dead and pair <= self.nids}
        self.must = {pair for pair, kind in ruled.items() if kind == "must_link"}
        self.cannot = {pair for pair, kind in ruled.items() if kind == "cannot_link"}
        for pair in list(self.seen):
            best = max(e.cls for e in self.seen[pair])
            outdated = best == 1 and max(e.model for e in self.seen[pair]) < self.model
            if pair & dead or pair in self.forbidden or outdated:
                del self.seen[pair]

    def _priority(self, nid: str) -> tuple[int, str]:
        return self.rules[_type(nid)]["priority"], _hash(nid)

    def _pairs(self, nids: tuple[str, ...]) -> list[frozenset[str]]:
        if len(nids) <= 4:
            return [frozenset(pair) for pair in combinations(nids, 2)]
        best = sorted(nids, key=self._priority)[0]
        return [frozenset((best, nid)) for nid in nids if nid != best]

    def _anchor(self, nid: str) -> bool:
        return bool(self.rules[_type(nid)].get("anchor"))

    def _one_ever(self, nid: str) -> bool:
        return any(limit == {"most": 1, "ever": True} for limit in self.rules[_type(nid)]["limits"])

    def _generic(self, nid: str) -> bool:
        most = self.rules[_type(nid)].get("generic", {}).get("anchors", 10**9)
        friends = {
            other
            for pair, events in self.seen.items()
            for other in pair - {nid}
            if nid in pair and pair not in self.forbidden and self._anchor(other) and any(e.cls > 1 for e in events)
        }
        return len(friends) > most

    # ── names ──

    def _find_named(self, nid: str) -> list[tuple[int, str]]:
        """(day, tokens) of each event that names the identifier."""
        return [
            (e.at // DAY, e.name)
            for e in self.events
            if e.name and e.nids and sorted(e.nids, key=self._priority)[0] == nid and nid not in self.erased
        ]

    def _names(self, node: Node) -> list[str]:
        """All names of an owner of an identifier, the earliest first."""
        named = self._named(node[0])
        first = {name: min(d for d, n in named if n == name) for _, name in named}
        last = {name: max(d for d, n in named if n == name) for _, name in named}
        mine = [name for name in first if self.owner(node[0], last[name]) == node]
        return sorted(mine, key=lambda name: (first[name], name))

    # ── owners in turn ──

    def _cuts(self, nid: str) -> list[int]:
        silent = self.rules[_type(nid)].get("tenancy", {}).get("silent_days")
        if silent is None:
            return []
        spans: list[tuple[int, int, str, str]] = []  # from, to, anchor, name
        for name in {name for _, name in self._named(nid)}:
            days = [d for d, n in self._named(nid) if n == name]
            spans.append((min(days), max(days), "", name))
        for pair, events in self.seen.items():
            days = [e.at // DAY for e in events if e.cls > 1]
            if nid in pair and days:
                (other,) = pair - {nid}
                anchor = other if self._anchor(other) and max(e.cls for e in events) >= 3 else ""
                name = self._earliest_name(other) if anchor else ""
                spans.append((min(days), max(days), anchor, name))
        for event in self.events:
            if nid in event.nids and event.cls > 1:
                monday = event.at // DAY - (event.at // DAY + 3) % 7
                spans.append((monday, monday + 6, "", ""))
        alive = sorted({day for a, b, _, _ in spans for day in range(a, b + 1)})
        stretches: list[list[int]] = []
        for day in alive:
            if stretches and day - stretches[-1][-1] <= silent:
                stretches[-1].append(day)
            else:
                stretches.append([day])
        found: list[int] = []
        begin = 0
        for stretch in stretches:
            before = [s for s in spans if begin <= s[0] < stretch[0]]
            after = [s for s in spans if stretch[0] <= s[0] <= stretch[-1]]
            if before and self._contradict(before, after):
                found.append(stretch[0])
                begin = stretch[0]
        return found

    def _earliest_name(self, nid: str) -> str:
        return min(((d, n) for d, n in self._named(nid)), default=(0, ""))[1]

    def _contradict(self, before: list[Any], after: list[Any]) -> bool:
        one = [{_type(a) for _, _, a, _ in side if a and self._one_ever(a)} for side in (before, after)]
        called = [{n for _, _, _, n in side if n} for side in (before, after)]
        return bool(one[0] & one[1]) or (self.exclusive_names and any(not _same(x, y) for x, y in product(*called)))

    def owner(self, nid: str, day: int) -> Node:
        cuts = self.cuts(nid)
        return nid, len([start for start in cuts if start <= day]) if day else len(cuts)

    # ── people ──

    def edges(self) -> list[tuple[Any, Node, Node, int]]:
        found = []
        for pair, events in self.seen.items():
            if pair in self.must:
                continue
            x, y = sorted(pair)
            cls = max(e.cls for e in events)
            days = {e.at // DAY for e in events if e.cls > 1}
            if cls == 1:
                odds = max((e.model, e.score) for e in events)[1]
                support = 0 if odds >= 16 else 1 if odds >= 8 else 2
            else:
                support = 0 if len(days) >= 4 else 1 if len(days) >= 2 else 2
            if any(self.rules[_type(nid)].get("together") for nid in (x, y)):
                cls = min(cls, 2)
            a, b = (self.owner(nid, max(days, default=0)) for nid in (x, y))
            found.append((*self._rank(cls, support, min(e.at for e in events), a, b), a, b, cls))
        for x, y in map(sorted, self.must):
            a, b = self.owner(x, 0), self.owner(y, 0)
            found.append((*self._rank(5, 0, 0, a, b), a, b, 5))
        return [((), *edge[-3:]) for edge in sorted(found)]

    def _rank(self, cls: int, support: int, first: int, a: Node, b: Node) -> tuple[Any, ...]:
        priorities = sorted(self.rules[_type(n[0])]["priority"] for n in (a, b))
        return (-cls, support, *priorities, first, *sorted(_spelt(n) for n in (a, b)))

    def shared(self, edges: list[Any]) -> set[Node]:
        found = set()
        forced = {n for _, a, b, cls in edges for n in (a, b) if cls == 5}
        for node in {n for _, a, b, _ in edges for n in (a, b)}:
            beside = {
                other
                for _, a, b, cls in edges
                for other in ({a, b} - {node})
                if node in (a, b) and cls >= 3 and self._anchor(other[0])
            }
            one = [_type(o[0]) for o in beside if self._one_ever(o[0])]
            names = [*self.names(node), *self._called(frozenset(beside))]
            clash = self.exclusive_names and any(not _same(x, y) for x, y in combinations(names, 2))
            two = len(one) != len(set(one))
            if beside and (clash or two) and self.rules[_type(node[0])].get("shared") and node not in forced:
                found.add(node)
        return found

    def people(self) -> set[frozenset[Node]]:
        people = {frozenset({(nid, i)}) for nid in self.nids for i in range(len(self.cuts(nid)) + 1)}
        edges = self.edges()
        self.several = self.shared(edges)
        placed: set[Node] = set()
        doubtful: set[Node] = set()
        for _, a, b, cls in sorted(edges, key=lambda e: bool({e[1], e[2]} & self.several)):
            x = next(p for p in people if a in p)
            y = next(p for p in people if b in p)
            if x == y or self._torn(x, y):
                continue
            stuck = {a, b} <= self.several or {a, b} & (placed | doubtful)
            if cls != 5 and (stuck or self._refused(x, y, cls)):
                doubtful |= {n for n in (a, b) if self.rules[_type(n[0])].get("shared")}
                continue
            placed |= {a, b} & self.several
            people = people - {x, y} | {x | y}
        return people

    def _torn(self, x: frozenset[Node], y: frozenset[Node]) -> bool:
        return any(frozenset((a[0], b[0])) in self.cannot for a in x for b in y if a[0] != b[0])

    def _refused(self, x: frozenset[Node], y: frozenset[Node], cls: int) -> bool:
        if self._too_many(x | y, x, y):
            return True
        if cls == 2 and all(any(self._anchor(n[0]) for n in side) for side in (x, y)):
            return True
        both = product(self._called(x), self._called(y))
        return self.exclusive_names and any(not _same(a, b) for a, b in both)

    def _called(self, person: frozenset[Node]) -> set[str]:
        names = {node: self.names(node) for node in person if node not in self.several}
        return {called[0] for called in names.values() if called and all(_same(called[0], other) for other in called)}

    def _too_many(self, both: frozenset[Node], x: frozenset[Node], y: frozenset[Node]) -> bool:
        """A limit forbids a union only where both sides bring some of the type, and one within some weeks in a row."""
        for type, rule in self.rules.items():
            mine = [{n for n in side if _type(n[0]) == type} for side in (both, x, y)]
            if not mine[1] or not mine[2]:
                continue
            for limit in rule["limits"]:
                if limit.get("ever"):
                    if len(mine[0]) > limit["most"]:
                        return True
                    continue
                weeks = {n: self._weeks(n) for n in mine[0]}
                told = sorted(set().union(*weeks.values()))
                for first in range(told[0] - limit["weeks"] + 1, told[-1] + 1) if told else ():
                    inside = {n for n in mine[0] if any(0 <= w - first < limit["weeks"] for w in weeks[n])}
                    if len(inside) > limit["most"] and inside & mine[1]:
                        return True
        return False

    def _find_weeks(self, node: Node) -> set[int]:
        """Weeks from Monday to Sunday in which the owner of an identifier was active."""
        weeks = {(e.at // DAY + 3) // 7 for e in self.events if node[0] in e.nids and e.cls > 1}
        return {w for w in weeks if len([s for s in self.cuts(node[0]) if (s + 3) // 7 <= w]) == node[1]}

    def births(self, people: set[frozenset[Node]]) -> dict[Node, Node]:
        def born(node: Node) -> tuple[int, str]:
            nid, turn = node
            since = self.cuts(nid)[turn - 1] * DAY if turn else min(e.at for e in self.events if nid in e.nids)
            return since, _spelt(node)

        return {node: min(person, key=born) for person in people for node in person}


def _type(nid: str) -> str:
    return nid.split(":", maxsplit=1)[0]


def _hash(nid: str) -> str:
    return nid.split(":")[1]


def _spelt(node: Node) -> str:
    return _hash(node[0]) + (f"#{node[1]}" if node[1] else "")


def _same(x: str, y: str) -> bool:
    (family, given), (other_family, other_given) = NAMES[x], NAMES[y]
    return family == other_family and (given == other_given or not given or not other_given)
