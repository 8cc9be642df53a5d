"""Faults at fixed points: for each planted bug the one situation in which it must show, every time and whatever the seed.

The seed only moves the delays of the network. A script without a plant is clean.
"""

from collections.abc import Callable
from typing import Any

from tests.chaos.sim.plan import Plan, Rule, record
from tests.chaos.sim.storm import kill, pause

Script = Callable[[], Plan]
NEVER_BACK_S = 300.0


def feed(*phases: tuple[float, range], partitions: int = 1) -> list[tuple[float, int, dict[str, Any], bool]]:
    """Events, one each 50 ms from the start of their phase. A number of an earlier phase is a duplicate of that event."""
    fed: list[tuple[float, int, dict[str, Any], bool]] = []
    for start, events in phases:
        for i, event in enumerate(events):
            row = record(len(fed), event, f"k{event % 3}", 1_000_000 + event)
            fed.append((start + 0.05 * i, event % 3 % partitions, row, True))
    return fed


def plan(**settings: Any) -> Plan:
    """A plan without chance but for the network: markers come soon, and the input knows no transactions."""
    return Plan(**{"delivery_s": lambda _topic: 0.005} | settings)


def killed_after_the_first_commit() -> Plan:
    """A worker dies behind its first commit, and its slot comes back at once. New events come before and after."""
    return plan(feed=feed((0.5, range(10)), (4.0, range(10, 20))), rules=[Rule("after commit", kill(0.1))])


def killed_then_everything_again() -> Plan:
    """As before, and then every event comes a second time."""
    return plan(feed=feed((0.5, range(10)), (4.0, range(10))), rules=[Rule("after commit", kill(0.1))])


def killed_with_an_open_transaction() -> Plan:
    """A worker dies between sending its outputs and its offsets; the transaction is aborted."""
    return plan(feed=feed((0.5, range(10))), rules=[Rule("after offsets", kill(0.1))])


def joined_while_work_is_pending() -> Plan:
    """A second worker joins when the first has applied events of both partitions and committed none of them."""
    fed = feed((0.5, range(8)), (9.0, range(8, 16)), partitions=2)
    return plan(partitions=2, interval_s=5.0, feed=fed, at=[(1.5, lambda world: world.start("b"))])


def stopped_before_a_transaction() -> Plan:
    """A worker is stopped before it begins a transaction, is replaced meanwhile, and then goes on as if nothing had been."""
    return plan(
        feed=feed((0.5, range(10)), (9.0, range(10, 20))),
        rules=[Rule("before begin", pause(8.0), slot="a")],
        at=[(1.0, lambda world: world.start("b"))],
    )


def stopped_with_pending_offsets() -> Plan:
    """A worker is stopped when its offsets are in the transaction; it is replaced, and then commits: that is valid."""
    return plan(
        kind="chain",
        transaction_timeout_s=30.0,
        feed=feed((0.5, range(10)), (9.0, range(10, 20))),
        rules=[Rule("after offsets", pause(7.0), slot="a", job="split")],
        at=[(1.0, lambda world: world.start("b"))],
    )


def replaced_before_the_state_is_marked() -> Plan:
    """A commit's marker reaches the offsets at once and the state only after another worker has taken over."""
    marks = iter((0.005, 9.0))

    def delivery_s(topic: str) -> float:
        return next(marks, 0.005) if topic == "levels" else 0.005

    return plan(
        transaction_timeout_s=30.0,
        delivery_s=delivery_s,
        feed=feed((0.5, range(10)), (6.0, range(10, 20))),
        rules=[Rule("after commit", kill(NEVER_BACK_S), slot="a", nth=2)],
        at=[(2.5, lambda world: world.start("b"))],
    )


def came_back_to_a_partition_that_moved_on() -> Plan:
    """A worker is stopped between revocation and join; another takes its partition on, and dies; the first gets it back."""
    return plan(
        feed=feed((0.5, range(10)), (6.5, range(10, 15)), (16.0, range(15, 25))),
        rules=[Rule("after revoke", pause(7.0), slot="a", nth=2)],
        at=[(3.0, lambda world: world.start("b")), (9.0, lambda world: world.current["b"].kill(NEVER_BACK_S))],
    )


def expelled_with_pending_work() -> Plan:
    """A worker that has applied and not committed is stopped, replaced, and learns of it by a heartbeat that fails."""
    return plan(
        interval_s=30.0,
        feed=feed((0.5, range(8)), (14.0, range(8, 12))),
        at=[(2.0, lambda world: world.current["a"].pause(8.0)), (2.1, lambda world: world.start("b"))],
    )


def refused_once() -> Plan:
    """The broker refuses the offsets of the second transaction; the producer has to abort."""

    def refuse(world: Any, _worker: Any) -> None:
        world.broker.hiccups = 1

    return plan(feed=feed((0.5, range(20))), rules=[Rule("after produce", refuse, nth=2)])
