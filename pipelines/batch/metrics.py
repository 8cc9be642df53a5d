"""What a worker tells about its jobs, for Prometheus and for `zhongtai status`: numbers and names, never a record's value."""

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipelines.batch.engine import Engine
from pipelines.batch.job import Telling

log = logging.getLogger(__name__)


class Kind(NamedTuple):
    """A metric: how it is read from an engine, its unit and meaning in English and Chinese."""

    counter: bool
    read: Callable[[Engine], float]
    english: str
    chinese: str


# Name → what it is. The one list of the metrics that every job has; docs/metrics.md is written from it, and from what jobs
# have of their own.
METRICS: dict[str, Kind] = {
    "zhongtai_records": Kind(True, lambda e: e.stats.records, "Input records applied", "已处理输入记录数"),
    "zhongtai_outputs": Kind(
        True, lambda e: e.stats.outputs, "Records written, state included", "已写出记录数（含状态）"
    ),
    "zhongtai_rejected": Kind(
        True, lambda e: e.stats.refused, "Records sent to dead letters, or repaired", "死信与修复记录数"
    ),
    "zhongtai_transactions": Kind(True, lambda e: e.stats.transactions, "Transactions committed", "已提交事务数"),
    "zhongtai_transactions_aborted": Kind(True, lambda e: e.stats.aborted, "Transactions aborted", "已中止事务数"),
    "zhongtai_transactions_fenced": Kind(
        True,
        lambda e: e.stats.fenced,
        "Transactions refused, because the partitions had another owner",
        "被隔离拒绝的事务数",
    ),
    "zhongtai_batch_records": Kind(
        False, lambda e: e.stats.batch, "Records of the last transaction", "最近一次事务的记录数"
    ),
    "zhongtai_commit_seconds": Kind(
        False, lambda e: e.stats.commit_s, "Duration of the last transaction, seconds", "最近一次事务耗时（秒）"
    ),
    "zhongtai_restore_seconds": Kind(
        False,
        lambda e: e.stats.restore_s,
        "Duration of the last assignment, restore included, seconds",
        "最近一次分配与恢复耗时（秒）",
    ),
    "zhongtai_state_keys": Kind(
        False, lambda e: sum(len(o.state) for o in e.owned.values() if o.state), "Keys of state held", "状态键数量"
    ),
    "zhongtai_partitions_live": Kind(
        False,
        lambda e: sum(o.live for o in e.owned.values()),
        "Input partitions that are worked on",
        "在处理的输入分区数",
    ),
    "zhongtai_uncommitted_offsets": Kind(
        False,
        lambda e: sum(o.pos - o.done for o in e.owned.values()),
        "Offsets applied and not yet committed",
        "已处理未提交位点数",
    ),
}


class Jobs(Collector):
    """Reads the engines when it is asked."""

    def __init__(self, engines: Callable[[], Iterable[tuple[str, Engine]]]) -> None:
        self._engines = engines

    def collect(self) -> Iterator[Metric]:
        engines = list(self._engines())
        for name, kind in METRICS.items():
            family = (CounterMetricFamily if kind.counter else GaugeMetricFamily)(name, kind.english, labels=["job"])
            for job, engine in engines:
                family.add_metric([job], kind.read(engine))
            yield family
        for job, engine in engines:
            if engine.job.tells is not None:
                yield from _own(job, engine.job.tells)


def _own(job: str, tells: Telling) -> Iterator[Metric]:
    families = {
        name: GaugeMetricFamily(name, gauge.english, labels=["job", *gauge.labels])
        for name, gauge in tells.gauges.items()
    }
    for name, labels, value in tells.read():
        families[name].add_metric([job, *labels], value)
    yield from families.values()


def serve(engines: Callable[[], Iterable[tuple[str, Engine]]], address: str, note: Path) -> None:
    """Answers Prometheus at `address` (host:port; port 0: a free one), and notes where in the file `note`."""
    registry = CollectorRegistry()
    registry.register(Jobs(engines))
    host, _, port = address.rpartition(":")
    server, _ = start_http_server(int(port), host, registry)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"pid": os.getpid(), "metrics": f"http://{host}:{server.server_port}/metrics"}))
    log.info("metrics at http://%s:%d/metrics", host, server.server_port)
