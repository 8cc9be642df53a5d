"""`event.identity` → `state.member_map`, `event.member_change`: the one owner of a tenant's evidence says whose is whose."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple
from weakref import WeakKeyDictionary

from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.evidence import Evidence, IdentityFact, shard
from contracts.keys import key
from contracts.member_map import MemberChange, MemberOf
from contracts.wire import decoder, headers
from oneid.facts import tenant_of
from oneid.rules import Rules
from oneid.shape import Shape, total
from oneid.shard import Shard
from pipelines.batch import Effects, Job, Output, Run, State, Table, Telling
from pipelines.identity.graph_metrics import GRAPH, samples
from pipelines.identity.showing import platform_rules


class Naming(NamedTuple):
    """What a tenant's members are named and joined by."""

    key: bytes
    rules: Rules


class Said(NamedTuple):
    """A record of evidence, the place after it in its partition, and what its tenant's members are named and joined by."""

    evidence: Evidence
    after: int
    key: bytes
    rules: Rules


class Reader:
    """Steps 2 and 3 of the protocol. The key store is opened when the first run comes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._decode = decoder(Evidence)
        self._keys: dict[str, bytes] = {}
        self._rules: Rules | None = None

    @cached_property
    def _keystore(self) -> Keystore:
        return Keystore(self._settings.home, SystemClock())

    def prepare(self, run: Run) -> list[Said]:
        said = [self._decode(value) for value in run.values]
        about = {tenant: self.about(tenant) for tenant in {one.tenant for one in said}}
        return [Said(one, at + 1, *about[one.tenant]) for one, at in zip(said, run.offsets, strict=True)]

    def about(self, tenant: str) -> Naming:
        """What a tenant's members are named and joined by. From any thread."""
        self._rules = self._rules or platform_rules()
        if tenant not in self._keys:
            self._keys[tenant] = self._keystore.tenant_key(tenant)
        return Naming(self._keys[tenant], self._rules)


class Owner:
    """Step 3. Beside each state stand the shards that were made from it, and go with it.

    After a failure the runtime drops the state, because it holds what was aborted, and so the shards; new ones are made from
    what was committed, by `ready`, on a thread: a million identifiers take longer than a worker may be silent.
    `about` says what a tenant's members are named and joined by.
    """

    def __init__(self, about: Callable[[str], Naming]) -> None:
        self._about = about
        self._shards: WeakKeyDictionary[State[IdentityFact], dict[str, Shard]] = WeakKeyDictionary()

    def ready(self, state: State[IdentityFact]) -> None:
        """Make the shards of all tenants who have facts in this state."""
        facts: dict[str, list[tuple[bytes, IdentityFact]]] = {}
        for at in sorted(state.keys()):
            fact = state.get(at)
            if fact is not None:
                facts.setdefault(tenant_of(at), []).append((at, fact))
        self._shards[state] = {tenant: Shard(tenant, *self._about(tenant), known) for tenant, known in facts.items()}

    def shape(self) -> Shape:
        """The graphs of all states that are held, in numbers. From any thread."""
        # States and shards may come and go meanwhile; a list of them is made in one go.
        states = [state for ref in self._shards.keyrefs() if (state := ref()) is not None]
        held = [shard for state in states for shard in list(self._shards.get(state, {}).values())]
        return total(shard.shape() for shard in held)

    def step(self, state: State[IdentityFact], events: Sequence[Said]) -> Effects:
        changes: dict[bytes, IdentityFact | None] = {}
        outputs: list[Output] = []
        by_tenant: dict[str, list[Said]] = {}
        for said in events:
            by_tenant.setdefault(said.evidence.tenant, []).append(said)
        for tenant, batch in by_tenant.items():
            told = self._shard(state, tenant, batch[-1]).take(
                [said.evidence for said in batch], batch[-1].after, state.get, state.keys
            )
            changes |= told.facts
            outputs += _map(tenant, told.map)
            outputs += [_change(change) for change in told.changes]
        return Effects(changes, outputs)

    def _shard(self, state: State[IdentityFact], tenant: str, said: Said) -> Shard:
        if state not in self._shards:
            self.ready(state)
        beside = self._shards[state]
        if tenant not in beside:
            # Whoever had facts has a shard already: this one is new.
            beside[tenant] = Shard(tenant, said.key, said.rules, ())
        return beside[tenant]


def _map(tenant: str, entries: Mapping[str, MemberOf | None]) -> Iterator[Output]:
    for nid, entry in entries.items():
        # No record is a tombstone, as the runtime's own of state: the nid of an erased one must go from the topic.
        yield Output("state.member_map", key(tenant, nid), shard(tenant), entry)  # type: ignore[arg-type]


def _change(change: MemberChange) -> Output:
    about = headers(MemberChange, change.id, "/oneid/members", change.at)
    return Output("event.member_change", key(change.tenant, change.id), shard(change.tenant), change, about)


def job(settings: Settings) -> Job:
    reader = Reader(settings)
    owner = Owner(reader.about)
    return Job(
        name="resolve_members",
        inputs=("event.identity",),
        prepare=reader.prepare,
        step=owner.step,
        state=Table("log.resolve_members", IdentityFact),
        ready=owner.ready,
        tells=Telling(GRAPH, lambda: samples(owner.shape())),
    )
