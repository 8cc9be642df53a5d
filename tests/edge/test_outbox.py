"""What is appended is held, in order, under numbers that are never used twice."""

import sqlite3

import pytest
from zhongtai_edge import BadInput, Config, Full, Outbox
from zhongtai_edge.records import missing


def test_records_come_out_dear_lanes_first_and_in_the_order_of_their_numbers(outbox: Outbox) -> None:
    outbox.append("behaviour", b"b1")
    outbox.append("stock", b"s1")
    outbox.append("payments", b"p1")
    outbox.append("payments", b"p2")
    came = []
    while batch := outbox.unsent(1):
        came.append(batch[0].payload)
        outbox.advance(batch[0].lane, batch[0].epoch, batch[0].seq)
    assert came == [b"p1", b"p2", b"s1", b"b1"]


def test_numbers_go_on_after_a_restart_and_count_by_lane(config: Config) -> None:
    first = Outbox(config)
    given = [first.append("payments", b"x"), first.append("behaviour", b"y")]
    first.close()
    again = Outbox(config)
    given += [again.append("payments", b"z"), again.append("behaviour", b"z")]
    assert [seq for _, seq in given] == [1, 1, 2, 2]
    assert {epoch for epoch, _ in given} == {again.epoch}


def test_a_cursor_never_goes_back_and_never_passes_what_was_given_out(outbox: Outbox) -> None:
    epoch, _ = outbox.append_many("payments", [b"x"] * 5)
    outbox.advance(0, epoch, 3)
    outbox.advance(0, epoch, 1)
    outbox.advance(0, epoch, 99)
    assert [one.seq for one in outbox.unsent(10)] == [4, 5]


def test_a_commit_is_asked_to_reach_the_disk(outbox: Outbox) -> None:
    outbox.append("payments", b"x")
    assert outbox._keeper.db is not None
    assert outbox._keeper.db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert outbox._keeper.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_kafka_would_not_take_is_refused_whole(outbox: Outbox) -> None:
    with pytest.raises(BadInput):
        outbox.append_many("payments", [b"good", b"x" * (1 << 20)])
    with pytest.raises(BadInput):
        outbox.append("gossip", b"x")
    assert outbox.unsent(10) == []


def test_two_processes_may_append_to_one_outbox(config: Config) -> None:
    one, two = Outbox(config), Outbox(config)
    seqs = [box.append("payments", b"x")[1] for _ in range(20) for box in (one, two)]
    assert seqs == list(range(1, 41))


def small(config: Config, mb: float) -> Outbox:
    return Outbox(config._replace(budget_mb=mb))


def test_a_full_budget_sheds_behaviour_only_and_says_so(config: Config) -> None:
    outbox = small(config, 1)
    outbox.append_many("payments", [b"p" * 1000] * 100)
    shed_from = 0
    for _ in range(200):
        try:
            outbox.append_many("behaviour", [b"b" * 1000] * 20)
        except Full:
            break
        shed_from += 20
    declared = [said for _, said in outbox.undeclared()]
    assert declared
    assert all((said.says, said.lane) == ("shed", 2) for said in declared)
    assert (
        sum(said.high - said.low + 1 for said in declared)
        == shed_from - outbox.status()["lanes"]["behaviour"]["waiting"]
    )  # type: ignore[index]
    outbox.append_many("payments", [b"p" * 1000] * 100)
    assert len([one for one in outbox.unsent(500) if one.lane == 0]) == 200
    assert outbox.verify() > 0


def test_when_even_payments_have_no_room_the_till_is_told(config: Config) -> None:
    outbox = small(config, 0.5)
    taken = 0
    refused = ""
    while not refused and taken < 1000:
        try:
            outbox.append("payments", b"p" * 1000)
            taken += 1
        except Full as full:
            refused = full.wrong
    assert "NOT taken" in refused
    assert outbox.status()["lanes"]["payments"]["waiting"] == taken  # type: ignore[index]
    assert taken > 200


def test_what_the_centre_has_is_let_go_of_and_what_was_not_acknowledged_is_not(outbox: Outbox) -> None:
    epoch, _ = outbox.append_many("payments", [b"x"] * 10)
    outbox.advance(0, epoch, 6)
    outbox.confirm(0, epoch, [(1, 4), (6, 10)])
    assert [one.seq for one in outbox.asked(0, epoch, 1, 10, 100)] == [5]
    assert [one.seq for one in outbox.unsent(100)] == [7, 8, 9, 10]


def test_a_gap_of_which_nothing_is_held_is_declared_lost_once(outbox: Outbox) -> None:
    epoch, _ = outbox.append_many("payments", [b"x"] * 10)
    outbox.advance(0, epoch, 10)
    outbox.confirm(0, epoch, [(1, 5)])
    for _ in range(2):
        assert [one.seq for one in outbox.asked(0, epoch, 3, 7, 100)] == [6, 7]
    assert [(said.says, said.low, said.high) for _, said in outbox.undeclared()] == [("lost", 3, 5)]


def test_a_gap_of_another_outbox_of_the_store_is_none_of_our_business(outbox: Outbox) -> None:
    assert outbox.asked(0, "1-someone", 1, 10, 100) == []
    assert outbox.undeclared() == []


def test_a_restored_backup_goes_on_under_a_new_epoch_with_what_it_never_sent(config: Config) -> None:
    outbox = Outbox(config)
    old, _ = outbox.append_many("payments", [b"sent"] * 3)
    outbox.advance(0, old, 2)
    assert not outbox.is_stale_copy(0, old, 3)
    assert outbox.is_stale_copy(0, old, 4)
    outbox.begin_anew()
    new, seq = outbox.append("payments", b"after")
    assert (new != old, seq) == (True, 2)
    assert [(one.epoch, one.seq, one.payload) for one in outbox.unsent(10)] == [(new, 1, b"sent"), (new, 2, b"after")]
    assert outbox.verify() == 4


def test_epochs_rise_even_when_the_clock_goes_back(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    outbox = Outbox(config)
    monkeypatch.setattr("time.time", lambda: 1_000_000_000.0)
    outbox.begin_anew()
    first, second = (int(epoch.split("-")[0]) for epoch in outbox.own_epochs())
    assert second > first


@pytest.mark.parametrize(
    ("there", "ranges"), [([], [(1, 5)]), ([1, 2, 3, 4, 5], []), ([2, 4], [(1, 1), (3, 3), (5, 5)]), ([0, 9], [(1, 5)])]
)
def test_missing_numbers_are_told_as_ranges(there: list[int], ranges: list[tuple[int, int]]) -> None:
    assert missing(1, 5, there) == ranges


def test_a_mistake_of_ours_is_not_taken_for_a_broken_disk(outbox: Outbox) -> None:
    with pytest.raises(sqlite3.ProgrammingError):
        outbox._keeper.do(lambda db: db.execute("SELECT ?", ()))
    assert len(outbox.own_epochs()) == 1
