"""The health of the members' graph in words and charts, from what the workers tell of it: counts only. Pure."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from oneid import reasons
from oneid.rules import Rules
from oneid.shape import NAMES
from oneservice.console import charts

Told = Mapping[str, Mapping[str, float]]  # metric → label → value, as `connectors.worker_metrics.labelled` gives it
Words = Callable[[tuple[str, str]], str]
Rows = list[tuple[str, int]]


class Health(NamedTuple):
    """Rows are (name, count): `sizes` by number of identifiers, the others the most first, in people's words."""

    identifiers: int
    members: int
    each: float
    largest: int
    recycled: int
    types: Rows
    sizes: Rows
    generic: Rows
    refused: Rows
    chart: charts.Option


def shown(told: Told, rules: Rules, say: Words, name: str) -> Health | None:
    """None when nobody tells anything. `name` is that of the bars."""
    if "zhongtai_graph_largest" not in told:
        return None

    def title(type: str) -> str:
        known = rules.identifiers.get(type)
        return say((known.title.en, known.title.zh)) if known else type

    def counts(metric: str) -> Mapping[str, float]:
        return told.get(f"zhongtai_graph_{metric}", {})

    sizes = [(size, int(counts("members").get(size, 0))) for size in NAMES]
    while len(sizes) > 1 and not sizes[-1][1]:
        sizes.pop()
    identifiers, members = (int(sum(counts(metric).values())) for metric in ("identifiers", "members"))
    return Health(
        identifiers=identifiers,
        members=members,
        each=identifiers / members if members else 0.0,
        largest=int(counts("largest")[""]),
        recycled=int(counts("recycled").get("", 0)),
        types=_rows(counts("identifiers"), title),
        sizes=sizes,
        generic=_rows(counts("generic"), title),
        refused=_rows(counts("refused"), lambda rule: _reason(rule, rules, say)),
        chart=charts.bars([size for size, _ in sizes], {name: [count for _, count in sizes]}),
    )


def _rows(counts: Mapping[str, float], title: Callable[[str], str]) -> Rows:
    most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [(title(name), int(count)) for name, count in most if count]


def _reason(rule: str, rules: Rules, say: Words) -> str:
    try:
        return say(reasons.refused(rule, rules))
    except (KeyError, StopIteration):
        return rule  # a limit of a steward's own rule file, which the console does not read
