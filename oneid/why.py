"""Why two identifiers are one person's, or are not. Pure: everything it says stands in F's decisions."""

from collections import deque
from typing import NamedTuple

from oneid.resolve import Decision, Edge, Resolution


class Why(NamedTuple):
    """`path`: the edges that join the two, each with what is known of it. Otherwise `refused`: the edges between the two
    persons with the rule that refused each, strongest first; none when no evidence touches both."""

    together: bool
    path: tuple[Edge, ...] = ()
    refused: tuple[Decision, ...] = ()


def why(answer: Resolution, a: str, b: str) -> Why | None:
    """For two identifiers, as they are held now. None when one of them is erased or was never seen."""
    x, y = (answer.now(nid) for nid in (a, b))
    if x not in answer.births or y not in answer.births:
        return None
    if answer.births[x] == answer.births[y]:
        return Why(True, _path(answer, x, y))
    persons = {answer.births[x], answer.births[y]}
    between = [d for d in answer.decisions if d.rule and {answer.births[n] for n in (d.edge.a, d.edge.b)} == persons]
    return Why(False, refused=tuple(between))


def _path(answer: Resolution, x: str, y: str) -> tuple[Edge, ...]:
    """The shortest path through edges that F took, the strongest edges first."""
    taken: dict[str, list[tuple[str, Edge]]] = {}
    for edge, rule in answer.decisions:
        if not rule:
            taken.setdefault(edge.a, []).append((edge.b, edge))
            taken.setdefault(edge.b, []).append((edge.a, edge))
    came: dict[str, tuple[str, Edge] | None] = {x: None}
    queue = deque([x])
    while queue and y not in came:
        node = queue.popleft()
        for other, edge in taken.get(node, ()):
            if other not in came:
                came[other] = node, edge
                queue.append(other)
    path: list[Edge] = []
    step = came.get(y)
    while step:
        path.append(step[1])
        step = came[step[0]]
    return tuple(reversed(path))
