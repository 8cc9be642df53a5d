"""Bugs planted into F and the resolver, as somebody could write them in good faith. Each must be caught."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from oneid import resolve, resolver, shard
from oneid.evidence import DECLARED, TOGETHER
from tests.chaos.oneid import judging

GRAPH = resolve._Graph
PERSON = resolve._Person


class Plant(NamedTuple):
    """`patched` replaces `name` of `where` by what `bug` makes of it."""

    title: str
    where: Any
    name: str
    bug: Callable[[Any], Any]


def _no_limit(right: Any) -> Any:
    return lambda self, x, y: found if (found := right(self, x, y)).endswith("w") else ""


def _no_window(right: Any) -> Any:
    return lambda self, x, y: found if not (found := right(self, x, y)).endswith("w") else ""


def _no_name(right: Any) -> Any:
    return lambda self, edge, x, y: "" if (found := right(self, edge, x, y)) == "name" else found


def _no_class(right: Any) -> Any:
    def refused(self: Any, edge: Any, x: Any, y: Any) -> str:
        return str(right(self, edge._replace(cls=DECLARED) if edge.cls == TOGETHER else edge, x, y))

    return refused


def _by_arrival(right: Any) -> Any:
    """Edges of a class in the order in which they stand in memory, which is that of their arrival."""
    return lambda *told: right(*told)[:2]


def _only_crossing(right: Any) -> Any:
    """A dossier is looked at again only when something new joins it."""

    def affected(self: Any, touched: Any) -> Any:
        none = np.zeros(len(touched.pairs), bool)
        return right(self, touched._replace(changed=none, shifted=none))

    return affected


def _without(part: str) -> Callable[[Any], Any]:
    """What was stored, read back without a part."""

    def bug(right: Any) -> Any:
        def kept(*told: Any) -> Any:
            found = right(*told)
            nothing = type(getattr(found.evidence, part))()
            return found._replace(evidence=replace(found.evidence, **{part: nothing}))

        return kept

    return bug


PLANTS = (
    Plant("a limit is skipped", GRAPH, "_over_limit", _no_limit),
    Plant("a window is skipped", GRAPH, "_over_limit", _no_window),
    Plant("a name is skipped", GRAPH, "_refused", _no_name),
    Plant("a class rule is skipped", GRAPH, "_refused", _no_class),
    Plant("edges are ranked by arrival", resolve, "_order", _by_arrival),
    Plant("a recompute is skipped", resolver.Resolver, "_affected", _only_crossing),
)
# Those that only a restart shows.
READING = (
    Plant("marks are not read back", shard, "kept", lambda right: lambda *told: right(*told)._replace(erased=set())),
    Plant("rulings are not read back", shard, "kept", _without("rulings")),
    Plant("names are not read back", shard, "kept", _without("names")),
    Plant("the model is not read back", shard, "kept", _without("model")),
)
MOST_CASES = 2000


@contextmanager
def planted(plant: Plant) -> Iterator[None]:
    right = getattr(plant.where, plant.name)
    setattr(plant.where, plant.name, plant.bug(right))
    try:
        yield
    finally:
        setattr(plant.where, plant.name, right)


def caught(plant: Plant, seed: int) -> int | None:
    """The first case from `seed` on that shows the bug; None when none of many does."""
    with planted(plant):
        for case in range(seed, seed + MOST_CASES):
            if judging.differences(case):
                return case
    return None
