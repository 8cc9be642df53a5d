"""What F says of a member: everything that is connected with some identifiers, resolved, with what was left out and why.

F is separable (`oneid.resolve`), so the part around the member gives what all facts would give. A value that is nobody's
connects nothing: reading stops there, after the few pairs that show it.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from contracts.evidence import IdentityFact, Ruling
from oneid.dossier import Dossier, Rulings, generic, in_force, live, superseded
from oneid.evidence import LIKELY, Evidence, Key, Pair
from oneid.facts import kept, rule_text
from oneid.resolve import LIKELY_ENOUGH, SURE, Decision, Edge, Resolution, persons
from oneid.rules import Rules
from oneservice.live.fact_store import FactStore

MOST_FACTS = 20_000  # read for one member; beyond it F would take more than a few seconds
# Rules by which a pair never comes before F; the others are those of `oneid.resolve`.
CANNOT, BLOCKED, GENERIC, SUPERSEDED = "cannot_link", "blocked", "generic", "superseded"


class Around(NamedTuple):
    """`decisions` are those on every edge at the member's identifiers, and on every pair there that never came before F.

    `dead`: identifiers that are nobody's, `BLOCKED` or `GENERIC`. `rulings`: who keeps which pairs apart. `whole` is whether
    all that is connected was read; if not, the answer is of the nearest.
    """

    answer: Resolution
    rules: Rules
    decisions: tuple[Decision, ...]
    dead: Mapping[str, str] = {}
    rulings: Mapping[Key, Ruling] = {}
    whole: bool = True


class Reading(NamedTuple):
    """The facts are still being read: so many of so many. To be asked again."""

    read: int
    total: int


def around(store: FactStore, nids: Collection[str], rules: Callable[[str], Rules]) -> Around:
    """All that F decides at these identifiers. `rules` gives those of a rule file's text, "" for those of the release."""
    said = dict(store.said())
    chosen = rules(rule_text(said.values()))
    found = _Search(store, said, chosen)
    found.run(nids)
    evidence = kept(found.facts.items(), chosen.identifiers).evidence
    dossier = _bounded(live(evidence, chosen))
    answer = persons(dossier, chosen)
    own = {answer.now(nid) for nid in nids}
    decided = [one for one in answer.decisions if not own.isdisjoint((one.edge.a, one.edge.b))]
    left = _left_out(evidence, found.said, found.dead, set(nids))
    return Around(answer, chosen, (*decided, *left), found.dead, _words(said.values()), found.whole)


class _Search:
    """Goes from the identifiers over all that links them, breadth first."""

    def __init__(self, store: FactStore, said: Mapping[bytes, IdentityFact], rules: Rules) -> None:
        self._store, self._rules = store, rules
        self.facts = dict(said)
        told = kept(said.items(), rules.identifiers).evidence
        self.said = in_force(told.rulings.values())
        self._model = told.model
        self._ruled = _neighbours((*self.said.must, *self.said.cannot))
        self.dead: dict[str, str] = {}
        self.whole = True

    def run(self, nids: Iterable[str]) -> None:
        reached, queue = set(nids), deque(nids)
        own = frozenset(reached)
        while queue:
            nid = queue.popleft()
            self.facts |= self._store.about(nid)
            if len(self.facts) > MOST_FACTS:
                self.whole = False
                return
            pairs = self._pairs(nid, all=nid in own)
            if nid not in self.dead:
                fresh = (self._linked(pairs) - {nid} | self._ruled.get(nid, set())) - reached
                reached |= fresh
                queue.extend(sorted(fresh))

    def _pairs(self, nid: str, *, all: bool) -> dict[Key, Pair]:
        """The pairs of an identifier; of one that is nobody's only those that show it, unless `all` are asked for."""
        found: dict[Key, Pair] = {}
        if nid in self.said.blocked:
            self.dead[nid] = BLOCKED
        for some in self._store.beside(nid):
            if nid in self.dead and not all:
                break
            self.facts |= some
            found |= kept(some, self._rules.identifiers).evidence.pairs
            if nid not in self.dead and nid in generic(Evidence(pairs=found), self._rules, self.said):
                self.dead[nid] = GENERIC
            if len(self.facts) > MOST_FACTS:
                self.whole = False
                break
        return found

    def _linked(self, pairs: Mapping[Key, Pair]) -> set[str]:
        alive = (
            ends for ends, pair in pairs.items() if ends not in self.said.cannot and not superseded(pair, self._model)
        )
        return {nid for ends in alive for nid in ends}


def _neighbours(pairs: Iterable[Key]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for a, b in pairs:
        found.setdefault(a, set()).add(b)
        found.setdefault(b, set()).add(a)
    return found


def _bounded(dossier: Dossier) -> Dossier:
    """Without the pairs that lead to where reading stopped."""
    known = dossier.identifiers.keys()
    return dossier._replace(pairs={ends: pair for ends, pair in dossier.pairs.items() if known >= set(ends)})


def _left_out(evidence: Evidence, said: Rulings, dead: Mapping[str, str], own: set[str]) -> list[Decision]:
    """The pairs at these identifiers that never came before F, and those that a steward forbade before they were ever seen."""
    found = []
    for ends, pair in sorted(evidence.pairs.items()):
        why = _why_left(ends, pair, evidence.model, said, dead) if not own.isdisjoint(ends) else ""
        if why:
            found.append(Decision(Edge(*ends, pair.cls, _support(pair), pair.first), why))
    for ends in sorted(said.cannot - evidence.pairs.keys()):
        if not own.isdisjoint(ends):
            found.append(Decision(Edge(*ends, 0, 0, 0), CANNOT))
    return found


def _why_left(ends: Key, pair: Pair, model: int, said: Rulings, dead: Mapping[str, str]) -> str:
    if ends in said.cannot:
        return CANNOT
    nobodys = [dead[nid] for nid in ends if nid in dead]
    return nobodys[0] if nobodys else SUPERSEDED if superseded(pair, model) else ""


def _support(pair: Pair) -> int:
    """As F counts it: 0 for four days or more, 1 for two, 2 for one; a score by its odds."""
    strength, most, some = (pair.score, SURE, LIKELY_ENOUGH) if pair.cls == LIKELY else (len(pair.days), 4, 2)
    return 0 if strength >= most else 1 if strength >= some else 2


def _words(facts: Iterable[IdentityFact]) -> dict[Key, Ruling]:
    """The standing words that keep two apart, the newest of each pair."""
    found = [one.ruling for one in facts if one.ruling and one.ruling.stands and one.ruling.kind == CANNOT]
    return {(min(one.a, one.b), max(one.a, one.b)): one for one in sorted(found, key=lambda one: one.seq)}
