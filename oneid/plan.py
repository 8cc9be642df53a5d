"""What another set of rules would change, before it does: the same evidence, resolved twice. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple


class Merge(NamedTuple):
    """Persons that would become one, by their birth nodes."""

    into: str
    persons: tuple[str, ...]


class Split(NamedTuple):
    """A person who would become several."""

    person: str
    into: tuple[str, ...]


class Plan(NamedTuple):
    """`moved`: each identifier that would be another person's, with who has it and who would. Applying the rules gives this."""

    merges: tuple[Merge, ...]
    splits: tuple[Split, ...]
    moved: tuple[tuple[str, str, str], ...]


def plan(now: Mapping[str, str], then: Mapping[str, str]) -> Plan:
    """The difference between two maps of identifiers to birth nodes, as `Resolver.holders` gives them."""
    parts: dict[str, set[str]] = defaultdict(set)
    sources: dict[str, set[str]] = defaultdict(set)
    for nid in now.keys() & then.keys():
        parts[now[nid]].add(then[nid])
        sources[then[nid]].add(now[nid])
    return Plan(
        tuple(Merge(into, tuple(sorted(some))) for into, some in sorted(sources.items()) if len(some) > 1),
        tuple(Split(person, tuple(sorted(some))) for person, some in sorted(parts.items()) if len(some) > 1),
        tuple((nid, now[nid], then[nid]) for nid in sorted(now.keys() & then.keys()) if now[nid] != then[nid]),
    )
