"""A member's identifiers as a graph: what joined them, and what was refused, by which rule. Pure."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from oneid import reasons
from oneid.resolve import Decision, Resolution
from oneid.rules import Rules
from oneservice.console import charts

MOST = 120  # lines that are drawn: more cannot be read

Words = Callable[[tuple[str, str]], str]


class Line(NamedTuple):
    """An edge: its two ends as people are told them, the kind of evidence, how often, since when, and why it was refused.

    `refused` is "" for an edge that joins.
    """

    a: str
    b: str
    evidence: str
    support: str
    first: int
    refused: str


class Drawn(NamedTuple):
    """The graph and its lines, those that join first. `left` is how many are not shown."""

    chart: charts.Option
    lines: list[Line]
    left: int


def drawn(answer: Resolution, rules: Rules, nids: Collection[str], say: Words, kinds: tuple[str, str]) -> Drawn:
    """The edges that touch the member's identifiers. `say` chooses a language; `kinds` names the member's own and others'."""
    own = {answer.now(nid) for nid in nids}
    near = [one for one in answer.decisions if own & {one.edge.a, one.edge.b}]
    near.sort(key=lambda one: bool(one.rule))
    shown = near[:MOST]
    nodes = sorted(own | {end for one in shown for end in (one.edge.a, one.edge.b)})
    drawn_nodes = [charts.Node(n, _label(n, rules, say), 0 if n in own else 1, 30 if n in own else 20) for n in nodes]
    edges = [charts.Edge(one.edge.a, one.edge.b, _evidence(one, say), not one.rule) for one in shown]
    return Drawn(
        charts.graph(drawn_nodes, edges, kinds),
        [_line(one, rules, say) for one in shown],
        len(near) - len(shown),
    )


def _line(one: Decision, rules: Rules, say: Words) -> Line:
    edge = one.edge
    return Line(
        _label(edge.a, rules, say),
        _label(edge.b, rules, say),
        _evidence(one, say),
        say(reasons.supported(edge.support)) if edge.first else "",
        edge.first,
        say(reasons.refused(one.rule, rules)) if one.rule else "",
    )


def _evidence(one: Decision, say: Words) -> str:
    return say(reasons.joined(one.edge.cls))


def _label(node: str, rules: Rules, say: Words) -> str:
    """`phone 3f9a`: the type, and the beginning of the hash to tell several apart. Never the value, which nobody has here."""
    type, _, rest = node.partition(":")
    name, _, tenancy = rest.partition("#")
    title = rules.identifiers[type].title
    return f"{say((title.en, title.zh))} {name[:4]}" + (f" #{tenancy}" if tenancy else "")
