"""Everything that is known of who is who, as it stands in its topic, and the rules in force."""

from collections.abc import Iterable
from typing import NamedTuple

from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.evidence import IdentityFact, Ruling
from oneid.dossier import Dossier, generic, in_force, live
from oneid.evidence import Evidence, Key
from oneid.facts import kept, rule_text
from oneid.plan import Outcome, Trial
from oneid.resolve import Resolution, member_id, persons
from oneid.rules import Rules, parse
from pipelines.newest import newest_by_key
from pipelines.profiles import platform_rules

FACTS = "log.resolve_members"


class Known(NamedTuple):
    """`erased` are the marks of identifiers that were erased; `rules` those in force."""

    facts: dict[bytes, IdentityFact]
    rules: Rules

    def evidence(self, rules: Rules) -> tuple[Evidence, set[str]]:
        """The evidence as these rules see it, and the marks of what was erased."""
        found = kept(self.facts.items(), rules.identifiers)
        return found.evidence, found.erased


def known(settings: Settings) -> Known:
    facts = newest_by_key(settings, FACTS, IdentityFact)
    text = rule_text(facts.values())
    return Known(facts, parse(text, "the rules in force") if text else platform_rules())


def holders(settings: Settings, what: Known, rules: Rules) -> dict[str, str]:
    """Who would have each identifier under these rules: nid → member id."""
    return dict(tried(settings, what, rules).holders)


def tried(settings: Settings, what: Known, rules: Rules) -> Outcome:
    """What comes of all that is known under these rules."""
    evidence, erased = what.evidence(rules)
    trial = Trial(rules)
    trial.resolver.restore(evidence, erased)
    store = Keystore(settings.home, SystemClock())
    try:
        key = store.tenant_key(settings.tenant)
    finally:
        store.close()
    return trial.outcome(lambda birth: member_id(key, birth))


def nobodys(what: Known) -> tuple[frozenset[str], frozenset[str]]:
    """The identifiers that link nobody: blocked by a steward, and generic."""
    evidence, _ = what.evidence(what.rules)
    said = in_force(evidence.rulings.values())
    return said.blocked, generic(evidence, what.rules, said)


def resolution(what: Known, a: str, b: str) -> tuple[Resolution, Dossier]:
    """F over all that is connected with one of the two; the same as over everything, since F is separable."""
    dossier = _around(live(what.evidence(what.rules)[0], what.rules), {a, b})
    return persons(dossier, what.rules), dossier


def between(answer: Resolution, cannot: Iterable[Key], a: str, b: str) -> list[Key]:
    """The pairs that a steward forbade between the two persons: such a pair is no edge that F could refuse."""
    persons_ = {answer.holder(a), answer.holder(b)}
    return (
        sorted(pair for pair in cannot if {answer.holder(nid) for nid in pair} == persons_) if len(persons_) > 1 else []
    )


def words_on(what: Known) -> list[Ruling]:
    """The rulings on identifiers that stand, the newest first."""
    words = [fact.ruling for fact in what.facts.values() if fact.ruling and fact.ruling.stands]
    return sorted(words, key=lambda word: -word.seq)


def _around(dossier: Dossier, nids: set[str]) -> Dossier:
    beside: dict[str, list[str]] = {}
    for x, y in (*dossier.pairs, *dossier.must, *dossier.cannot):
        beside.setdefault(x, []).append(y)
        beside.setdefault(y, []).append(x)
    reached, queue = set(nids), list(nids)
    while queue:
        for other in beside.get(queue.pop(), ()):
            if other not in reached:
                reached.add(other)
                queue.append(other)
    return Dossier(
        {nid: one for nid, one in dossier.identifiers.items() if nid in reached},
        {ends: pair for ends, pair in dossier.pairs.items() if ends[0] in reached},
        {nid: names for nid, names in dossier.names.items() if nid in reached},
        frozenset(ends for ends in dossier.must if ends[0] in reached),
        frozenset(ends for ends in dossier.cannot if ends[0] in reached),
    )
