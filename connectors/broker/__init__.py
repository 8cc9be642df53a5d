"""The embedded broker: one node of Apache Kafka that needs no root, no Java and no Maven.

    jars.py      Kafka's jars, each one by its hash (`jars.txt`; `lock.py` writes that list anew)
    layout.py    what a home's `kafka/` folder holds: ports, server.properties, log settings; starts nothing
    process.py   start, stop, is it alive

It creates no topic: `connectors.topics` does, and auto-creation is off. It does not watch itself:
`pipelines.supervisor` does.
"""

from connectors.broker.jars import ensure_jars
from connectors.broker.layout import Broker
from connectors.broker.process import STOP_S, alive, log_end, spawn, start, stop, wait_ready

__all__ = ["STOP_S", "Broker", "alive", "ensure_jars", "log_end", "spawn", "start", "stop", "wait_ready"]
