"""The owner in the simulation: several tenants' evidence, workers that are killed, paused, expelled and refused."""

import json
import random
from collections.abc import Callable, Sequence

from contracts.evidence import Evidence, IdentityFact
from contracts.wire import decoder, encode
from oneid.facts import tenant_of
from oneid.shard import Shard
from pipelines.batch import Effects, Job, Run, State, Table
from pipelines.jobs.event_identity_to_state_member_map import Naming, Owner, Said
from tests.chaos.oneid.cases import Case
from tests.chaos.oneid_stream.told import KEY, Told, case, evidence
from tests.chaos.sim.plan import Plan, drawn
from tests.chaos.sim.world import Outcome, World


class Forgetful(Owner):
    """Planted: the shards outlive the state that they were made from, and with it what was aborted."""

    def __init__(self, about: Callable[[str], Naming]) -> None:
        super().__init__(about)
        self._own: dict[str, Shard] = {}

    def _shard(self, state: State[IdentityFact], tenant: str, said: Said) -> Shard:
        if tenant not in self._own:
            self._own[tenant] = super()._shard(state, tenant, said)
        return self._own[tenant]


class Losing(Owner):
    """Planted: of two entries of the map that a batch changes, one is not written."""

    def step(self, state: State[IdentityFact], events: Sequence[Said]) -> Effects:
        changes, outputs = super().step(state, events)
        entries = [o for o in outputs if o.topic == "state.member_map"]
        return Effects(changes, [o for o in outputs if len(entries) < 2 or o is not entries[0]])


class Mixing(Owner):
    """Planted: the shard is made again without what was erased."""

    def ready(self, state: State[IdentityFact]) -> None:
        facts = [(at, fact) for at in sorted(state.keys()) for fact in [state.get(at)] if fact is not None]
        known = [(at, fact) for at, fact in facts if fact.kind != "erased"]
        tenants = {tenant_of(at) for at, _ in facts}
        self._shards[state] = {
            tenant: Shard(tenant, *self._about(tenant), [one for one in known if tenant_of(one[0]) == tenant])
            for tenant in tenants
        }


PLANTS = {"shards outlive their state": Forgetful, "an entry of the map is lost": Losing, "marks are not read": Mixing}


class Observer:
    """Reads along as read_committed readers do."""

    def __init__(self) -> None:
        self.told = Told()

    @property
    def violations(self) -> list[str]:
        return self.told.violations

    def record(self, topic: str, _partition: int, _offset: int, key: bytes, value: bytes | None) -> None:
        self.told.record(topic, key, value)

    def moved(self, group: str, tp: tuple[str, int], before: int, after: int) -> None:
        if after < before:
            self.violations.append(f"offset of {group} in {tp} went back from {before} to {after}")


class Members(World):
    """A tenant in each partition, each with a case of its own, all under the rules of the first."""

    INPUT = "event.identity"
    TOPICS = ("event.identity", "log.resolve_members", "state.member_map", "event.member_change")
    COMPACTED = ("log.resolve_members",)

    def __init__(self, seed: int, owner: type[Owner] = Owner) -> None:
        self._owner = owner
        self.cases, plan = _planned(seed)
        super().__init__(seed, plan)
        self.observer = Observer()  # type: ignore[assignment]

    def _jobs(self) -> list[Job]:
        decode, rules = decoder(Evidence), {tenant: one.parsed for tenant, one in self.cases.items()}

        def prepare(run: Run) -> list[Said]:
            said = [decode(value) for value in run.values]
            return [Said(one, at + 1, KEY, rules[one.tenant]) for one, at in zip(said, run.offsets, strict=True)]

        owner = self._owner(lambda tenant: Naming(KEY, rules[tenant]))
        table = Table("log.resolve_members", IdentityFact)
        return [
            Job(
                name="resolve_members",
                inputs=("event.identity",),
                prepare=prepare,
                step=owner.step,
                state=table,
                ready=owner.ready,
            )
        ]

    def _differences(self) -> list[str]:
        return self.observer.told.differences(self.cases)  # type: ignore[attr-defined]


def _planned(seed: int) -> tuple[dict[str, Case], Plan]:
    """The cases by tenant, and a storm in which their evidence comes, mixed, a tenant in a partition."""
    plan, dice = drawn(seed), random.Random(f"members {seed}")
    cases = {f"t{p}": case(seed * 10 + p) for p in range(plan.partitions)}
    said = [(p, one) for p in range(plan.partitions) for one in evidence(cases[f"t{p}"], f"t{p}")]
    # Erasures come early, so that workers are restarted after them and evidence of the erased comes late.
    early = [i for i, (_, one) in enumerate(said) if one.ruling is not None and one.ruling.kind == "erase"]
    order = sorted(range(len(said)), key=lambda i: (i * 7919) % 10_007 // (4 if i in early else 1))
    # Within a partition any order will do; what was aborted is never said.
    plan.feed, now = [], 0.0
    for i in order:
        p, one = said[i]
        now += dice.random() * 2 * plan.storm_s / len(said) if dice.random() < 0.6 else 0.0
        plan.feed.append((now, p, json.loads(encode(one)) | {"key": one.tenant}, True))
    plan.ticked = 0.0
    return cases, plan


def judged(seed: int, owner: type[Owner] = Owner) -> Outcome:
    return Members(seed, owner).run()
