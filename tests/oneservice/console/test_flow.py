"""The flow picture, of what was seen."""

from datetime import UTC, datetime

from contracts.topics import BY_NAME
from oneservice.console import flow
from oneservice.console.watch import Sample

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def sample(seen: float, pos: int, events: int = 0, **more: object) -> Sample:
    ends = {"raw.pos": pos, "event.receipt": events}
    return Sample(NOW, seen, ends, ends, **more)  # type: ignore[arg-type]


def test_a_rate_is_what_grew_between_the_last_two_looks() -> None:
    assert flow.rate([sample(0, 100), sample(2, 150)], ["raw.pos"]) == 25.0
    assert flow.rate([sample(0, 100)], ["raw.pos"]) is None
    assert flow.rate([sample(0, 100), Sample(NOW, 2, wrong="away")], ["raw.pos"]) is None


def test_a_topic_that_was_made_anew_does_not_run_backwards() -> None:
    assert flow.rate([sample(0, 100), sample(2, 5)], ["raw.pos"]) == 0.0


def test_a_stage_shows_the_busiest_topic_first_and_leaves_out_what_is_empty() -> None:
    raw, events, _ = flow.stages([sample(0, 100, 7), sample(2, 150, 9)])
    assert [box.name for box in raw.boxes] == ["raw.pos"]
    assert (raw.rate, raw.trend) == (25.0, [25.0])
    assert [(box.name, box.records) for box in events.boxes] == [("event.receipt", 9)]


def test_a_feed_is_told_by_all_that_it_ever_sent() -> None:
    pos, shops, *_ = flow.feeds([sample(0, 100), sample(2, 150)])
    assert (pos, shops) == (flow.Feed("pos", 150, 25.0), flow.Feed("ecommerce", 0, 0.0))
    assert {(feed.records, feed.rate) for feed in flow.feeds([Sample(NOW, 2, wrong="away")])} == {(None, None)}
    assert {f"raw.{feed.name}" for feed in flow.feeds([])} <= set(BY_NAME)


def test_without_kafka_every_topic_stands_there_without_a_figure() -> None:
    raw = flow.stages([])[0]
    assert "raw.wms" in [box.name for box in raw.boxes]
    assert {box.records for box in raw.boxes} == {None}


def test_jobs_are_told_by_their_groups_and_by_their_workers() -> None:
    jobs = {
        "accept_receipts": {
            "zhongtai_records_total": 10.0,
            "zhongtai_state_keys": 3.0,
            "zhongtai_commit_seconds": 0.012,
        }
    }
    later = {"accept_receipts": jobs["accept_receipts"] | {"zhongtai_records_total": 50.0}}
    lag = {"zhongtai.accept_receipts": {"raw.pos": 4, "raw.edge": 1}, "zhongtai.keep_orders": {"event.order": 0}}
    found = flow.works([sample(0, 1, jobs=jobs), sample(2, 1, jobs=later, lag=lag)])
    assert found == [flow.Work("accept_receipts", 20.0, 5, 3, 12.0), flow.Work("keep_orders", None, 0, None, None)]


def test_what_waits_for_the_lake_is_what_stands_beyond_its_cut() -> None:
    assert flow.waiting([sample(0, 0, 100)], {"event.receipt": 90, "dlq.pos": 4}) == 10
    assert flow.waiting([], {"event.receipt": 90}) is None
