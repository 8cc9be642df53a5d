"""`event.profile_fact` → `state.profile`: the sum of what was said of each identifier. What is erased stays nothing.

An erased identifier's key is destroyed before its erasure is told, so a fact that comes after the erasure is known by its key,
and the profile does not come back.
"""

from collections.abc import Callable, Sequence, Set

from connectors.erased import Erased
from connectors.settings import Settings
from contracts.members import Profile, ProfileFact, profile_key
from contracts.wire import decoder
from oneid.profiles import ZERO, plus
from pipelines.batch import Effects, Job, Run, State, Table

_decode = decoder(ProfileFact)


def step(state: State[Profile], facts: Sequence[ProfileFact]) -> Effects:
    changes: dict[bytes, Profile | None] = {}
    for fact in facts:
        own = profile_key(fact.tenant, fact.nid)
        if fact.erased:
            changes[own] = None
            continue
        old = changes[own] if own in changes else state.get(own)
        changes[own] = Profile(
            tenant=fact.tenant,
            nid=fact.nid,
            sums=plus(old.sums if old else ZERO, fact.sums),
            # Deterministic, so that all copies are one, until its key is destroyed: then it is empty.
            cipher=max(old.cipher if old else "", fact.cipher),
        )
    return Effects(changes)


def prepared(erased: Callable[[], Set[str]]) -> Callable[[Run], list[ProfileFact]]:
    """Steps 2 and 3 of the protocol: the facts of identifiers that are not erased, and the erasures."""

    def prepare(run: Run) -> list[ProfileFact]:
        facts = [_decode(value) for value in run.values]
        gone = erased()
        return [fact for fact in facts if fact.erased or fact.nid not in gone]

    return prepare


def job(settings: Settings) -> Job:
    return Job(
        name="keep_profiles",
        inputs=("event.profile_fact",),
        prepare=prepared(Erased(settings).now),
        step=step,
        state=Table("state.profile", Profile),
        slow=True,  # it asks the key store
    )
