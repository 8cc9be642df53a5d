"""One owner of a tenant's evidence, batch by batch: facts in, whose identifiers are whose out. Pure.

    1. Join the batch into the facts; what says nothing new goes no further.
    2. The resolver joins the rest and tells whose person changed.
    3. Those who changed hands together are told together, with what brought it about.
    4. The map is told for everybody whose member or confidence changed.

A `Shard` is the memory beside the facts, and nothing that could not be made again from them: a new one is made from the facts
as they were committed. What it tells follows from the facts before and the batch alone.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from contracts.errors import BadInput
from contracts.evidence import Evidence, IdentityFact
from contracts.evidence import Ruling as Word
from contracts.member_map import Cause, ChangeKind, MemberChange, MemberOf, change_id
from oneid import rules as rule_file
from oneid.changes import Change, kinds
from oneid.dossier import Dossier
from oneid.evidence import CLASSES, LIKELY, TOGETHER, Observation, kind
from oneid.facts import Facts, Get, kept, observation, prefix, rule_text, ruling
from oneid.identifiers import is_nid
from oneid.ledger import Ledger
from oneid.packed import Array, Column
from oneid.resolve import MUST, Decision, Resolution, member_id, persons
from oneid.resolver import ALONE, Resolver
from oneid.rules import Rules
from oneid.shape import Shape

MOST_NIDS = 1_000  # in one change
MOST_CAUSES = 3
# How well an identifier is joined, in per cent, by the best class of evidence that joins it.
CONFIDENCE = {ALONE: 100, MUST: 100, CLASSES["A"]: 99, CLASSES["B"]: 95, TOGETHER: 80, LIKELY: 70, 0: 60}
_LETTER = {strength: letter for letter, strength in CLASSES.items()} | {MUST: ""}


class Told(NamedTuple):
    """What a batch comes to: facts to keep and the map by nid (None deletes), and the changes, in order."""

    facts: dict[bytes, IdentityFact | None]
    map: dict[str, MemberOf | None]
    changes: list[MemberChange]


class Shard:
    """`key` is the tenant's, `rules` those of the platform, which a steward's rule file replaces."""

    def __init__(self, tenant: str, key: bytes, rules: Rules, facts: Iterable[tuple[bytes, IdentityFact]]) -> None:
        self.tenant, self._key, self._platform = tenant, key, rules
        self._refused: list[Decision] = []
        self._refusals: Counter[str] = Counter()
        self._ids: dict[str, str] = {}
        self._load(list(facts))
        self._refused.clear()

    def _load(self, facts: list[tuple[bytes, IdentityFact]]) -> None:
        self.rules = _read(rule_text(fact for _, fact in facts)) or self._platform
        found = kept(facts, self.rules.identifiers)
        self.erased = found.erased
        self.resolver = Resolver(self.rules, self._f)
        self._refused.clear()
        self.resolver.restore(found.evidence, found.erased)
        self._sizes = Counter(self.resolver.sizes())
        self._told = Column(np.uint8)  # by node: the confidence that the map tells, plus one
        self._confident(self.resolver.resolved)

    def take(self, batch: Sequence[Evidence], version: int, get: Get, keys: Callable[[], Iterable[bytes]]) -> Told:
        """Take a batch. `get` and `keys` are those of the facts before it; `version` is that of what is told."""
        facts = Facts(self.tenant, self.rules.priority, get, self.erased)
        words = [one.ruling for one in batch if one.ruling and _sound(one.ruling)]
        erased = {word.a for word in words if word.kind == "erase" and word.stands}
        for word in words:
            if word.kind != "erase" or word.stands:
                facts.rule(word)
        seen = [one for said in batch if not said.ruling for one in self._read(said) if facts.observe(one)]
        if erased:
            facts.forget(erased, [at for at in keys() if at.startswith(prefix(self.tenant))])
        if not seen and not facts.changes:
            return Told({}, {}, [])
        if any(word.kind == "rules" for word in words):
            return self._ruled_anew(facts, version, batch, get, keys)
        about = [ruling(word) for word in words if word.kind != "erase" or word.stands]
        changes = list(self.resolver.apply(seen, about))
        told = self._changes(changes, facts, words, version, max((one.at for one in batch), key=_moment))
        return Told(facts.changes, self._map(changes, facts, version), told)

    def shape(self) -> Shape:
        """The graph in numbers, from any thread. What was refused counts each time that it was judged since this shard was made."""
        return self.resolver.shape(self._refusals.copy())

    def _read(self, said: Evidence) -> Iterator[Observation]:
        nids = tuple(nid for nid in said.nids if kind(nid) in self.rules.identifiers)
        one = observation(said)
        if nids or (one.model and not said.nids):
            yield one._replace(nids=nids)

    def _f(self, dossier: Dossier, rules: Rules) -> Resolution:
        """F, and what it refused is remembered until the batch is told."""
        answer = persons(dossier, rules)
        refused = [decision for decision in answer.decisions if decision.rule]
        self._refused += refused
        self._refusals.update(decision.rule for decision in refused)
        return answer

    # ── another rule file ──

    def _ruled_anew(
        self, facts: Facts, version: int, batch: Sequence[Evidence], get: Get, keys: Callable[[], Iterable[bytes]]
    ) -> Told:
        """All facts under the rules as they are now. The map is told whole: whoever missed something has it again."""
        before = dict(self.resolver.holders())
        mine = {at for at in keys() if at.startswith(prefix(self.tenant))} | facts.changes.keys()
        now = ((at, facts.changes[at] if at in facts.changes else get(at)) for at in sorted(mine))
        sizes = self._sizes
        self._load([(at, fact) for at, fact in now if fact is not None])
        after, self._sizes = dict(self.resolver.holders()), sizes
        nids = sorted(before.keys() | after.keys())
        changes = [
            Change(nid, was, now) for nid in nids for was, now in [(before.get(nid), after.get(nid))] if was != now
        ]
        told = self._changes(changes, facts, [], version, max((one.at for one in batch), key=_moment))
        self._told.values[:] = 0
        return Told(
            facts.changes,
            self._map([Change(nid, before.get(nid), after.get(nid)) for nid in nids], facts, version),
            told,
        )

    # ── Step 3. Those who changed hands together are told together ──

    def _changes(
        self, changes: list[Change], facts: Facts, words: list[Word], version: int, at: str
    ) -> list[MemberChange]:
        groups: dict[tuple[str, str], list[str]] = defaultdict(list)
        for nid, before, after in changes:
            groups[before or "", after or ""].append(nid)
        called = kinds({pair: len(nids) for pair, nids in groups.items()}, self._sizes)
        self._counted(groups)
        causes = _Causes(facts, words, self._refused, self.resolver)
        told = []
        for (before, after), nids in sorted(groups.items()):
            nids.sort()
            why = causes.of(called[before, after], nids, after)
            was, now = (member_id(self._key, birth) if birth else "" for birth in (before, after))
            for part in range(0, len(nids), MOST_NIDS):
                told.append(
                    MemberChange(
                        tenant=self.tenant,
                        id=change_id(self.tenant, version, was, now, part),
                        at=at,
                        version=version,
                        kind=called[before, after],
                        before=was,
                        after=now,
                        nids=tuple(nids[part : part + MOST_NIDS]),
                        causes=why,
                    )
                )
        self._refused.clear()
        return told

    def _counted(self, groups: dict[tuple[str, str], list[str]]) -> None:
        """Who has how many, after these changes."""
        sizes = self._sizes
        for (before, after), nids in groups.items():
            sizes[before] -= len(nids)
            sizes[after] += len(nids)
        for birth in {birth for pair in groups for birth in pair}:
            if sizes[birth] <= 0 or not birth:
                del sizes[birth]

    # ── Step 4. The map ──

    def _map(self, changes: list[Change], facts: Facts, version: int) -> dict[str, MemberOf | None]:
        told: dict[str, MemberOf | None] = {change.nid: None for change in changes if change.after is None}
        moved: dict[str, str | None] = {one.nid: one.after for one in changes if one.after is not None}
        ledger = self.resolver.ledger
        linked = ledger.nodes(sorted({nid for ends in facts.pairs for nid in ends}))
        for nid, confidence in self._confident(np.concatenate((linked[linked >= 0], self.resolver.resolved))):
            if nid not in moved:
                moved[nid] = self.resolver.holder(nid)
            birth = moved[nid]
            if birth is not None:
                told[nid] = self._entry(nid, birth, confidence, version)
        for nid, node in zip(moved, ledger.nodes(list(moved)).tolist(), strict=True):
            birth = moved[nid]
            if nid not in told and birth is not None:
                told[nid] = self._entry(nid, birth, int(self._told.values[node]) - 1, version)
        return told

    def _entry(self, nid: str, birth: str, confidence: int, version: int) -> MemberOf:
        member = self._ids.get(birth)
        if member is None:
            if len(self._ids) > MOST_NIDS:
                self._ids.clear()
            member = self._ids[birth] = member_id(self._key, birth)
        return MemberOf(tenant=self.tenant, nid=nid, member_id=member, confidence=confidence, version=version)

    def _confident(self, nodes: Array) -> list[tuple[str, int]]:
        """Those in the dossiers of these nodes of whom the map tells another confidence now, with it."""
        ledger: Ledger = self.resolver.ledger
        self._told.extend(np.zeros(len(ledger) - self._told.size, np.uint8))
        nodes, best = self.resolver.around(nodes)
        if not len(nodes):
            return []
        now = np.array([CONFIDENCE[cls] for cls in range(ALONE + 1)], np.uint8)[best]
        changed = self._told.values[nodes] != now + 1
        self._told.values[nodes] = now + 1
        return [(ledger.nid(node), int(c)) for node, c in zip(nodes[changed].tolist(), now[changed], strict=True)]


class _Causes:
    """What of a batch brought a change about: the edges that join, or those that a rule refused."""

    def __init__(self, facts: Facts, words: list[Word], refused: list[Decision], resolver: Resolver) -> None:
        self._resolver = resolver
        self._joins: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
        for (a, b), pair in facts.pairs.items():
            for nid in (a, b):
                self._joins[nid].append((a, b, pair.cls))
        self._refused: dict[str, list[Decision]] = defaultdict(list)
        for decision in refused:
            for node in (decision.edge.a, decision.edge.b):
                self._refused[_nid(node)].append(decision)
        self._words: dict[str, list[Word]] = defaultdict(list)
        for word in words:
            for nid in {word.a, word.b} - {""}:
                self._words[nid].append(word)

    def of(self, kind: ChangeKind, nids: list[str], after: str) -> tuple[Cause, ...]:
        found = {
            # What a person who is erased was called is not kept.
            Cause("" if kind == "erase" else word.a, "" if kind == "erase" else word.b, "", word.kind)
            for nid in nids[:MOST_NIDS]
            for word in self._words.get(nid, ())
        }
        if kind in ("new", "merge", "rename", "move"):
            holder = self._resolver.holder
            joins = {join for nid in nids[:MOST_NIDS] for join in self._joins.get(nid, ())[:MOST_CAUSES]}
            best = sorted(joins, key=lambda join: (-join[2], join))
            found |= {Cause(a, b, _LETTER[cls]) for a, b, cls in best if holder(a) == after and holder(b) == after}
        if kind in ("split", "move"):
            refused = [d for nid in nids[:MOST_NIDS] for d in self._refused.get(nid, ())[:MOST_CAUSES]]
            found |= {Cause(_nid(d.edge.a), _nid(d.edge.b), _LETTER[d.edge.cls], d.rule) for d in refused}
        return tuple(sorted(found, key=lambda cause: (cause.rule == "", cause.cls, cause.a, cause.b))[:MOST_CAUSES])


def _nid(node: str) -> str:
    return node.partition("#")[0]


def _moment(at: str) -> str:
    # Moments are spelt one way (`contracts.instants.spelt`) but for their fractions, which stand before the Z.
    return at.rstrip("Z")


def _sound(word: Word) -> bool:
    """Whether a ruling speaks of identifiers at all. Whoever writes them checks it; what is none must stop nobody."""
    if word.kind == "rules":
        return not word.stands or _read(word.text) is not None
    return is_nid(word.a) and (
        is_nid(word.b) and word.a != word.b if word.kind in ("must_link", "cannot_link") else True
    )


def _read(text: str) -> Rules | None:
    try:
        return rule_file.parse(text, "the ruling") if text else None
    except BadInput:
        return None
