"""What is known of identifiers and of pairs of identifiers: facts that only ever join. Pure.

    fact          key                    how two copies join
    identifier    nid                    first seen: min; weeks with activity: union
    pair          (nid a < nid b)        class: max; first: min; days: the 4 smallest; last day: max;
                                         score: the newest model version, then the greatest
    name          (nid, name tokens)       first day: min; last day: max
    ruling        id                     the highest steward sequence
    model         none                   the newest model version: max

Joining is commutative, associative and idempotent, so order, repeats and replays change nothing (a join-semilattice).
Which neighbours an identifier has follows from the pairs, so the hub counters need no facts of their own.

Times are whole seconds since 1970 in UTC, days are whole days since then, weeks begin on Monday.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import combinations
from typing import Literal, NamedTuple

from contracts.errors import BadInput

DAY_S = 86_400
MOST_DAYS = 4  # distinct days of a pair that are kept: support counts no further
STAR_FROM = 5  # an event with this many identifiers becomes a star on the strongest, not all pairs

# How much an event says about its identifiers belonging together.
AUTHENTICATED, DECLARED, TOGETHER, LIKELY = 4, 3, 2, 1
CLASSES = {"A": AUTHENTICATED, "B": DECLARED, "C": TOGETHER, "D": LIKELY}

RulingKind = Literal["cannot_link", "must_link", "block", "erase"]


class Observation(NamedTuple):
    """One event, as evidence: the identifiers that it shows together.

    `nids` are distinct. `name` are the tokens of the name on it (`oneid.names.name_tokens`), empty for none. For class D,
    `model` and `score` say which matcher gave the pair which log-odds (rounded).
    """

    at: int
    cls: int
    nids: tuple[str, ...]
    name: str = ""
    model: int = 0
    score: int = 0


class Identifier(NamedTuple):
    first: int
    weeks: frozenset[int]


class Pair(NamedTuple):
    """`cls` is the strongest class seen. `days` and `last` are of events, not of scores: `()` and 0 when there was none."""

    cls: int
    first: int
    days: tuple[int, ...]
    last: int
    model: int = 0
    score: int = 0


class Span(NamedTuple):
    """The first and the last day of something."""

    first: int
    last: int


class Ruling(NamedTuple):
    """A steward's word. A ruling is taken back by the same id with a higher `seq` and `stands=False`; an erasure is final."""

    id: str
    seq: int
    kind: RulingKind
    a: str
    b: str = ""
    stands: bool = True


Key = tuple[str, str]


@dataclass
class Evidence:
    """Everything known. `join` is the only way in."""

    identifiers: dict[str, Identifier] = field(default_factory=dict)
    pairs: dict[Key, Pair] = field(default_factory=dict)
    names: dict[Key, Span] = field(default_factory=dict)
    rulings: dict[str, Ruling] = field(default_factory=dict)
    model: int = 0

    def join(self, other: "Evidence") -> None:
        """Afterwards this holds both. In any order, any number of times, the same comes out."""
        for nid, identifier in other.identifiers.items():
            self.add_identifier(nid, identifier)
        for key, pair in other.pairs.items():
            self.add_pair(key, pair)
        for named, span in other.names.items():
            self.add_name(named, span)
        for ruling in other.rulings.values():
            self.rule(ruling)
        self.model = max(self.model, other.model)

    def add_identifier(self, nid: str, new: Identifier) -> None:
        old = self.identifiers.get(nid)
        self.identifiers[nid] = Identifier(min(old.first, new.first), old.weeks | new.weeks) if old else new

    def add_pair(self, key: Key, new: Pair) -> None:
        old = self.pairs.get(key)
        self.pairs[key] = joined_pairs(old, new) if old else new

    def add_name(self, named: Key, new: Span) -> None:
        old = self.names.get(named)
        self.names[named] = Span(min(old.first, new.first), max(old.last, new.last)) if old else new

    def rule(self, ruling: Ruling) -> None:
        if ruling.kind == "erase" and not ruling.stands:
            raise BadInput(
                "An erasure cannot be taken back.", "Let the person give the identifier anew, as another one."
            )
        # Erasures only add up: no later word with the same id replaces one.
        id = f"erase {ruling.a}" if ruling.kind == "erase" else ruling.id
        old = self.rulings.get(id)
        # Two different words with one sequence are a mistake; the greater text wins, so that order still does not.
        if old is None or (ruling.seq, ruling) > (old.seq, old):
            self.rulings[id] = ruling

    def observe(self, seen: Observation, priority: dict[str, int]) -> None:
        """Join what one event says. `priority` is that of each identifier type; the smallest number is the strongest."""
        day = seen.at // DAY_S
        # A score is an opinion about identifiers, not a sign of life of them.
        weeks = frozenset((week(day),) if seen.cls != LIKELY else ())
        for nid in seen.nids:
            self.add_identifier(nid, Identifier(seen.at, weeks))
        scored = (seen.model, seen.score) if seen.cls == LIKELY else (0, 0)
        days, last = ((day,), day) if seen.cls != LIKELY else ((), 0)
        for key in pairs_of(seen.nids, priority):
            self.add_pair(key, Pair(seen.cls, seen.at, days, last, *scored))
        if seen.name and seen.nids:
            self.add_name((strongest(seen.nids, priority), seen.name), Span(day, day))
        self.model = max(self.model, scored[0])


def joined_pairs(x: Pair, y: Pair) -> Pair:
    days = tuple(sorted({*x.days, *y.days})[:MOST_DAYS])
    scored = max((x.model, x.score), (y.model, y.score))
    return Pair(max(x.cls, y.cls), min(x.first, y.first), days, max(x.last, y.last), *scored)


def mark(nid: str) -> str:
    """What is kept of an erased identifier: enough to know it when it comes again, too little to say what it was."""
    return sha256(nid.encode()).hexdigest()[:32]


def kind(nid: str) -> str:
    """The type of an identifier."""
    return nid.partition(":")[0]


def digest(nid: str) -> str:
    """The hash in a nid: the order of nids that says nothing about anybody."""
    return nid.partition(":")[2]


def week(day: int) -> int:
    """The week of a day; 1 January 1970 was a Thursday."""
    return (day + 3) // 7


def strongest(nids: Iterable[str], priority: dict[str, int]) -> str:
    """The identifier of the best priority, ties by hash: where an event's name and its sums belong."""
    return min(nids, key=lambda nid: (priority[kind(nid)], digest(nid)))


def pairs_of(nids: tuple[str, ...], priority: dict[str, int]) -> list[Key]:
    """All pairs, so that cutting one identifier does not lose the others' link; a star on the strongest for many."""
    if len(nids) < STAR_FROM:
        return [(min(x, y), max(x, y)) for x, y in combinations(nids, 2)]
    hub = strongest(nids, priority)
    return [(min(hub, nid), max(hub, nid)) for nid in nids if nid != hub]
