"""The process under test: `python -m tests.chaos.oneid_stream.worker --trial FILE --slot a --name a-1 [--kill-at STEP:N] …`.

It is faust_host.work as in production with the owner of the evidence in it, with shorter timeouts, and with one bug if asked.
"""

from collections.abc import Sequence
from typing import NamedTuple

from contracts.evidence import Evidence, IdentityFact
from contracts.wire import decoder
from pipelines.batch import Effects, Job, Run, State, Table
from pipelines.jobs.event_identity_to_state_member_map import Naming, Owner, Said
from tests.chaos.oneid.cases import Case
from tests.chaos.oneid_stream.simulated import PLANTS
from tests.chaos.oneid_stream.told import KEY, case
from tests.chaos.real.faults import At
from tests.chaos.real.worker import Timed, work

TENANTS, PARTITIONS = 12, 4


class Topics(NamedTuple):
    """The topics of one trial."""

    input: str
    facts: str
    map: str
    changes: str


def topics(trial: str) -> Topics:
    real = ("event.identity", "log.resolve_members", "state.member_map", "event.member_change")
    return Topics(*(f"chaos.{trial}.{name}" for name in real))


class Trial(Timed, frozen=True, kw_only=True):
    """What all workers of a trial share; written by the driver."""

    seed: int
    slow_s: float = 0.02

    @property
    def group(self) -> str:
        return f"zhongtai.{job_name(self.name)}"


def job_name(trial: str) -> str:
    return f"resolve_members.{trial}"


def cases(seed: int) -> dict[str, Case]:
    """By tenant. All tenants of a partition are owned by one worker at a time."""
    return {f"t{n}": case(seed * 1_000 + n) for n in range(TENANTS)}


def build(trial: Trial, at: At) -> Job:
    on, rules, decode = topics(trial.name), {t: c.parsed for t, c in cases(trial.seed).items()}, decoder(Evidence)
    owner = (PLANTS[trial.plant] if trial.plant else Owner)(lambda tenant: Naming(KEY, rules[tenant]))

    def prepare(run: Run) -> list[Said]:
        said = [decode(value) for value in run.values]
        return [Said(one, place + 1, KEY, rules[one.tenant]) for one, place in zip(said, run.offsets, strict=True)]

    def step(state: State[IdentityFact], said: Sequence[Said]) -> Effects:
        at("in step")
        changes, outputs = owner.step(state, said)
        return Effects(changes, [o._replace(topic=f"chaos.{trial.name}.{o.topic}") for o in outputs])

    return Job(
        name=job_name(trial.name),
        inputs=(on.input,),
        prepare=prepare,
        step=step,
        state=Table(on.facts, IdentityFact),
        ready=owner.ready,
    )


if __name__ == "__main__":
    work(Trial, build)
