"""Step 2 of F: recycled identifiers, cut into the tenancies of their owners. Pure.

A phone number that falls silent for long and comes back with another name, or with another anchor of a type of which a
person has only one, has a new owner. Silence alone proves nothing, and neither does another name without silence: that is
a family. Any pair seen on both sides of the silence bridges it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from oneid.dossier import Dossier
from oneid.evidence import DAY_S, DECLARED, Identifier, Span, kind, week
from oneid.names import compatible
from oneid.rules import Rules


class Cut(NamedTuple):
    """`starts[i]` is the first day of tenancy `i + 1`; `nodes` names the tenancies, the first one by the nid itself."""

    starts: tuple[int, ...]
    nodes: tuple[str, ...]


class Tenancies(NamedTuple):
    """`types`, `identifiers` and `names` by node; names are those of the tenancy, earliest first. `contradicted`: those
    that silence would cut."""

    cuts: dict[str, Cut]
    types: dict[str, str]
    identifiers: dict[str, Identifier]
    names: dict[str, tuple[str, ...]]
    contradicted: frozenset[str] = frozenset()

    def at(self, nid: str, day: int) -> str:
        """The node of an identifier on a day; on day 0, which is no day, the node of now."""
        cut = self.cuts.get(nid)
        if cut is None:
            return nid
        return cut.nodes[sum(day >= start for start in cut.starts) if day else -1]

    def now(self, nid: str) -> str:
        return self.nodes(nid)[-1]

    def nodes(self, nid: str) -> tuple[str, ...]:
        cut = self.cuts.get(nid)
        return (nid,) if cut is None else cut.nodes


class _Sign(NamedTuple):
    """A sign of life over a span of days: of the identifier alone, beside an anchor, or under a name."""

    first: int
    last: int
    anchor: str = ""
    names: tuple[str, ...] = ()


def cut(dossier: Dossier, rules: Rules) -> Tenancies:
    names = {nid: earliest_first(spans) for nid, spans in dossier.names.items()}
    types = {nid: kind(nid) for nid in dossier.identifiers}
    cuts = {}
    contradicted = _signs(dossier, names, types, rules)
    for nid, signs in contradicted.items():
        tenancy = rules.identifiers[types[nid]].tenancy
        starts = _starts(signs, tenancy.silent_days, rules) if tenancy else ()
        if starts:
            cuts[nid] = Cut(starts, (nid, *(f"{nid}#{i}" for i in range(1, len(starts) + 1))))
    if not cuts:
        return Tenancies(cuts, types, dossier.identifiers, names, frozenset(contradicted))
    identifiers = {nid: identifier for nid, identifier in dossier.identifiers.items() if nid not in cuts}
    names = {nid: said for nid, said in names.items() if nid not in cuts}
    types |= {node: types[nid] for nid, where in cuts.items() for node in where.nodes}
    found = Tenancies(cuts, types, identifiers, names, frozenset(contradicted))
    for nid, where in cuts.items():
        spans: dict[str, dict[str, Span]] = {}
        for tokens, span in dossier.names.get(nid, {}).items():
            spans.setdefault(found.at(nid, span.last), {})[tokens] = span
        names |= {node: earliest_first(spans.get(node, {})) for node in where.nodes}
        found.identifiers.update(_split(dossier.identifiers[nid], where))
    return found


def contradictory(names: Sequence[str]) -> bool:
    """Whether any two of the names cannot be one person's."""
    return len(names) > 1 and any(not compatible(x, y) for i, x in enumerate(names) for y in names[:i])


def earliest_first(spans: dict[str, Span]) -> tuple[str, ...]:
    return tuple(sorted(spans, key=lambda tokens: (spans[tokens].first, tokens)) if len(spans) > 1 else spans)


def _signs(
    dossier: Dossier, names: dict[str, tuple[str, ...]], types: dict[str, str], rules: Rules
) -> dict[str, list[_Sign]]:
    """The signs of life of every identifier that may have had several owners: the few with a contradiction around them."""
    exclusive = [type for type in types.values() if type in rules.exclusive]
    once = len(exclusive) == len(set(exclusive))
    if once and (len(names) < 2 and not any(len(said) > 1 for said in names.values())):
        return {}  # nothing in the whole dossier contradicts anything
    # What merely stood on one receipt with it claims nothing: numbers are lent, and mistyped.
    anchors: dict[str, list[str]] = {nid: [] for nid, type in types.items() if rules.identifiers[type].tenancy}
    for (a, b), (cls, *_) in dossier.pairs.items() if anchors else ():
        if cls >= DECLARED:
            if a in anchors and types[b] in rules.anchors:
                anchors[a].append(b)
            if b in anchors and types[a] in rules.anchors:
                anchors[b].append(a)
    found: dict[str, list[_Sign]] = {}
    for nid, beside in anchors.items():
        exclusive = [type for other in beside if (type := types[other]) in rules.exclusive]
        said = [*names.get(nid, ()), *(name for other in beside for name in names.get(other, ())[:1])]
        if len(exclusive) > len(set(exclusive)) or (rules.names.exclusive and contradictory(said)):
            found[nid] = [_Sign(*span, names=(tokens,)) for tokens, span in dossier.names.get(nid, {}).items()]
            found[nid] += [_Sign(7 * w - 3, 7 * w + 3) for w in dossier.identifiers[nid].weeks]
    for (a, b), pair in dossier.pairs.items() if found else ():
        for nid, other in ((a, b), (b, a)) if pair.days else ():
            if nid in found:
                known = other in anchors[nid]
                sign = _Sign(pair.days[0], pair.last, other if known else "", names.get(other, ())[:1] if known else ())
                found[nid].append(sign)
    return found


def _starts(signs: list[_Sign], silent_days: int, rules: Rules) -> tuple[int, ...]:
    """The first days of the later tenancies."""
    starts = []
    before: list[_Sign] = []
    for stretch in _stretches(signs, silent_days):
        if before and _contradict(before, stretch, rules):
            starts.append(stretch[0].first)
            before = []
        before += stretch
    return tuple(starts)


def _stretches(signs: list[_Sign], silent_days: int) -> Iterable[list[_Sign]]:
    """The signs, parted at every silence, in order of time."""
    stretch: list[_Sign] = []
    end = 0
    for sign in sorted(signs):
        if stretch and sign.first - end > silent_days:
            yield stretch
            stretch = []
        end = max(end, sign.last) if stretch else sign.last
        stretch.append(sign)
    yield stretch


def _contradict(before: list[_Sign], after: list[_Sign], rules: Rules) -> bool:
    """The same exclusive anchor type on both sides, or a name on each that cannot be one person's."""
    types = [{kind(sign.anchor) for sign in side if sign.anchor} & rules.exclusive for side in (before, after)]
    names = [{name for sign in side for name in sign.names} for side in (before, after)]
    if types[0] & types[1]:
        return True
    return rules.names.exclusive and any(not compatible(x, y) for x in names[0] for y in names[1])


def _split(identifier: Identifier, where: Cut) -> dict[str, Identifier]:
    """Each tenancy was first seen when it began, and was active in its own weeks."""
    bounds = [week(day) for day in where.starts]
    parts: dict[str, Identifier] = {}
    for i, node in enumerate(where.nodes):
        weeks = frozenset(w for w in identifier.weeks if sum(w >= bound for bound in bounds) == i)
        parts[node] = Identifier(identifier.first if i == 0 else where.starts[i - 1] * DAY_S, weeks)
    return parts
