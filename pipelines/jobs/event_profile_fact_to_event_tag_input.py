"""`event.profile_fact` → `event.tag_input`: when an identifier was shown at a purchase. No state.

Nothing is told of an identifier that is erased: its key is destroyed before its erasure is told.
"""

from collections.abc import Callable, Set

from connectors.erased import Erased
from connectors.settings import Settings
from contracts.members import ProfileFact
from contracts.tags import TagInput, of_fact
from pipelines.batch import Job
from pipelines.deriving import deriving
from pipelines.tags import output


def told(fact: ProfileFact, erased: Callable[[], Set[str]]) -> list[TagInput]:
    """What a fact says of purchases; nothing when its identifier is erased."""
    found = of_fact(fact)
    return found if found and fact.nid not in erased() else []


def job(settings: Settings) -> Job:
    erased = Erased(settings).now
    return deriving("tell_purchases", "event.profile_fact", ProfileFact, lambda fact, _: told(fact, erased), output)
