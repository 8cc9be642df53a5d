"""The jobs of tags: what becomes an input, what time it is, and what is sent."""

from datetime import datetime
from pathlib import Path

import pytest

from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.evidence import shard
from contracts.keys import key
from contracts.member_map import MemberChange
from contracts.members import ProfileFact, Sums
from contracts.tags import Tag, TagChange, TagInput, TagMemory
from contracts.wire import Record, decoder, encode
from pipelines.batch import Job, Output, Run, State
from pipelines.jobs import event_member_change_to_event_tag_input as changing
from pipelines.jobs import event_tag_input_to_state_tag as keeping
from pipelines.jobs.event_profile_fact_to_event_tag_input import told
from pipelines.tags import OWN, life_cycle

AT = "2026-11-20T10:00:00Z"


def run_of(topic: str, *records: Record, at: str = AT) -> Run:
    ms = int(datetime.fromisoformat(at).timestamp() * 1000)
    n = len(records)
    return Run(topic, 0, 0, n, list(range(n)), [b"k"] * n, [encode(r) for r in records], [ms] * n, [()] * n)


def fact(orders: int, nid: str = "card:1", erased: bool = False) -> ProfileFact:
    sums = Sums(orders=orders)
    return ProfileFact(
        tenant="t", fact_id=f"f{orders}", nid=nid, at=AT, source="event.order", about="o", sums=sums, erased=erased
    )


def change() -> MemberChange:
    return MemberChange(tenant="t", id="c1", at=AT, version=1, kind="new", after="m-1", nids=("card:1",))


def test_only_purchases_become_inputs_and_nothing_of_whom_is_erased() -> None:
    assert [one.purchases for orders in (1, 0, -1) for one in told(fact(orders), set)] == [1, -1]
    assert told(fact(1), lambda: {"card:1"}) == []
    assert told(fact(1, erased=True), set) == []


def test_inputs_go_to_the_partition_of_their_tenants_map() -> None:
    job = changing.JOB
    (sent,) = job.step(None, job.prepare(run_of("event.member_change", change()))).outputs
    assert (sent.topic, sent.by) == ("event.tag_input", shard("t"))
    assert isinstance(sent.record, TagInput)
    assert (sent.record.after, sent.record.change, sent.record.nids) == ("m-1", "new", ("card:1",))


def worked(job: Job, state: State[TagMemory], *inputs: TagInput) -> list[Output]:
    effects = job.step(state, job.prepare(run_of("event.tag_input", *inputs)))
    state.change(effects.changes)  # type: ignore[arg-type]
    return list(effects.outputs)


def test_a_purchase_sends_the_tag_and_the_change_and_an_erasure_a_tombstone(tmp_path: Path) -> None:
    job = keeping.job(Settings(home=tmp_path))
    state: State[TagMemory] = State(decoder(TagMemory), {})
    (given,) = changing.JOB.step(None, changing.JOB.prepare(run_of("event.member_change", change()))).outputs
    ahead = TagInput(tenant="t", id="p", at="2031-01-01T00:00:00Z", nids=("card:1",), purchases=1)
    tag, entered = worked(job, state, given.record, ahead)  # type: ignore[arg-type]
    assert (tag.topic, tag.key, tag.by) == ("state.tag", key("t", "life_cycle", "m-1"), shard("t"))
    assert isinstance(tag.record, Tag)
    assert (tag.record.value, tag.record.last_at) == ("new", AT)  # the broker's time, not the till's
    assert isinstance(entered.record, TagChange)
    assert entered.topic == "event.tag_change"

    assert job.tick is not None
    lost = job.tick(state, "2027-01-01T00:00:04Z")
    assert [o.record.value for o in lost.outputs if isinstance(o.record, Tag)] == ["lost"]
    state.change(lost.changes)  # type: ignore[arg-type]
    again = job.tick(state, "2027-01-01T00:59:59Z")
    assert (again.changes, again.outputs) == ({}, [])

    gone = TagInput(tenant="t", id="e", at=AT, nids=("card:1",), change="erase")
    tombstone, left = worked(job, state, gone)
    assert (tombstone.key, tombstone.record) == (tag.key, None)
    assert isinstance(left.record, TagChange)
    assert (left.record.before, left.record.after, left.record.reason) == ("lost", "", "erase")


def test_a_home_may_have_a_definition_of_its_own(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    released = life_cycle(settings)
    own = tmp_path / OWN
    own.parent.mkdir()
    text = (Path("centers/tags/life_cycle.yml")).read_text("utf-8")
    own.write_text(text.replace("lost_days: 21", "lost_days: 90").replace("version: 1", "version: 2"), "utf-8")
    assert (released.lost_days, life_cycle(settings).lost_days, life_cycle(settings).version) == (21, 90, 2)
    own.write_text("tag: [", "utf-8")
    with pytest.raises(BadInput, match="not YAML"):
        life_cycle(settings)


def test_without_ticks_the_inputs_tell_what_time_it_is(tmp_path: Path) -> None:
    job = keeping.job(Settings(home=tmp_path))
    state: State[TagMemory] = State(decoder(TagMemory), {})
    (given,) = changing.JOB.step(None, changing.JOB.prepare(run_of("event.member_change", change()))).outputs
    bought = TagInput(tenant="t", id="p", at=AT, nids=("card:1",), purchases=1)
    worked(job, state, given.record, bought)  # type: ignore[arg-type]
    other = TagInput(tenant="t", id="q", at=AT, nids=("card:2",), purchases=1)
    later = run_of("event.tag_input", other, other, at="2026-12-30T10:00:00Z")
    effects = job.step(state, job.prepare(later))
    assert [o.record.value for o in effects.outputs if isinstance(o.record, Tag)] == ["lost"]
    assert [o.record.reason for o in effects.outputs if isinstance(o.record, TagChange)] == ["time"]
