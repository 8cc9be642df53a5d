"""Evidence as it is kept between batches: one `IdentityFact` a key, each the join of all that was said of it. Pure.

`Facts` looks at a tenant's facts through `get`, notes what a batch changes, and tells which evidence said anything new. That is
the filter before the resolver: in steady state most evidence repeats what is known.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from contracts import evidence as wire
from contracts.evidence import IdentityFact
from contracts.keys import SEPARATOR, key
from oneid.evidence import (
    CLASSES,
    Evidence,
    Identifier,
    Key,
    Observation,
    Pair,
    Ruling,
    Span,
    joined_pairs,
    kind,
    mark,
)

Get = Callable[[bytes], IdentityFact | None]


class Facts:
    """What a batch changes of a tenant's facts. `get` gives a fact as it stood before; `changes` are the new values."""

    def __init__(self, tenant: str, priority: dict[str, int], get: Get, erased: set[str]) -> None:
        self._tenant, self._priority, self._get = tenant, priority, get
        self._erased = erased  # marks
        self.changes: dict[bytes, IdentityFact | None] = {}
        self.pairs: dict[Key, Pair] = {}  # those that changed, as they are now

    def observe(self, seen: Observation) -> bool:
        """Join what one event says. False when all of it was known, or is of erased identifiers."""
        said = Evidence()
        said.observe(seen, self._priority)
        known = [self._identifier(nid, one) for nid, one in said.identifiers.items()]
        known += [self._pair(ends, pair) for ends, pair in said.pairs.items()]
        known += [self._name(named, span) for named, span in said.names.items()]
        known.append(self._model(said.model))
        return not all(known)

    def rule(self, word: wire.Ruling) -> None:
        """Keep a ruling. The one with the highest sequence counts; of an erasure only a mark is kept."""
        if word.kind == "erase":
            self._put(_key(self._tenant, "x", mark(word.a)), IdentityFact(kind="erased"))
            self._erased.add(mark(word.a))
            return
        at = _key(self._tenant, "r", word.id)
        old = self._now(at)
        word = self._without({nid for nid in (word.a, word.b) if self._gone(nid)}, word)
        if old is None or old.ruling is None or _weight(word) > _weight(old.ruling):
            self._put(at, IdentityFact(kind="ruling", ruling=word))

    def forget(self, nids: set[str], keys: Iterable[bytes]) -> None:
        """Drop every fact, of `keys` and of this batch, that is about one of these identifiers.

        A ruling that names one stays, because it outranks older ones; what it names becomes a mark.
        """
        for at in {*keys, *self.changes}:
            fact = self._now(at)
            if fact is not None and fact.ruling is not None:
                if not nids.isdisjoint((fact.ruling.a, fact.ruling.b)):
                    self._put(at, IdentityFact(kind="ruling", ruling=self._without(nids, fact.ruling)))
            elif not nids.isdisjoint(at.decode().split(SEPARATOR)[2:4]):
                self.changes[at] = None
        self.pairs = {ends: pair for ends, pair in self.pairs.items() if nids.isdisjoint(ends)}

    def _without(self, nids: set[str], word: wire.Ruling) -> wire.Ruling:
        a, b = (f"x:{mark(nid)}" if nid in nids else nid for nid in (word.a, word.b))
        return msgspec.structs.replace(word, a=a, b=b) if nids else word

    def _identifier(self, nid: str, new: Identifier) -> bool:
        if self._gone(nid):
            return True
        at = _key(self._tenant, "i", nid)
        old = self._now(at)
        if old is None:
            return self._put(at, IdentityFact(kind="identifier", first=new.first, weeks=tuple(sorted(new.weeks))))
        first, weeks = min(old.first, new.first), old.weeks
        if not new.weeks.issubset(weeks):
            weeks = tuple(sorted({*weeks, *new.weeks}))
        same = first == old.first and weeks is old.weeks
        return same or self._put(at, IdentityFact(kind="identifier", first=first, weeks=weeks))

    def _pair(self, ends: Key, new: Pair) -> bool:
        if self._gone(ends[0]) or self._gone(ends[1]):
            return True
        at = _key(self._tenant, "p", *ends)
        old = self._now(at)
        pair = new if old is None else joined_pairs(_pair(old), new)
        if old is not None and pair == _pair(old):
            return True
        self.pairs[ends] = pair
        cls, first, days, last, model, score = pair
        fact = IdentityFact(kind="pair", cls=cls, first=first, days=days, last=last, model=model, score=score)
        return self._put(at, fact)

    def _name(self, named: Key, new: Span) -> bool:
        if self._gone(named[0]):
            return True
        at = _key(self._tenant, "n", *named)
        old = self._now(at)
        span = new if old is None else Span(min(old.first, new.first), max(old.last, new.last))
        same = old is not None and span == (old.first, old.last)
        return same or self._put(at, IdentityFact(kind="name", first=span.first, last=span.last))

    def _model(self, model: int) -> bool:
        at = _key(self._tenant, "m")
        old = self._now(at) if model else None
        same = model <= (old.model if old else 0)
        return same or self._put(at, IdentityFact(kind="model", model=model))

    def _gone(self, nid: str) -> bool:
        return bool(self._erased) and mark(nid) in self._erased

    def _now(self, at: bytes) -> IdentityFact | None:
        return self.changes[at] if at in self.changes else self._get(at)

    def _put(self, at: bytes, fact: IdentityFact) -> bool:
        self.changes[at] = fact
        return False


class Kept(NamedTuple):
    """A tenant's facts, read back. `erased` are marks."""

    evidence: Evidence
    erased: set[str]


def rule_text(facts: Iterable[IdentityFact]) -> str:
    """The rule file that a steward gave last, "" for none."""
    words = [fact.ruling for fact in facts if fact.ruling and fact.ruling.kind == "rules" and fact.ruling.stands]
    return max(words, key=_weight).text if words else ""


def kept(facts: Iterable[tuple[bytes, IdentityFact]], types: Iterable[str]) -> Kept:
    """What one tenant's facts come to. Identifiers whose type is not among `types` are left out."""
    found, erased, wanted = Evidence(), set(), frozenset(types)
    for at, fact in facts:
        about = at.decode().split(SEPARATOR)[2:]
        if fact.kind in ("identifier", "pair", "name") and not _wanted(fact, about, wanted):
            continue
        if fact.kind == "identifier":
            found.identifiers[about[0]] = Identifier(fact.first, frozenset(fact.weeks))
        elif fact.kind == "pair":
            found.pairs[about[0], about[1]] = _pair(fact)
        elif fact.kind == "name":
            found.names[about[0], about[1]] = Span(fact.first, fact.last)
        elif fact.kind == "erased":
            erased.add(about[0])
        elif fact.kind == "model":
            found.model = fact.model
        elif fact.ruling and fact.ruling.kind != "rules":
            found.rule(ruling(fact.ruling))
    return Kept(found, erased)


def observation(said: wire.Evidence) -> Observation:
    """What a record of evidence says, in the words of `oneid.evidence`."""
    at = int(datetime.fromisoformat(said.at).timestamp())
    return Observation(at, CLASSES[said.cls or "B"], said.nids, said.name, said.model, said.score)


def ruling(word: wire.Ruling) -> Ruling:
    """A steward's word on identifiers. Not for kind `rules`."""
    assert word.kind != "rules", "a rule file is no ruling on identifiers"
    return Ruling(word.id, word.seq, word.kind, word.a, word.b, word.stands)


def prefix(tenant: str) -> bytes:
    """What the keys of a tenant's facts begin with."""
    return key(tenant, "")


def tenant_of(at: bytes) -> str:
    """The tenant of a fact's key."""
    return at.partition(SEPARATOR.encode())[0].decode()


def _key(tenant: str, *about: str) -> bytes:
    return key(tenant, *about)


def _wanted(fact: IdentityFact, about: list[str], types: frozenset[str]) -> bool:
    return kind(about[0]) in types and (fact.kind != "pair" or kind(about[1]) in types)


def _pair(fact: IdentityFact) -> Pair:
    return Pair(fact.cls, fact.first, fact.days, fact.last, fact.model, fact.score)


def _weight(word: wire.Ruling) -> tuple[int, str, str, str, bool, str]:
    # As `Evidence.rule`: of two words with one sequence, which is a mistake, the greater text wins, so that order does not.
    return word.seq, word.kind, word.a, word.b, word.stands, word.text
