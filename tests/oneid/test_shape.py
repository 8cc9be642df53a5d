"""The graph in numbers, read off the live columns, is what the audit computes from the evidence."""

import random
import threading
from collections import Counter

import pytest

from oneid import audit
from oneid.shape import NAMES, Shape, total
from tests.chaos.oneid.cases import arrivals, drawn
from tests.oneid.people import nid, said, seen
from tests.oneid.test_shard import Owner, ranked, whole


def class_of(size: int) -> str:
    return next(
        name
        for name in NAMES
        if (
            size >= int(name[:-1])
            if "+" in name
            else size in range(int(name.split("-")[0]), int(name.split("-")[-1]) + 1)
        )
    )


@pytest.mark.parametrize("seed", range(60))
def test_the_shape_is_that_of_the_audit_whatever_the_order_and_the_restarts(seed: int) -> None:
    case, dice = ranked(drawn(seed)), random.Random(seed)
    owner = Owner(case.parsed)
    for observed, rulings in arrivals(case, seed):
        owner.take(*observed, *rulings)
        if dice.random() < 0.2:
            owner.restart()
    evidence = whole(case)
    held, answer = audit.expected(evidence, case.parsed)
    health = audit.health(evidence, case.parsed, held, answer)
    found = owner.shard.shape()
    assert found.identifiers == health.by_type
    assert sum(found.members.values()) == health.members
    wanted: Counter[str] = Counter()
    for size, members in health.sizes.items():
        wanted[class_of(size)] += members
    assert found.members == wanted
    assert found.largest == max(health.sizes, default=0)
    assert found.generic == health.generic
    assert found.recycled == health.recycled


def test_what_a_rule_refused_is_counted_by_rule() -> None:
    owner = Owner()
    owner.take(
        seen("B", "card.a", "phone.a"), seen("A", "login.b", "phone.a", day=1), said("cannot_link", "login.b", "card.a")
    )
    assert owner.shard.shape().refused["cannot_link"] >= 1
    owner.restart()
    assert owner.shard.shape().refused["cannot_link"] >= 1, "what was refused before the restart is refused now"


def test_several_shards_are_told_as_one() -> None:
    one = Shape({"phone": 2}, {"2": 1}, 2, {}, 1, {"name": 3})
    other = Shape({"phone": 1, "card": 1}, {"1": 2}, 1, {"phone": 1}, 0, {})
    both = Shape({"phone": 3, "card": 1}, {"1": 2, "2": 1}, 2, {"phone": 1}, 1, {"name": 3})
    assert total((one, other)) == both
    assert total(()) == Shape({}, {}, 0, {}, 0, {})


def test_it_can_be_asked_at_any_moment_of_a_batch() -> None:
    owner, told, stop = Owner(), [], threading.Event()

    def ask() -> None:
        while not stop.is_set():
            told.append(owner.shard.shape())

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for batch in range(60):
            owner.take(*(seen("B", f"card.{batch}x{i}", f"phone.{batch}x{i}") for i in range(40)))
    finally:
        stop.set()
        thread.join()
    assert len(told) > 10
    assert all(one.identifiers.get("card", 0) <= 2_400 for one in told)
    assert owner.shard.shape().members == {"2": 2_400}
    assert nid("card.1x1") not in repr(told)
