"""What the stream has stored of a case, and the live resolver made again from it: as after a restart, or when a shard moves.

Facts are kept as the owner of a shard keeps them, and read back by the job's own `ready`, out of bytes.
"""

import random
from collections.abc import Iterable, Sequence

from contracts import evidence as wire
from contracts.evidence import IdentityFact
from contracts.wire import decoder, encode
from oneid.evidence import Observation, Ruling
from oneid.facts import Facts, prefix
from oneid.resolver import Resolver
from oneid.rules import Rules
from oneid.shard import Shard
from pipelines.batch import State
from pipelines.jobs.event_identity_to_state_member_map import Naming, Owner

TENANT, KEY = "t", b"chaos"
MOST = 3  # restarts in one order of a case
_decode = decoder(IdentityFact)


class Log:
    """The facts of one tenant as `log.resolve_members` has them after each batch."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._erased: set[str] = set()  # marks
        self._facts: dict[bytes, IdentityFact] = {}

    def take(self, seen: Sequence[Observation], rulings: Iterable[Ruling] = ()) -> None:
        """Store a batch, in the order of `Shard.take`."""
        facts = Facts(TENANT, self._rules.priority, self._facts.get, self._erased)
        words = list(rulings)
        for word in words:
            facts.rule(_word(word))
        for one in seen:
            facts.observe(one)
        gone = {word.a for word in words if word.kind == "erase"}
        if gone:
            facts.forget(gone, [at for at in self._facts if at.startswith(prefix(TENANT))])
        for at, fact in facts.changes.items():
            if fact is None:
                self._facts.pop(at, None)
            else:
                self._facts[at] = fact

    def restarted(self) -> Resolver:
        """The live resolver of a worker that has nothing but what is stored."""
        return _Again(self._rules).resolver({at: encode(fact) for at, fact in self._facts.items()})


class _Again(Owner):
    def __init__(self, rules: Rules) -> None:
        super().__init__(lambda _: Naming(KEY, rules))
        self._rules = rules

    def resolver(self, stored: dict[bytes, bytes]) -> Resolver:
        state = State(_decode, stored)
        self.ready(state)
        shard = self._shards[state].get(TENANT) or Shard(TENANT, KEY, self._rules, ())
        return shard.resolver


def points(seed: str, batches: int, least: int = 0) -> set[int]:
    """After which of so many batches the resolver is made again, counted from 1; the last one is a point like any other."""
    dice = random.Random(f"restarts {seed}")
    return set(dice.sample(range(1, batches + 1), min(batches, dice.randint(least, MOST))))


def _word(said: Ruling) -> wire.Ruling:
    return wire.Ruling(
        tenant=TENANT, id=said.id, seq=said.seq, kind=said.kind, at="2026-01-01T00:00:00Z", a=said.a, b=said.b,
        stands=said.stands,
    )  # fmt: skip
