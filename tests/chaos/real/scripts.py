"""Faults at fixed points: for each planted bug the one situation in which it must show, every time.

Nothing here waits for a time to pass, only for things to happen: what is loaded is slower, and the same. With one partition a
batch is a run, and a run is a transaction, so that the Nth transaction is that of the Nth batch.
"""

import signal
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.chaos.real.feed import numbered
from tests.chaos.real.process import Unexpected, wait, within
from tests.chaos.real.scene import Scene

# Stores of the first and second partition of two. A test compares.
FIRST, SECOND = "s0", "s1"
ENDED_ITSELF = 70
BLOCKED = 8  # rounds in a restore that cannot go on; one that can needs two or three


def batch(number: int, *stores: str) -> list[dict[str, Any]]:
    """Ten events of three keys for each store, the same each time for the same number."""
    places = stores or (FIRST,)
    return [
        numbered(number * 100 + i * 10 + j, store, f"p{j % 3}") for i, store in enumerate(places) for j in range(10)
    ]


def killed_after_the_first_commit(scene: Scene) -> None:
    """A worker dies behind its first commit; its slot comes back at once. More events wait for it."""
    a = scene.start("a", "kill after commit:1")
    scene.feed.send(batch(1))
    a.wait_killed()
    scene.feed.send(batch(2))
    scene.start("a")


def killed_then_everything_again(scene: Scene) -> None:
    """As before, but then every event comes a second time, and a few new ones."""
    a = scene.start("a", "kill after commit:1")
    scene.feed.send(batch(1))
    a.wait_killed()
    scene.feed.send([event | {"n": event["n"] + 1000} for event in batch(1)] + batch(2))
    scene.start("a")


def killed_with_an_open_transaction(scene: Scene) -> None:
    """A worker dies between sending its offsets and committing; the transaction is aborted by its successor."""
    a = scene.start("a", "kill after offsets:1")
    scene.feed.send(batch(1))
    a.wait_killed()
    scene.start("a")


def refused_once(scene: Scene) -> None:
    """The broker refuses a transaction; the producer has to abort, and the same worker goes on."""
    a = scene.start("a", "refuse after produce:2")
    scene.feed.send(batch(1))
    scene.wait_drained()
    scene.feed.send(batch(2))
    a.wait_passed("after produce", 3)
    scene.wait_drained()
    scene.feed.send(batch(3))


def revoked_with_pending_work(scene: Scene) -> None:
    """A second worker joins when the first has applied events of both partitions and committed none of them."""
    a = scene.start("a", "hold before begin:2")
    scene.feed.send(batch(1))
    scene.wait_drained()
    scene.feed.send(batch(2))
    a.wait_passed("before begin", 2)
    scene.feed.send(batch(3, FIRST, SECOND))
    a.wait_passed("in step", 4)
    b = scene.start("b")
    a.wait_passed("before revoke", 2)
    a.release()
    b.wait_passed("after assign", 1)
    scene.feed.send(batch(4, FIRST, SECOND))


def stopped_before_a_transaction(scene: Scene) -> None:
    """A worker is stopped before it begins a transaction, is replaced, and then goes on as if nothing had been."""
    a = scene.start("a", "stop before begin:2")
    scene.feed.send(batch(1))
    scene.wait_drained()
    scene.feed.send(batch(2))
    a.wait_stopped()
    scene.start("b")
    scene.wait_drained()
    scene.feed.send(batch(3))
    scene.wait_drained()
    a.cont()
    wait(lambda: a.passed("after assign") > 1 or not a.alive, "the first worker finds out")


def expelled_with_pending_work(scene: Scene) -> None:
    """A worker is stopped before a transaction and replaced; it hears of that by a heartbeat, and only then commits."""
    a = scene.start("a", "hold before begin:2")
    scene.feed.send(batch(1))
    scene.wait_drained()
    scene.feed.send(batch(2))
    a.wait_passed("before begin", 2)
    a.send(signal.SIGSTOP)
    scene.start("b")
    scene.wait_drained()
    scene.feed.send(batch(3))
    scene.wait_drained()
    a.cont()
    a.wait_passed("before revoke", 2)
    a.release()
    wait(lambda: a.passed("after assign") > 1 or not a.alive, "the first worker goes on, or ends")


def stopped_with_pending_offsets(scene: Scene) -> None:
    """A worker is stopped when its offsets are in the transaction; it is replaced, and then commits, which is valid."""
    a = scene.start("a", "stop after offsets:2")
    scene.feed.send(batch(1))
    scene.wait_drained()
    scene.feed.send(batch(2))
    a.wait_stopped()
    b = scene.start("b")
    b.wait_passed("after assign", 1)
    # The sound runtime waits here for the first worker, and we cannot wait for it to wait.
    within(lambda: b.passed("after committed") > 0, 4.0)
    a.cont()
    a.wait_passed("after commit", 2)
    scene.feed.send(batch(3))


def restored_below_an_open_transaction(scene: Scene) -> None:
    """A stopped worker's transaction stays open below what its successor commits; then the successor restarts."""
    a = scene.start("a", "hold after produce:2")
    scene.feed.send(batch(1))
    scene.wait_drained()
    scene.feed.send(batch(2))
    a.wait_passed("after produce", 2)
    wait(lambda: not scene.decided(), "the records of the open transaction are in the log")
    a.send(signal.SIGSTOP)
    a.release()
    for number in (3, 4):
        b = scene.start("b")
        wait(lambda b=b: b.passed("in restore") > BLOCKED or scene.drained(), "the successor goes on, or waits")  # type: ignore[misc]
        if b.passed("in restore") > BLOCKED:
            a.cont()
        scene.wait_drained()
        scene.feed.send(batch(number))
        scene.wait_drained()
        b.kill()


def came_back_to_a_partition_that_moved_on(scene: Scene) -> None:
    """A worker is stopped between revocation and join; another goes on with its partition, and dies."""
    a = scene.start("a", "stop after revoke:2")
    scene.feed.send(batch(1))
    scene.wait_drained()
    b = scene.start("b")
    a.wait_stopped()
    scene.feed.send(batch(2))
    scene.wait_drained()
    b.kill()
    a.cont()
    a.wait_passed("after assign", 2)
    scene.feed.send(batch(3))
    scene.wait_drained()
    if not a.alive:
        raise Unexpected("the first worker should have got its partition back")


def doubled(scene: Scene) -> None:
    """A second process takes the slot of a living one: the first ends by itself when it wants to commit."""
    first = scene.start("a")
    scene.feed.send(batch(1))
    scene.wait_drained()
    second = scene.start("a")
    second.wait_passed("after assign", 1)
    scene.feed.send(batch(2))
    wait(lambda: first.status == ENDED_ITSELF, "the first process ends by itself")
    scene.wait_drained()
    scene.feed.send(batch(3))


def troubled_while_busy(scene: Scene) -> None:
    """The client learns that the group is in trouble while the job is busy, so that nobody is waiting for records."""
    scene.feed.send([numbered(i, FIRST, f"p{i % 3}") for i in range(20_000)])  # one fetch, twenty slices
    a = scene.start("a", "trouble in step:1")
    wait(lambda: a.passed("in step") == 20 or not a.alive, "the job is no longer busy")
    # A client that has given up is out of the group after a session; a sound one is still there, or started again.
    within(lambda: not a.alive, 2 * scene.trial.session_s)
    scene.feed.send(batch(300))


Script = Callable[[Scene], None]


class Planted(NamedTuple):
    """A script, and the plants that it must show. The script alone is clean, and so is each of `harmless`."""

    script: Script
    plants: tuple[str, ...]
    harmless: tuple[str, ...] = ()
    job: str = "stock"
    partitions: int = 1
    transaction_timeout_s: float = 3.0
    slow_s: float = 0.0


PLANTED = (
    Planted(killed_after_the_first_commit, ("offsets committed before outputs", "offset + 1")),
    Planted(killed_then_everything_again, ("de-duplication forgotten at restart",)),
    Planted(killed_with_an_open_transaction, ("marks outside the transaction",)),
    Planted(refused_once, ("state kept after an abort",)),
    Planted(
        revoked_with_pending_work,
        ("pending work flushed after the next assignment",),
        harmless=("pending work dropped on revoke",),
        partitions=2,
        transaction_timeout_s=30.0,
    ),
    Planted(stopped_before_a_transaction, ("two owners not fenced",)),
    Planted(
        expelled_with_pending_work,
        (),
        harmless=("generation read again at commit",),
    ),
    Planted(
        stopped_with_pending_offsets,
        ("committed offsets read while pending",),
        job="clerks",
        transaction_timeout_s=60.0,
    ),
    Planted(restored_below_an_open_transaction, ("restore to the last stable offset",), transaction_timeout_s=60.0),
    Planted(came_back_to_a_partition_that_moved_on, ("state kept on revoke",)),
    Planted(doubled, ()),
    Planted(troubled_while_busy, (), slow_s=0.05),
)
