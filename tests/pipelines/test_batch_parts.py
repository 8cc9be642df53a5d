"""The pieces of the batch runtime that need no broker."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.settings import Settings
from contracts.errors import Corrupt
from contracts.ticks import KEY, Tick
from contracts.wire import Record, encode
from pipelines.batch import Job, Run, State, Table, decoded, fence, fetch
from pipelines.batch.distinct import ById, Seen
from pipelines.batch.engine import Fence
from pipelines.batch.metrics import METRICS
from pipelines.batch.ticks import parts
from pipelines.jobs import jobs

ROOT = Path(__file__).parents[2]


def run_of(*offsets: int, start: int = 0, end: int | None = None) -> Run:
    n = len(offsets)
    following = end if end is not None else (offsets[-1] + 1 if offsets else start)
    return Run("t", 0, start, following, list(offsets), [b""] * n, [b""] * n, [0] * n, [()] * n)


def test_the_pieces_of_a_run_join_without_gap_or_overlap():
    run = run_of(3, 4, 7, 8, 12, start=2, end=15)
    pieces = list(run.slices(2))
    assert [p.offsets for p in pieces] == [[3, 4], [7, 8], [12]]
    assert [(p.start, p.next) for p in pieces] == [(2, 7), (7, 12), (12, 15)]


def test_a_run_of_markers_alone_still_moves_the_position():
    assert [(p.start, p.next) for p in run_of(start=5, end=9).slices(2)] == [(5, 9)]


def test_a_state_of_an_unknown_version_is_refused():
    class Level(Record, frozen=True, kw_only=True):
        TYPE = "state.level"
        v: int = 1

    state = State(decoded_one(Level), {b"k": encode(Level(v=2))})
    with pytest.raises(Corrupt, match="version 2"):
        state.get(b"k")


def test_what_is_deleted_does_not_come_back_from_what_was_stored():
    class Level(Record, frozen=True, kw_only=True):
        TYPE = "state.level"
        v: int = 1

    state = State(decoded_one(Level), {b"a": encode(Level()), b"b": encode(Level()), b"c": encode(Level())})
    assert len(state) == 3
    for changes in ({b"a": None}, {b"b": Level()}):
        state.change(changes)
        assert state.keys() == {b"b", b"c"}
        assert state.take() == changes
    assert state.keys() == {b"b", b"c"}
    assert (state.get(b"a"), state.get(b"b"), state.get(b"c")) == (None, Level(), Level())
    assert (len(state), state.keys()) == (2, {b"b", b"c"})


def test_a_run_is_cut_at_its_ticks():
    run = run_of(3, 4, 7, 8, 9, start=2, end=15)
    time = encode(Tick(at="2026-01-01T00:00:00Z"))
    run = run._replace(keys=[b"x", KEY, b"y", KEY, KEY], values=[b"", time, b"", time, time])
    found = [(part.run.start, part.run.offsets, part.run.next, bool(part.tick)) for part in parts(run)]
    wanted = [(2, [3], 4, False), (4, [], 5, True), (5, [7], 8, False), (8, [], 9, True), (9, [], 15, True)]
    assert found == wanted


def test_ticks_with_a_marker_between_them_leave_no_gap():
    time = encode(Tick(at="2026-01-01T00:00:00Z"))
    run = run_of(0, 2, 4, start=0, end=6)._replace(keys=[KEY, KEY, KEY], values=[time, time, time])
    assert [(part.run.start, part.run.next) for part in parts(run)] == [(0, 1), (1, 3), (3, 6)]


def test_a_run_without_ticks_stays_whole():
    for run in (run_of(3, 4, start=2, end=9), run_of(start=5, end=9)):
        assert [(part.run, part.tick) for part in parts(run)] == [(run, "")]


def decoded_one(kind):
    prepare = decoded(kind)
    return lambda value: prepare(run_of(0)._replace(values=[value]))[0]


def test_a_job_with_state_has_one_input():
    with pytest.raises(ValueError, match="one input"):
        Job(name="j", inputs=("a", "b"), step=print, prepare=print, state=Table("state.x", Record))


def test_the_fence_is_written_as_the_installed_librdkafka_writes_it():
    fence.self_test()


def test_a_fence_names_generation_member_and_instance():
    assert fence.group_metadata("g", Fence(5, "m", "i")) == b"CGMDv2:\x05\x00\x00\x00g\x00m\x00\x00i\x00"
    assert fence.group_metadata("g", Fence(5, "m", None)) == b"CGMDv2:\x05\x00\x00\x00g\x00m\x00\x01"


def test_the_installed_aiokafka_is_built_as_the_fetching_expects():
    fetch.self_test()


HOUR = 3600
BY = ById(topic="log.x", ids=lambda es: [e[0] for e in es], times=lambda es: [e[1] for e in es], horizon_s=HOUR)
events = st.lists(st.tuples(st.integers(0, 30).map(lambda n: n.to_bytes(16)), st.just(0)), max_size=60)


@given(st.lists(events, max_size=5))
def test_each_id_is_fresh_once_in_any_batches_and_over_a_restart(batches):
    seen, written, fresh = Seen(BY), [], []
    for batch in batches:
        judged = seen.judge(batch)
        assert not judged.late
        fresh += judged.fresh
        written += seen.take()
        seen = Seen(BY)  # a restart: only what was written is remembered
        seen.restore(reversed(written))
    every = [event for batch in batches for event in batch]
    assert fresh == list(dict.fromkeys(every))


def test_an_event_of_a_generation_that_has_gone_is_late_and_not_guessed():
    seen = Seen(BY)
    new, old = (b"n" * 16, 5 * HOUR), (b"o" * 16, 2 * HOUR)
    assert seen.judge([new]).fresh == [new]
    assert seen.judge([old, new]) == ([], [old])


def test_no_metric_is_named_twice_and_each_has_words_in_both_languages():
    own = [one for job in jobs(Settings(home=Path())).values() if job.tells for one in job.tells.gauges.items()]
    every = [*METRICS.items(), *own]
    assert len({name for name, _ in every}) == len(every) > len(METRICS)
    for name, kind in every:
        assert re.fullmatch(r"zhongtai_[a-z_]+", name)
        assert kind.english
        assert re.search(r"[一-鿿]", kind.chinese)


def test_the_eight_steps_stand_in_the_same_words_in_the_page_and_the_code():
    page = (ROOT / "docs" / "runtime.md").read_text("utf-8")
    code = (ROOT / "pipelines" / "batch" / "engine.py").read_text("utf-8")
    steps = re.findall(r"^(\d\. .+)$", page.split("## The commit protocol")[1].split("###")[0], re.MULTILINE)
    assert len(steps) == 8
    for step in steps:
        assert step in code


def test_the_job_of_the_documentation_takes_at_most_twenty_lines_and_counts():
    page = (ROOT / "docs" / "runtime.md").read_text("utf-8")
    code = re.search(r"```python\n(.+?)```", page, re.DOTALL)[1]
    assert sum(1 for line in code.splitlines() if line.strip()) <= 20
    names: dict[str, object] = {}
    imports = (
        "from collections.abc import Sequence\nfrom typing import ClassVar\nfrom contracts.keys import key\n"
        "from contracts.receipts import Receipt\nfrom contracts.wire import Record\n"
        "from pipelines.batch import Effects, Job, State, Table, decoded\n"
    )
    exec(compile(imports + code, "runtime.md", "exec"), names)
    job = names["JOB"]
    assert isinstance(job, Job)
    receipts = [type("R", (), {"tenant": "t", "store": "s", "clerk": c})() for c in "aab"]
    counts = job.step(State(lambda v: v, {}), receipts).changes
    assert {k: v.receipts for k, v in counts.items()} == {b"t|s|a": 2, b"t|s|b": 1}
