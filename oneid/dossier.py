"""What F looks at: the live part of the evidence. Pure, and blind to the order in which evidence came."""

from collections.abc import Iterable
from typing import NamedTuple

from oneid.evidence import LIKELY, Evidence, Identifier, Key, Pair, Ruling, Span, kind
from oneid.rules import Rules


class Dossier(NamedTuple):
    """Identifiers and what links them. Everything, or any part that no live pair, name or ruling leads out of.

    `names`: by identifier, the tokens of each name with the days of its first and last use. `must` and `cannot` are the
    pairs on which a steward has ruled.
    """

    identifiers: dict[str, Identifier]
    pairs: dict[Key, Pair]
    names: dict[str, dict[str, Span]]
    must: frozenset[Key]
    cannot: frozenset[Key]


class Rulings(NamedTuple):
    """What the stewards' rulings come to, each id at its highest sequence."""

    must: frozenset[Key]
    cannot: frozenset[Key]
    blocked: frozenset[str]
    erased: frozenset[str]


def live(evidence: Evidence, rules: Rules) -> Dossier:
    """Step 1 of F: drop what is erased, and every pair that touches a generic, blocked or erased identifier.

    A pair that a steward forbade says nothing either, nor does one that only an older model links.
    """
    said = in_force(evidence.rulings.values())
    identifiers = {nid: i for nid, i in evidence.identifiers.items() if nid not in said.erased}
    dead = said.blocked | said.erased | generic(evidence, rules, said)
    pairs = {
        key: pair
        for key, pair in evidence.pairs.items()
        if dead.isdisjoint(key) and key not in said.cannot and not superseded(pair, evidence.model)
    }
    names: dict[str, dict[str, Span]] = {}
    for (nid, tokens), span in evidence.names.items():
        if nid in identifiers:
            names.setdefault(nid, {})[tokens] = span
    # A pair that was ruled on but never seen has nothing to say yet; one that is blocked, nothing any more.
    must, cannot = (
        frozenset(key for key in keys if dead.isdisjoint(key) and identifiers.keys() >= set(key))
        for keys in (said.must, said.cannot)
    )
    return Dossier(identifiers, pairs, names, must, cannot)


def in_force(rulings: Iterable[Ruling]) -> Rulings:
    """What holds. Where several rulings speak of one pair, the one with the highest sequence (then id) does."""
    pairs: dict[Key, Ruling] = {}
    nids: dict[str, set[str]] = {"block": set(), "erase": set()}
    for ruling in rulings:
        if not ruling.stands:
            continue
        if ruling.kind in nids:
            nids[ruling.kind].add(ruling.a)
            continue
        key = (min(ruling.a, ruling.b), max(ruling.a, ruling.b))
        if key not in pairs or (ruling.seq, ruling.id) > (pairs[key].seq, pairs[key].id):
            pairs[key] = ruling
    must, cannot = (
        frozenset(key for key, ruling in pairs.items() if ruling.kind == kind) for kind in ("must_link", "cannot_link")
    )
    return Rulings(must, cannot, frozenset(nids["block"]), frozenset(nids["erase"]))


def generic(evidence: Evidence, rules: Rules, said: Rulings) -> frozenset[str]:
    """Identifiers with more distinct anchors around them than their type's rule allows one person, or one family."""
    around: dict[str, int] = {}
    for (a, b), pair in evidence.pairs.items():
        if pair.cls == LIKELY or a in said.erased or b in said.erased or (a, b) in said.cannot:
            continue
        for hub, other in ((a, b), (b, a)):
            if kind(other) in rules.anchors:
                around[hub] = around.get(hub, 0) + 1
    found = set()
    for nid, count in around.items():
        rule = rules.identifiers[kind(nid)].generic
        if rule and count > rule.anchors:
            found.add(nid)
    return frozenset(found)


def superseded(pair: Pair, model: int) -> bool:
    """Whether only an older model than the newest links the two."""
    return pair.cls == LIKELY and pair.model < model
