"""What another set of rules would change, before it does: the same evidence, tried under both. Pure.

    1. A `Trial` takes the evidence under one set of rules, and tells what comes of it.
    2. `plan` compares two: every identifier whose member would be another, or that only one of the two has, is a move.
    3. Those that go from one member to one member are a group: it has one kind, as the event of the change will call it, and
       the causes: what only one of the two sets of rules refused or took for nobody's.

Applying the rules to the same evidence does these moves and no other.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple, get_args

from oneid.changes import kinds
from oneid.dossier import Dossier
from oneid.evidence import Key, kind
from oneid.resolve import Resolution, persons
from oneid.resolver import Resolver
from oneid.rules import Rules
from oneid.tenancies import Cut

Kind = Literal["merge", "split", "move", "rename", "appear", "vanish"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Causes that are no rule by which F refuses an edge: a value that is nobody's under one of the two sets, one that has a new
# owner under one, a type that only one names, and a value that only one takes.
GENERIC, TENANCY, TYPE, VALUE = "generic", "tenancy", "type", "value"


class Outcome(NamedTuple):
    """What comes of the evidence under one set of rules.

    `holders`: identifier → its member. `refused`: the edges that join nobody, by their nodes, with the rule.
    """

    holders: Mapping[str, str]
    types: frozenset[str]
    refused: Mapping[Key, str] = {}
    generic: frozenset[str] = frozenset()
    recycled: Mapping[str, Cut] = {}


class Trial:
    """One set of rules, tried: give `resolver` the evidence, then ask for the outcome."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.resolver = Resolver(rules, self._f)
        self._asked: dict[str, int] = {}  # identifier → the last question to F that was about it
        self._answers: list[list[tuple[Key, str]]] = []

    def _f(self, dossier: Dossier, rules: Rules) -> Resolution:
        answer = persons(dossier, rules)
        self._asked |= dict.fromkeys(dossier.identifiers, len(self._answers))
        self._answers.append([((edge.a, edge.b), rule) for edge, rule in answer.decisions if rule])
        return answer

    def outcome(self, name: Callable[[str], str]) -> Outcome:
        """`name` gives the member id of a birth node."""
        ids: dict[str, str] = {}
        holders = {nid: ids.get(birth) or ids.setdefault(birth, name(birth)) for nid, birth in self.resolver.holders()}
        recycled = {nid: cut for nid, cut, _ in self.resolver.tenancies()}
        refused = {ends: rule for ends, rule in self._last() if self._apart(ends, holders, recycled)}
        generic = frozenset(self.resolver.nobodys())
        return Outcome(holders, frozenset(self._rules.identifiers), refused, generic, recycled)

    def _last(self) -> Iterator[tuple[Key, str]]:
        """What F said last."""
        for number, refused in enumerate(self._answers):
            for ends, rule in refused:
                if all(self._asked[_nid(node)] == number for node in ends):
                    yield ends, rule

    @staticmethod
    def _apart(ends: Key, holders: Mapping[str, str], recycled: Mapping[str, Cut]) -> bool:
        """What F refused counts when the two are two persons in the end. (More evidence may even settle it without asking F.)"""
        a, b = map(_nid, ends)
        return a in recycled or b in recycled or holders.get(a) != holders.get(b)


class Move(NamedTuple):
    """An identifier and its member now and then; "" where there is none.

    kind      what becomes of the identifier                                          the event of the change says
    merge     it goes to another member with all that its member has                  merge
    split     it leaves its member for a new one                                      split
    move      it leaves its member for one that keeps others of its own               move
    rename    its member goes on under another id                                     rename
    appear    no member has it now                                                    new
    vanish    no member would have it                                                 erase
    """

    nid: str
    before: str
    after: str
    kind: Kind
    causes: tuple[str, ...] = ()


class Merge(NamedTuple):
    """Members that would become one."""

    into: str
    persons: tuple[str, ...]


class Split(NamedTuple):
    """A member who would become several."""

    person: str
    into: tuple[str, ...]


class Size(NamedTuple):
    """How many there are, now and then."""

    now: int
    then: int


class Plan(NamedTuple):
    """All that would change. `moves` are by identifier; `merges` and `splits` tell them again by member."""

    moves: tuple[Move, ...]
    merges: tuple[Merge, ...]
    splits: tuple[Split, ...]
    newly_generic: frozenset[str]
    no_longer_generic: frozenset[str]
    identifiers: Size
    members: Size
    moved_members: int  # of those that there are now: with another id, or with other identifiers

    def counts(self) -> dict[Kind, int]:
        """Identifiers by kind of move, all kinds."""
        found = Counter(move.kind for move in self.moves)
        return {kind: found[kind] for kind in KINDS}

    @property
    def moved(self) -> int:
        """Identifiers that have a member now and then, and not the same."""
        counts = self.counts()
        return len(self.moves) - counts["appear"] - counts["vanish"]

    def applied(self, holders: Mapping[str, str]) -> dict[str, str]:
        """What these moves make of the map that they were planned on."""
        kept = {**holders, **{move.nid: move.after for move in self.moves}}
        return {nid: member for nid, member in kept.items() if member}


def plan(now: Outcome, then: Outcome) -> Plan:
    """The difference between what comes of the same evidence under two sets of rules."""
    moves = tuple(_moves(now, then))
    members = set(now.holders.values())
    return Plan(
        moves,
        *_by_member(now.holders, then.holders),
        then.generic - now.generic,
        now.generic - then.generic,
        Size(len(now.holders), len(then.holders)),
        Size(len(members), len(set(then.holders.values()))),
        len(members & {member for move in moves for member in (move.before, move.after)}),
    )


def _moves(now: Outcome, then: Outcome) -> Iterable[Move]:
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for nid in now.holders.keys() | then.holders.keys():
        before, after = now.holders.get(nid, ""), then.holders.get(nid, "")
        if before != after:
            groups[before, after].append(nid)
    called = kinds({pair: len(nids) for pair, nids in groups.items()}, Counter(now.holders.values()))
    plain: dict[str, Kind] = {"new": "appear", "erase": "vanish"}
    causes = _Causes(now, then)
    return sorted(
        Move(nid, before, after, plain.get(called[before, after]) or called[before, after], why)  # type: ignore[arg-type]
        for (before, after), nids in groups.items()
        for why in [causes.of(before, after, nids)]
        for nid in nids
    )


def _by_member(now: Mapping[str, str], then: Mapping[str, str]) -> tuple[tuple[Merge, ...], tuple[Split, ...]]:
    parts: dict[str, set[str]] = defaultdict(set)
    sources: dict[str, set[str]] = defaultdict(set)
    for nid in now.keys() & then.keys():
        parts[now[nid]].add(then[nid])
        sources[then[nid]].add(now[nid])
    return (
        tuple(Merge(into, tuple(sorted(some))) for into, some in sorted(sources.items()) if len(some) > 1),
        tuple(Split(person, tuple(sorted(some))) for person, some in sorted(parts.items()) if len(some) > 1),
    )


class _Causes:
    """What only one of the two did: refuse an edge, take a value for nobody's, tell owners of a number apart, know it at all."""

    def __init__(self, now: Outcome, then: Outcome) -> None:
        self._of: dict[str, set[str]] = defaultdict(set)
        for nid, rule in _differently_refused(now, then):
            self._of[nid].add(rule)
        for nid in now.generic ^ then.generic:
            self._of[nid].add(GENERIC)
        for nid in now.recycled.keys() | then.recycled.keys():
            if now.recycled.get(nid) != then.recycled.get(nid):
                self._of[nid].add(TENANCY)
        for nid in now.holders.keys() ^ then.holders.keys():
            self._of[nid].add(VALUE if kind(nid) in now.types & then.types else TYPE)
        # By member now and by member then: for those who only went along with another.
        self._around: tuple[dict[str, set[str]], dict[str, set[str]]] = (defaultdict(set), defaultdict(set))
        for nid, causes in self._of.items():
            for beside, holders in zip(self._around, (now.holders, then.holders), strict=True):
                beside[holders.get(nid, "")] |= causes

    def of(self, before: str, after: str, nids: list[str]) -> tuple[str, ...]:
        """Why these change hands together."""
        own = {cause for nid in nids for cause in self._of.get(nid, ())}
        was, is_ = self._around
        return tuple(sorted(own or was.get(before, set()) | is_.get(after, set())))


def _differently_refused(now: Outcome, then: Outcome) -> Iterator[tuple[str, str]]:
    """The ends of the edges that only one of the two refused, with the rule. What links nobody in one anyway is none."""
    known, nobodys = now.holders.keys() & then.holders.keys(), now.generic | then.generic
    for one, other in ((now, then), (then, now)):
        for ends, rule in one.refused.items():
            nids = {_nid(node) for node in ends}
            if ends not in other.refused and nids <= known and nids.isdisjoint(nobodys):
                yield from ((nid, rule) for nid in nids)


def _nid(node: str) -> str:
    return node.partition("#")[0]
