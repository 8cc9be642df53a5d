"""The supervisor as `zhongtai up` starts it: a process of its own, with a small child in the worker's place."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer

from connectors import broker, kafka
from connectors.broker import layout
from connectors.processes import Held, Ticket, find, lock, ticket
from connectors.settings import Settings
from contracts.topics import TOPICS
from pipelines import supervisor, supervisor_state
from pipelines.supervisor_state import State

# Says that it lives, and ends politely when told to.
WORKER = (sys.executable, "-u", "-c", "import time; print('at work'); time.sleep(600)")
TOPIC = TOPICS[0].name


def until(holds: Callable[[], object], within_s: float = 90.0) -> None:
    limit = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.05)


def is_running(home: Path) -> State | None:
    state = supervisor_state.running(home)
    return state if state and state.phase == "running" else None


def pid_of(home: Path, name: str) -> int | None:
    state = supervisor_state.running(home)
    child = state.child(name) if state else None
    return child.ticket.pid if child and child.ticket else None


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in [name for name in os.environ if name.startswith("ZHONGTAI_")]:
        monkeypatch.delenv(name)
    yield tmp_path
    supervisor_state.shut(tmp_path)


@pytest.fixture
def beside(home: Path, kafka_broker: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home that uses a cluster which is not its own, so that its supervisor has a worker only."""
    monkeypatch.setenv("ZHONGTAI_KAFKA", kafka_broker.bootstrap)
    return Settings(home=home, kafka=kafka_broker.bootstrap)


def test_pauses_grow_from_a_fifth_of_a_second_to_ten_seconds_at_most() -> None:
    assert supervisor.pause(0, 0.0) == 0.2
    assert [supervisor.pause(n, 0.0) for n in range(20)] == sorted(supervisor.pause(n, 0.0) for n in range(20))
    assert max(supervisor.pause(n, 1.0) for n in range(2000)) == pytest.approx(10.0)
    assert supervisor.pause(3, 0.0) < supervisor.pause(3, 0.5)


def test_a_log_is_cut_in_place_and_its_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    with path.open("ab", buffering=0) as writer:
        writer.write(b"old" * 100)
        supervisor.bound(path, limit=1000)
        assert path.stat().st_size == 300
        supervisor.bound(path, limit=100)
        writer.write(b"new")
    assert path.read_bytes() == b"new"
    assert (tmp_path / "x.log.1").read_bytes() == b"old" * 100


def test_a_lock_is_for_one_at_a_time(tmp_path: Path) -> None:
    with lock(tmp_path / "l"), pytest.raises(Held), lock(tmp_path / "l"):
        pass
    with lock(tmp_path / "l"):
        pass


def test_an_orphan_is_not_looked_for_under_a_number_that_somebody_else_has_now(home: Path) -> None:
    me = ticket(os.getpid())
    stale = Ticket(pid=me.pid, since_boot=me.since_boot - 100)
    child = supervisor_state.Child(name="worker", ticket=stale, started_at=None, restarts=0, last_exit="")
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    state = State(ticket=stale, phase="running", kafka="", worker=True, started_at=long_ago, children=(child,))
    supervisor_state.write(home, state)
    assert supervisor_state.running(home) is None
    assert supervisor_state.shut(home) is False


@pytest.mark.kafka
def test_a_worker_that_dies_is_started_again_and_its_deaths_are_told(beside: Settings) -> None:
    supervisor_state.launch(beside, WORKER)
    until(lambda: is_running(beside.home))
    first = pid_of(beside.home, "worker")
    assert first
    until(lambda: "at work" in supervisor_state.worker_log(beside.home).read_text())
    os.kill(first, signal.SIGKILL)
    until(lambda: pid_of(beside.home, "worker") not in (None, first))
    state = is_running(beside.home)
    assert state is not None
    worker = state.child("worker")
    assert worker is not None
    assert (worker.restarts, worker.last_exit) == (1, "killed by SIGKILL")
    until(lambda: supervisor_state.worker_log(beside.home).read_text().count("at work") == 2)


@pytest.mark.kafka
def test_a_worker_that_cannot_live_is_tried_again_and_again_ever_more_slowly(beside: Settings) -> None:
    supervisor_state.launch(beside, (sys.executable, "-c", "import sys; print('no luck', flush=True); sys.exit(70)"))

    def restarts() -> int:
        state = supervisor_state.read(beside.home)
        child = state.child("worker") if state else None
        return child.restarts if child else 0

    until(lambda: restarts() >= 3)
    log = supervisor_state.last_words(supervisor_state.log_file(beside.home))
    assert "the worker ended (exit status 70); it starts again in 0." in log
    until(lambda: supervisor_state.last_words(supervisor_state.worker_log(beside.home)) == "no luck")


@pytest.mark.kafka
def test_a_second_supervisor_ends_in_peace_and_the_first_goes_on(beside: Settings) -> None:
    supervisor_state.launch(beside, WORKER)
    until(lambda: is_running(beside.home))
    first = supervisor_state.running(beside.home)
    assert supervisor_state.launch(beside, WORKER).wait(60) == supervisor.HELD
    assert supervisor_state.running(beside.home) == first


@pytest.mark.kafka
def test_told_to_stop_it_stops_its_worker_and_says_so(beside: Settings) -> None:
    launched = supervisor_state.launch(beside, WORKER)
    until(lambda: is_running(beside.home))
    worker = pid_of(beside.home, "worker")
    assert worker
    its = ticket(worker)
    assert supervisor_state.shut(beside.home) is True
    assert launched.wait(10) == 0
    assert find(its) is None
    state = supervisor_state.read(beside.home)
    assert state is not None
    assert state.phase == "stopped"
    assert supervisor_state.shut(beside.home) is False


@pytest.mark.kafka
def test_a_supervisor_that_was_killed_leaves_no_second_worker_behind(beside: Settings) -> None:
    killed = supervisor_state.launch(beside, WORKER)
    until(lambda: is_running(beside.home))
    orphan = pid_of(beside.home, "worker")
    assert orphan
    its = ticket(orphan)
    killed.kill()
    killed.wait()
    assert supervisor_state.running(beside.home) is None
    assert find(its), "the worker outlives its supervisor"
    supervisor_state.launch(beside, WORKER)
    until(lambda: is_running(beside.home))
    assert find(its) is None
    assert pid_of(beside.home, "worker") not in (None, orphan)


@pytest.mark.kafka
def test_topics_that_cannot_be_applied_end_the_start_with_the_reason(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHONGTAI_KAFKA", "127.0.0.1:1")
    launched = supervisor_state.launch(Settings(home=home, kafka="127.0.0.1:1"), WORKER)
    assert launched.wait(60) == 4
    state = supervisor_state.read(home)
    assert state is not None
    assert state.phase == "failed"
    assert "does not answer" in state.error


@pytest.mark.kafka
def test_the_broker_and_the_supervisor_may_be_killed_and_the_records_and_the_port_stay(home: Path) -> None:
    settings = Settings(home=home)
    launched = supervisor_state.launch(settings, ())
    until(lambda: is_running(home))
    first = broker.alive(home)
    assert first
    write(settings, b"one")

    os.kill(first.pid, signal.SIGKILL)
    until(lambda: broker.alive(home) not in (None, first))
    second = broker.alive(home)
    assert second
    broker.wait_ready(home, second)
    assert second.port == first.port
    write(settings, b"two")

    launched.kill()
    launched.wait()
    assert broker.alive(home) == second, "the broker outlives its supervisor"
    supervisor_state.launch(settings, ())
    until(lambda: is_running(home))
    third = broker.alive(home)
    assert third
    assert (third.port, third.pid != second.pid) == (first.port, True)
    write(settings, b"three")
    assert sorted(m.value() or b"" for _, run, _ in kafka.read(settings, TOPIC) for m in run) == [
        b"one",
        b"three",
        b"two",
    ]

    assert supervisor_state.shut(home) is True
    assert broker.alive(home) is None
    assert not psutil.pid_exists(third.pid) or find(third.ticket) is None


@pytest.mark.kafka
def test_a_broker_whose_port_was_taken_gets_another_and_the_worker_is_started_again_to_find_it(home: Path) -> None:
    supervisor_state.launch(Settings(home=home), WORKER)
    until(lambda: is_running(home))
    first, worker = broker.alive(home), pid_of(home, "worker")
    assert first
    assert worker
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: layout.free(first.port), within_s=5)
    with socket.create_server((layout.HOST, first.port)):
        until(lambda: broker.alive(home) not in (None, first))
        second = broker.alive(home)
        assert second
        assert second.port != first.port
        until(lambda: pid_of(home, "worker") not in (None, worker))


def write(settings: Settings, value: bytes) -> None:
    producer = Producer(settings.librdkafka())
    producer.produce(TOPIC, value)
    assert producer.flush(30) == 0
