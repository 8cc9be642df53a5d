"""The embedded broker: its jars, its files, its life and its death."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer

from connectors import broker, kafka, topics
from connectors.broker import jars, layout
from connectors.processes import Ticket, end, find, ticket
from connectors.settings import Settings
from contracts.errors import Corrupt, NotReady
from contracts.topics import Topic

RECORD = Topic(name="kept", record="x", key="x", partitioned_by="x", title=("x", "x"), retention_days=1, partitions=1)


# ── jars ──


def two_jars(folder: Path) -> tuple[jars.Jar, ...]:
    for name in ("a", "b"):
        (folder / f"{name}-1.jar").write_bytes(name.encode())
    return tuple(jars.Jar("g", n, "1", jars.sha256(folder / f"{n}-1.jar")) for n in ("a", "b"))


def test_a_jar_with_a_wrong_hash_is_refused(tmp_path: Path) -> None:
    wanted = two_jars(tmp_path)
    (tmp_path / "b-1.jar").write_bytes(b"other")
    with pytest.raises(Corrupt, match=r"b-1\.jar is not the file that jars\.txt lists") as refusal:
        jars.verify(tmp_path, wanted)
    assert str(tmp_path) in refusal.value.do


def test_a_missing_jar_and_one_that_is_not_listed_are_refused(tmp_path: Path) -> None:
    wanted = two_jars(tmp_path)
    assert [path.name for path in jars.verify(tmp_path, wanted)] == ["a-1.jar", "b-1.jar"]
    (tmp_path / "c-1.jar").touch()
    with pytest.raises(Corrupt, match=r"Not a listed part of Kafka: c-1\.jar"):
        jars.verify(tmp_path, wanted)
    (tmp_path / "c-1.jar").unlink()
    (tmp_path / "a-1.jar").unlink()
    with pytest.raises(Corrupt, match=r"missing: a-1\.jar"):
        jars.verify(tmp_path, wanted)


def test_the_list_names_each_jar_once_with_a_hash_and_binds_kafkas_log_to_log4j() -> None:
    listed = jars.listed(jars.LIST.read_text())
    assert len({jar.file for jar in listed}) == len(listed)
    assert all(len(jar.sha256) == 64 for jar in listed)
    log4j = {jar.artifact: jar.version for jar in listed if jar.artifact.startswith("log4j")}
    assert set(log4j) == {"log4j-api", "log4j-core", "log4j-slf4j-impl"}
    assert len(set(log4j.values())) == 1


def test_another_list_has_another_folder_under_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jars.folder_of("a").parent == tmp_path / "zhongtai"
    assert jars.folder_of("a") != jars.folder_of("b")


# ── whose process is it? ──


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield child
    child.kill()
    child.wait()


def test_a_process_that_got_the_brokers_old_number_is_not_killed(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    for since_boot in (ticket(sleeper.pid).since_boot, 1.0):
        recycled = layout.Broker(
            pid=sleeper.pid,
            since_boot=since_boot,
            port=1,
            controller_port=2,
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        layout.write(tmp_path, recycled)
        assert broker.alive(tmp_path) is None
        assert broker.stop(tmp_path) is False
    assert sleeper.poll() is None


def test_a_ticket_fits_one_process_only(sleeper: subprocess.Popen[bytes]) -> None:
    right = ticket(sleeper.pid)
    assert find(right) == psutil.Process(sleeper.pid)
    assert find(Ticket(pid=right.pid, since_boot=right.since_boot - 5)) is None
    assert find(right, mark="another command") is None
    assert end(right) is True
    assert end(right) is False


def test_the_dead_child_that_nobody_asked_for_counts_as_dead(sleeper: subprocess.Popen[bytes]) -> None:
    its = ticket(sleeper.pid)
    sleeper.kill()
    deadline = time.monotonic() + 5
    while find(its) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert psutil.Process(sleeper.pid).status() == psutil.STATUS_ZOMBIE
    assert find(its) is None


# ── ports ──


def test_ports_are_kept_while_they_are_free_and_given_up_when_one_is_taken() -> None:
    first = layout.ports(None)
    last = layout.Broker(
        pid=1, since_boot=1.0, port=first[0], controller_port=first[1], started_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert layout.ports(last) == first
    with socket.create_server((layout.HOST, first[1])):
        assert not set(layout.ports(last, patience_s=0)) & set(first)


# ── a real broker ──


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One for both tests: the second wants a home that a broker has left in order, as the first leaves it."""
    # A folder name that server.properties could not hold.
    folder = tmp_path_factory.mktemp("broker") / "家, one"
    yield folder
    broker.stop(folder, grace_s=5)


def write_and_read(settings: Settings, value: bytes) -> list[bytes | None]:
    producer = Producer(settings.librdkafka())
    producer.produce("kept", value)
    assert producer.flush(20) == 0
    return [message.value() for _, run, _ in kafka.read(settings, "kept") for message in run]


@pytest.mark.kafka
def test_a_broker_killed_without_warning_comes_back_with_its_records_and_its_port(home: Path) -> None:
    first = broker.start(home)
    settings = Settings(home=home)
    topics.apply(settings, [RECORD])
    assert write_and_read(settings, b"before") == [b"before"]
    os.kill(first.pid, signal.SIGKILL)
    second = broker.start(home)
    assert second.port == first.port
    assert second.pid != first.pid
    assert write_and_read(settings, b"after") == [b"before", b"after"]
    assert broker.start(home) == second, "a second start finds the first"
    assert broker.stop(home) is True
    assert broker.alive(home) is None
    assert broker.stop(home) is False
    assert "shut down completed" in broker.log_end(home, 200)
    assert oct((home / "kafka").stat().st_mode)[-3:] == "700"


@pytest.mark.kafka
def test_a_broker_that_cannot_start_shows_the_end_of_its_log(home: Path) -> None:
    if not (home / "kafka" / "data" / "meta.properties").exists():  # this test alone
        broker.start(home)
        broker.stop(home)
    (home / "kafka" / "data" / "meta.properties").write_text("cluster.id=x\nversion=1\nnode.id=9\n")
    with pytest.raises(NotReady, match="Stored node id 9 doesn't match") as refusal:
        broker.start(home)
    assert "broker.log" in refusal.value.do
    assert broker.alive(home) is None
