"""What a home's `kafka/` folder holds. Texts and small files only: nothing here starts or signals a process.

    broker.json          the last broker that was started here: process, ports (kept for the next start)
    server.properties    written at every start     log4j2.xml   likewise
    data/                Kafka's log; cluster id in meta.properties
    log/broker.log       what the broker says, bounded      log/broker.out   what the JVM prints, of one start

Paths inside the files are relative, and the broker runs in this folder: a home's name may hold spaces, commas and
Chinese characters, and server.properties may not (Latin-1, and log.dirs is split at commas).
"""

import random
import socket
import time
from datetime import datetime
from pathlib import Path

import msgspec

from connectors import atomic
from connectors.processes import Ticket

# Below the range from which Linux (32768…) and macOS (49152…) take ports for outgoing connections: a client that keeps
# asking for a broker that is down could otherwise be given the broker's own port, connect to itself, and keep it.
PORTS = range(20_000, 30_000)
HOST = "127.0.0.1"
MESSAGE_BYTES = 17 << 20


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    pid: int
    since_boot: float
    port: int
    controller_port: int
    started_at: datetime

    @property
    def ticket(self) -> Ticket:
        return Ticket(pid=self.pid, since_boot=self.since_boot)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"


def folder(home: Path) -> Path:
    return home / "kafka"


def mark(home: Path) -> str:
    """The argument by which the broker of this home is recognised."""
    return f"-Dzhongtai.home={home.resolve()}"


def read(home: Path) -> Broker | None:
    """The last broker started here, running or not."""
    try:
        return msgspec.json.decode((folder(home) / "broker.json").read_bytes(), type=Broker)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write(home: Path, broker: Broker) -> None:
    atomic.write(folder(home) / "broker.json", msgspec.json.encode(broker))


def cluster(home: Path) -> str | None:
    """The cluster id of the data kept here; None before the first start."""
    try:
        lines = (folder(home) / "data" / "meta.properties").read_text().splitlines()
    except FileNotFoundError:
        return None
    return next((line.partition("=")[2] for line in lines if line.startswith("cluster.id=")), None)


def free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        # As the broker does: connections that linger from its last life are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def ports(last: Broker | None, patience_s: float = 3.0) -> tuple[int, int]:
    """For clients and for the controller: as at the last start, so that clients reconnect, unless one stays taken."""
    # A broker that was killed is gone from the list of processes a little before its sockets are.
    limit = time.monotonic() + patience_s
    while last:
        if free(last.port) and free(last.controller_port):
            return last.port, last.controller_port
        if time.monotonic() > limit:
            break
        time.sleep(0.05)
    found = (port for port in random.sample(PORTS, len(PORTS)) if free(port))
    return next(found), next(found)


def server_properties(port: int, controller_port: int, data: str = "data") -> str:
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"CLIENTS://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENTS",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        # Retention counts from ingestion (contracts/topics.py says why).
        "log.message.timestamp.type": "LogAppendTime",
        "message.max.bytes": MESSAGE_BYTES,
        "replica.fetch.max.bytes": MESSAGE_BYTES,
        # One node: nothing can be replicated, and few partitions start faster than fifty.
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        # After a kill the controller refuses the new broker until the old one's session is over: 3 seconds, not 9.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # Not sooner: a broker that starts would roll back what timed out while it was down before it knows its own
        # partitions, and never write the markers. Readers of committed records would then wait for ever (seen with 1 s).
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 10_000,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 2000,
        # A machine may be off for longer than Kafka's week; its jobs must still know where they stood.
        "offsets.retention.minutes": 10 * 365 * 24 * 60,
        "log.cleaner.dedupe.buffer.size": 32 << 20,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "num.recovery.threads.per.data.dir": 2,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


LOG_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN" shutdownHook="disable">
  <Appenders>
    <RollingFile name="file" fileName="log/broker.log" filePattern="log/broker.log.%i">
      <PatternLayout pattern="%d{ISO8601}{UTC}Z %p %m (%c{1})%n"/>
      <SizeBasedTriggeringPolicy size="10 MB"/>
      <DefaultRolloverStrategy max="2"/>
    </RollingFile>
  </Appenders>
  <Loggers><Root level="INFO"><AppenderRef ref="file"/></Root></Loggers>
</Configuration>
"""
