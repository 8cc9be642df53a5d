"""A member's identifiers as a graph: what joined them, and what was refused, left out or is nobody's, and why. Pure."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from oneid import reasons
from oneid.resolve import Decision
from oneid.rules import Rules
from oneservice.console import charts
from oneservice.live.surroundings import BLOCKED, CANNOT, GENERIC, Around

MOST = 60  # lines that are drawn: more cannot be read

Say = Callable[[tuple[str, str]], str]


class Names(NamedTuple):
    """What the kinds of identifiers are called, and a pair that no evidence shows."""

    own: str
    others: str
    nobodys: str
    unseen: str


class Line(NamedTuple):
    """An edge: its two ends as people are told them, the kind of evidence, how often, since when, and why it was refused.

    `refused` is "" for an edge that joins. `steward` is who ruled so, when and why: "" where nobody did.
    """

    a: str
    b: str
    evidence: str
    support: str
    first: int
    refused: str
    steward: str = ""


class Mark(NamedTuple):
    """An identifier about which there is something to say: that it is nobody's, or has had several owners."""

    label: str
    words: str


class Drawn(NamedTuple):
    """The graph, the lines of it, and how many lines there are. `whole`: whether all evidence around was read."""

    chart: charts.Option
    lines: list[Line]
    total: int
    refused: int
    marks: list[Mark]
    whole: bool

    @property
    def left(self) -> int:
        """How many lines are not drawn."""
        return self.total - len(self.lines)


class Person:
    """What F says of a member, in one language. `nids` are the member's identifiers."""

    def __init__(self, found: Around, nids: Collection[str], say: Say, names: Names) -> None:
        self._found, self._say, self._names = found, say, names
        self._own = {found.answer.now(nid) for nid in nids}
        joined = [one for one in found.decisions if not one.rule]
        self.decisions = (*joined, *(one for one in found.decisions if one.rule))
        self._joined = len(joined)

    def drawn(self) -> Drawn:
        """The edges that touch the member's identifiers, those that join first; where there are many, some of each sort."""
        shown = self._some()
        nodes = sorted(self._own | {end for one in shown for end in (one.edge.a, one.edge.b)})
        points = [charts.Node(n, self._label(n), self._kind(n), 30 if n in self._own else 20) for n in nodes]
        edges = [charts.Edge(one.edge.a, one.edge.b, self._told(one), not one.rule) for one in shown]
        return Drawn(
            charts.graph(points, edges, self._names[:3]),
            self.lines(shown),
            len(self.decisions),
            len(self.decisions) - self._joined,
            list(self._marks(nodes)),
            self._found.whole,
        )

    def lines(self, decisions: Sequence[Decision]) -> list[Line]:
        return [self._line(one) for one in decisions]

    def _some(self) -> list[Decision]:
        joined, refused = self.decisions[: self._joined], self.decisions[self._joined :]
        room = max(MOST // 2, MOST - len(refused))
        taken = joined[:room]
        return [*taken, *refused[: MOST - len(taken)]]

    def _line(self, one: Decision) -> Line:
        edge = one.edge
        support = self._say(reasons.supported(edge.support)) if edge.first else ""
        ends = self._label(edge.a), self._label(edge.b)
        refused = self._because(one) if one.rule else ""
        return Line(*ends, self._evidence(one), support, edge.first, refused, self._steward(one))

    def _evidence(self, one: Decision) -> str:
        return self._say(reasons.joined(one.edge.cls)) if one.edge.cls else self._names.unseen

    def _told(self, one: Decision) -> str:
        """What stands at a line of the drawing."""
        return f"{self._evidence(one)}: {self._because(one)}" if one.rule else self._evidence(one)

    def _because(self, one: Decision) -> str:
        if one.rule not in (BLOCKED, GENERIC):
            return self._reason(one.rule)
        nid = next(end for end in one.edge[:2] if self._found.dead.get(end) == one.rule)
        return self._nobodys(nid)

    def _reason(self, rule: str) -> str:
        return self._say(reasons.refused(rule, self._found.rules))

    def _nobodys(self, nid: str) -> str:
        why = self._found.dead[nid]
        words = reasons.dead(nid, self._found.rules, why == BLOCKED, why == GENERIC)
        return self._say(words) if words else why

    def _steward(self, one: Decision) -> str:
        word = self._found.rulings.get((one.edge.a, one.edge.b)) if one.rule == CANNOT else None
        return f"{word.by}, {word.at[:10]}: {word.reason}" if word else ""

    def _marks(self, nodes: Sequence[str]) -> "list[Mark]":
        """The member's own first."""
        found = []
        for node in sorted(nodes, key=lambda one: (one not in self._own, one)):
            nid = node.partition("#")[0]
            if node in self._found.dead:
                found.append(Mark(self._label(node), self._nobodys(node)))
            elif nid in self._found.answer.cuts and node in self._own:
                owners = len(self._found.answer.cuts[nid].nodes)
                found.append(Mark(self._label(node), self._say(reasons.recycled(nid, self._found.rules, owners))))
        return found

    def _kind(self, node: str) -> int:
        births = self._found.answer.births
        mine = node in self._own or (node in births and births[node] in {births.get(own) for own in self._own})
        return 2 if node in self._found.dead else 0 if mine else 1

    def _label(self, node: str) -> str:
        return label(node, self._found.rules, self._say)


def label(node: str, rules: Rules, say: Say) -> str:
    """`phone 3f9a`: the type, and the beginning of the hash to tell several apart. Never the value, which nobody has here."""
    type, _, rest = node.partition(":")
    name, _, tenancy = rest.partition("#")
    known = rules.identifiers.get(type)
    title = say((known.title.en, known.title.zh)) if known else type
    return f"{title} {name[:4]}" + (f" #{tenancy}" if tenancy else "")
