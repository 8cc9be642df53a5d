"""`zhongtai oneid audit`: F over everything that is known, compared with the live map, and the shape of the graph."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from connectors.clock import SystemClock
from connectors.groups import committed
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.errors import Corrupt
from contracts.evidence import IdentityFact
from contracts.keys import key
from contracts.member_map import MemberOf
from oneid.audit import Health, expected, health
from oneid.facts import kept, rule_text
from oneid.resolve import member_id
from oneid.rules import parse
from pipelines import supervisor_state
from pipelines.identity.showing import platform_rules
from pipelines.newest import newest_by_key

JOB = "resolve_members"
FACTS, MAP = f"log.{JOB}", "state.member_map"
SHOWN = 10
TRIES = 3

Progress = Callable[[str], None]


class Audit(NamedTuple):
    """`different`: identifiers whose member or confidence is not what F says; `examples` are a few of them (nids)."""

    health: Health
    different: int
    examples: tuple[str, ...]


def audit(settings: Settings, progress: Progress) -> Audit:
    """Reads facts and map at one moment. Raises `NotReady` when the workers are too busy for that and cannot be paused."""
    facts, live = _at_one_moment(settings, progress)
    progress("resolving everything anew")
    return audited(settings, facts, live)


def audited(settings: Settings, facts: Mapping[bytes, IdentityFact], live: Mapping[bytes, MemberOf]) -> Audit:
    wanted, shape = should_be(settings, facts)
    different = sorted(at for at in wanted.keys() | live.keys() if wanted.get(at) != told(live.get(at)))
    return Audit(shape, len(different), tuple(at.decode().split("|")[-1] for at in different[:SHOWN]))


def should_be(settings: Settings, facts: Mapping[bytes, IdentityFact]) -> tuple[dict[bytes, tuple[str, int]], Health]:
    """Member id and confidence that the map must tell, by its keys, and the shape of the graph."""
    text = rule_text(facts.values())
    rules = parse(text, "the rules in force") if text else platform_rules()
    evidence = kept(facts.items(), rules.identifiers).evidence
    held, answer = expected(evidence, rules)
    secret = _tenant_key(settings)
    ids = {one.birth: member_id(secret, one.birth) for one in held.values()}
    wanted = {key(settings.tenant, nid): (ids[one.birth], one.confidence) for nid, one in held.items()}
    return wanted, health(evidence, rules, held, answer)


def told(entry: MemberOf | None) -> tuple[str, int] | None:
    """What of the map follows from the facts alone."""
    return (entry.member_id, entry.confidence) if entry else None


def _tenant_key(settings: Settings) -> bytes:
    store = Keystore(settings.home, SystemClock())
    try:
        return store.tenant_key(settings.tenant)
    finally:
        store.close()


def _at_one_moment(settings: Settings, progress: Progress) -> tuple[dict[bytes, IdentityFact], dict[bytes, MemberOf]]:
    # Facts and map are of one transaction, but are read one after the other: nothing may be committed in between.
    for attempt in range(TRIES + 1):
        with _quiet(settings, progress, pause=attempt == TRIES):
            before = _position(settings)
            progress("reading what is known")
            facts = newest_by_key(settings, FACTS, IdentityFact)
            progress("reading the map")
            live = newest_by_key(settings, MAP, MemberOf)
            if before == _position(settings):
                return facts, live
    raise Corrupt("A worker went on working while the map was compared.", "Stop it, then: zhongtai oneid audit")


@contextmanager
def _quiet(settings: Settings, progress: Progress, *, pause: bool) -> Iterator[None]:
    if not pause:
        yield
        return
    progress("pausing the workers")
    with supervisor_state.paused(settings.home):
        yield


def _position(settings: Settings) -> object:
    return committed(settings).get(f"zhongtai.{JOB}")
