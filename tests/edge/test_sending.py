"""Sending: dear lanes first, from the longest acknowledged prefix, and again what the centre misses."""

import random

from zhongtai_edge import Outbox
from zhongtai_edge.line import Broken, Known
from zhongtai_edge.pace import Backoff, Bucket
from zhongtai_edge.sending import Sending

from tests.edge.conftest import ListLine


def sending(outbox: Outbox, line: ListLine, notify=lambda _: None) -> Sending:
    made = Sending(outbox, lambda: line, random.Random(1).random, notify=notify)
    made._backoff = Backoff(0.001, 0.002, lambda: 0.5)
    return made


def test_everything_goes_out_once_and_payments_overtake_behaviour(outbox: Outbox, line: ListLine) -> None:
    outbox.append_many("behaviour", [b"b%d" % n for n in range(700)])
    outbox.append_many("payments", [b"p%d" % n for n in range(1200)])
    sending(outbox, line).run(until_empty=True)
    assert line.values("raw.pos") == [b"p%d" % n for n in range(1200)]
    assert line.values("raw.ecommerce") == [b"b%d" % n for n in range(700)]
    topics = [p.topic for p in line.came if p.topic != "raw.edge"]
    assert topics == ["raw.pos"] * 1200 + ["raw.ecommerce"] * 700


def test_after_a_partial_acknowledgement_it_goes_on_behind_the_prefix(outbox: Outbox, line: ListLine) -> None:
    outbox.append_many("payments", [b"%d" % n for n in range(10)])
    line.good = 4
    outages: list[str] = []

    def connect() -> ListLine:
        outages.append("")
        line.good = 4 if len(outages) == 1 else 1 << 30
        return line

    made = Sending(outbox, connect, lambda: 0.0, notify=lambda _: None)
    made._backoff = Backoff(0.001, 0.002, lambda: 0.5)
    made.run(until_empty=True)
    assert line.values("raw.pos") == [b"%d" % n for n in range(10)]
    assert len(outages) == 2


def test_an_outage_is_told_once_and_waited_out(outbox: Outbox, line: ListLine) -> None:
    outbox.append("payments", b"x")
    tries = [0]

    def connect() -> ListLine:
        tries[0] += 1
        if tries[0] < 5:
            raise Broken("NoBrokersAvailable")
        return line

    told: list[str] = []
    made = Sending(outbox, connect, lambda: 0.0, notify=told.append)
    made._backoff = Backoff(0.001, 0.002, lambda: 0.5)
    made.run(until_empty=True)
    assert [words.split()[2] for words in told] == ["does", "answers"]
    assert line.values("raw.pos") == [b"x"]


def test_a_lane_whose_topic_the_centre_lacks_waits_and_disturbs_no_other(outbox: Outbox, line: ListLine) -> None:
    outbox.append("stock", b"s")
    outbox.append("behaviour", b"b")
    line.lacks = {"raw.wms"}
    told: list[str] = []
    sending(outbox, line, told.append).run(until_empty=True)
    assert line.values("raw.ecommerce") == [b"b"]
    assert "no topic raw.wms" in told[0]
    assert [one.payload for one in outbox.unsent(9)] == [b"s"]


def test_what_the_centre_misses_is_sent_again_after_a_while(outbox: Outbox, line: ListLine) -> None:
    epoch, _ = outbox.append_many("payments", [b"%d" % n for n in range(1, 11)])
    line.swallowed = lambda parcel: parcel.value in (b"4", b"5")
    sending(outbox, line).run(until_empty=True)
    line.swallowed = lambda _: False
    line.came = []
    line.told = [Known(0, epoch, 10, ((1, 3), (6, 10)), ((4, 5),))]
    again = sending(outbox, line)
    again._grace = 0.0
    again._listen_first(line)
    again._ripen(1e12)
    assert again._step(line)
    assert line.values("raw.pos") == [b"4", b"5"]
    assert line.edges("raw.pos") == [f"S001|{epoch}|payments|4", f"S001|{epoch}|payments|5"]


def test_how_far_a_lane_came_and_what_was_lost_is_declared_before_behaviour(outbox: Outbox, line: ListLine) -> None:
    epoch, _ = outbox.append_many("payments", [b"x"] * 3)
    outbox.advance(0, epoch, 3)
    outbox.confirm(0, epoch, [(1, 1)])
    outbox.asked(0, epoch, 1, 3, 10)
    outbox.append("behaviour", b"b")
    outbox.tell_tops()
    sending(outbox, line).run(until_empty=True)
    kinds = [(p.topic, dict(p.headers).get("zt_edge_says")) for p in line.came]
    assert kinds[:3] == [("raw.edge", b"lost"), ("raw.edge", b"top"), ("raw.ecommerce", None)]
    assert line.edges("raw.edge")[:2] == [f"S001|{epoch}|payments|1-1", f"S001|{epoch}|payments|3-3"]


def test_a_backup_that_was_put_back_begins_anew_before_it_sends(outbox: Outbox, line: ListLine) -> None:
    epoch, _ = outbox.append_many("payments", [b"a", b"b"])
    line.told = [Known(0, epoch, 7, ((1, 7),), ())]
    sending(outbox, line).run(until_empty=True)
    assert outbox.epoch != epoch
    assert line.edges("raw.pos") == [f"S001|{outbox.epoch}|payments|1", f"S001|{outbox.epoch}|payments|2"]


def test_the_rate_bounds_what_goes_in_a_second() -> None:
    bucket = Bucket(rate=100, burst=50, now=0.0)
    gone = sum(bucket.take(1000, n / 50) for n in range(101))  # two seconds
    assert 240 <= gone <= 251


def test_pauses_grow_stay_bounded_and_differ_between_shops() -> None:
    dice = random.Random(7)
    backoff = Backoff(1.0, 60.0, dice.random)
    pauses = [backoff.failed() for _ in range(40)]
    assert all(0.1 <= pause <= 60 for pause in pauses)
    assert max(pauses[:2]) <= 2
    assert len(set(pauses)) == 40
    backoff.succeeded()
    assert backoff.failed() <= 1
