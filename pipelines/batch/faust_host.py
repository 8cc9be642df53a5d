"""The host: one Faust app, whose boot strategy starts a service for each job.

What is used of Faust: its worker, service tree, signals and sensors, and its `BootStrategy` extension point; all public. What
is not: agents, tables, its commits and its exactly-once, none of which held when they were measured
(docs/decisions/0001-host.md). Each service owns an aiokafka consumer, which is Faust's own driver, in a group of its job's.
"""

import asyncio
import gc
import logging
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import aiokafka
import aiokafka.helpers
import faust
import mode
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faust.app.base import BootStrategy

from connectors import logs
from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.errors import NotReady, ZhongtaiError
from contracts.topics import TOPICS
from pipelines.batch import fence, fetch, metrics
from pipelines.batch.engine import TP, Engine, Owned
from pipelines.batch.job import Job
from pipelines.batch.kafka_log import RESTORE_S, At, KafkaLog, nothing
from pipelines.batch.mender import Mender
from pipelines.batch.ticker import Ticker

log = logging.getLogger(__name__)

SESSION_MS = 10_000
MOST_IDLE_MS = 7 * 24 * 3600 * 1000
FETCH_MAX_BYTES = 4 << 20  # of a partition at a time, compressed; a run is held several times over on its way
COMMIT_INTERVAL_S = 0.1
STUCK_S = 60
ASLEEP_S = RESTORE_S + STUCK_S
BEHIND = 50_000  # records: from here on a job commits more seldom, and gets on faster
TICKED = tuple(topic.name for topic in TOPICS if topic.ticked)


@contextmanager
def ending_the_process(job: Job) -> Iterator[None]:
    """What fails inside ends the process. aiokafka would swallow a listener's failure, and go on owning partitions."""
    try:
        yield
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        end_process(job.name, error)


class Listener(aiokafka.abc.ConsumerRebalanceListener):  # type: ignore[misc]
    """Tells the engine of assignments and revocations, inside aiokafka's join."""

    def __init__(self, engine: Engine, client: aiokafka.AIOKafkaConsumer, at: At) -> None:
        self._engine = engine
        self._client = client
        self._at = at

    async def on_partitions_revoked(self, _: Iterable[Any]) -> None:
        """Comes before the join request: the broker still takes commits of the old generation."""
        self._at("before revoke")
        with ending_the_process(self._engine.job):
            await self._engine.revoke()
        self._at("after revoke")

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Comes after the join. No heartbeats are sent until this returns, so the engine restores in the background."""
        with ending_the_process(self._engine.job):
            self._engine.assign([(tp.topic, tp.partition) for tp in assigned], fetch.membership(self._client))
        self._at("after assign")


class JobService(mode.Service):
    """One job: its consumer, its engine and its producer, in the worker's event loop."""

    def __init__(self, job: Job, settings: Settings, slot: str, at: At, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        self._settings = settings
        self._slot = slot
        self._log = KafkaLog(settings, job.group, slot, at)
        self._at = at
        self._client: aiokafka.AIOKafkaConsumer = None
        self.engine = Engine(job, self._log, interval_s=COMMIT_INTERVAL_S, seek=self._seek, ticked=TICKED)

    async def on_start(self) -> None:
        """First settle what an earlier process of this slot left open, and only then join the group."""
        await self._log.open()
        self._client = aiokafka.AIOKafkaConsumer(**client_settings(self._settings, self.job, self._slot))
        await self._client.start()
        self._client.subscribe(list(self.job.inputs), listener=Listener(self.engine, self._client, self._at))
        self.add_future(self._drain())
        self.add_future(self._watch())

    async def on_stop(self) -> None:
        """Commit what was applied, and leave. Bounded: a broker that is gone must not keep the process."""
        self._log.give_up_reading()
        try:
            await asyncio.wait_for(self._leave(), timeout=SESSION_MS / 1000)
        except TimeoutError:
            log.warning("%s: the broker did not answer; what is uncommitted will be done again", self.job.name)
        self._log.close()

    async def _leave(self) -> None:
        await self.engine.revoke()
        if self._client is not None:
            await self._client.stop()

    def _seek(self, tp: TP, offset: int) -> None:
        topic_partition = aiokafka.TopicPartition(*tp)
        if topic_partition in self._client.assignment():
            self._client.seek(topic_partition, offset)

    async def _drain(self) -> None:
        """Hand fetched runs to the engine one at a time: while a step is slow, nothing more is fetched."""
        with ending_the_process(self.job):
            while not self.should_stop:
                if self.engine.disturbed.is_set():
                    self._calm()
                runs = await fetch.take_runs(self._client, timeout=0.5)
                self.engine.behind = self._lag() > BEHIND
                for run in runs:
                    await self.engine.apply(run)

    async def _watch(self) -> None:
        """A worker that has work and commits nothing is worse than none: after a minute of that, it goes.

        So does one whose partitions do not come alive, when even a long restore would have ended.
        """
        loop = asyncio.get_running_loop()
        moved, awake, before = loop.time(), loop.time(), -1
        while not self.should_stop:
            await asyncio.sleep(5)
            if self.engine.stats.transactions != before or not self._lag():
                moved, before = loop.time(), self.engine.stats.transactions
            if all(owned.live for owned in self.engine.owned.values()):
                awake = loop.time()
            if loop.time() - moved > STUCK_S:
                end_process(self.job.name, NotReady(f"nothing was committed for {STUCK_S} s, and there is work.", ""))
            if loop.time() - awake > ASLEEP_S:
                end_process(self.job.name, NotReady(f"no partition came alive in {ASLEEP_S:.0f} s.", ""))

    def _lag(self) -> int:
        return lag(self._client, self.engine.owned)

    def _calm(self) -> None:
        self.engine.disturbed.clear()
        if self.engine.failure is not None:
            raise self.engine.failure
        fetch.rejoin(self._client)


def lag(client: aiokafka.AIOKafkaConsumer, owned: Mapping[TP, Owned]) -> int:
    """Records of our live partitions that the broker has told us of and that are not committed yet.

    While the group joins, the client has let go of partitions that the engine is still to be told of: they do not count.
    """
    held = client.assignment()
    places = ((one, aiokafka.TopicPartition(*tp)) for tp, one in owned.items() if one.live)
    ends = ((one, client.last_stable_offset(place)) for one, place in places if place in held)
    return sum(max(0, end - one.done) for one, end in ends if end is not None)


def end_process(name: str, error: BaseException) -> None:
    """Say what happened, and go. Restarting in place is how records get lost; the supervisor starts a clean process."""
    if isinstance(error, ZhongtaiError):
        log.critical("%s stopped: %s %s", name, error.wrong, error.do, extra={"job": name})
    else:
        log.critical("%s stopped:\n%s", name, "".join(traceback.format_exception(error)), extra={"job": name})
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(70)


def client_settings(settings: Settings, job: Job, slot: str) -> dict[str, Any]:
    """What aiokafka needs to know."""
    security: dict[str, Any] = {"security_protocol": settings.security}
    if settings.security.startswith("SASL"):
        security |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_user,
            "sasl_plain_password": settings.sasl_password,
        }
    if settings.security.endswith("SSL"):
        security["ssl_context"] = aiokafka.helpers.create_ssl_context(cafile=settings.ca or None)
    return security | {
        "bootstrap_servers": settings.bootstrap,
        "client_id": f"{job.name}-{slot}",
        "group_id": job.group,
        # A static member that comes back within the session timeout gets its partitions back without a rebalance.
        "group_instance_id": f"{job.name}-{slot}",
        "partition_assignment_strategy": [RoundRobinPartitionAssignor],
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "session_timeout_ms": SESSION_MS,
        "heartbeat_interval_ms": SESSION_MS // 5,
        "rebalance_timeout_ms": SESSION_MS * 3,
        # aiokafka takes a consumer for forgotten that was never without records for so long, which is what a backlog looks
        # like: it gives the partitions up, and does not join again. Whether a job gets on is for `_watch` to see.
        "max_poll_interval_ms": MOST_IDLE_MS,
        # A group that forms while the broker starts may see no partitions: look again soon.
        "metadata_max_age_ms": 10_000,
        "fetch_max_wait_ms": fetch.QUIET[0],
        "fetch_min_bytes": fetch.QUIET[1],
        "max_partition_fetch_bytes": FETCH_MAX_BYTES,
        "fetch_max_bytes": 8 * FETCH_MAX_BYTES,
    }


class JobsOnly(BootStrategy):
    """Start sensors and our jobs, and none of Faust's own consumer, tables, agents or web server."""

    def server(self) -> Iterable[Any]:
        app = cast(JobsApp, self.app)
        services = [
            JobService(job, app.platform, app.slot, app.at, loop=app.loop, beacon=app.beacon) for job in app.jobs
        ]
        note = app.platform.home / "worker" / f"{app.slot}.json"
        metrics.serve(lambda: [(s.job.name, s.engine) for s in services], app.platform.metrics, note)
        Mender(app.platform, [topic.name for topic in TOPICS]).start()
        if TICKED and any(job.tick for job in app.jobs):
            Ticker(app.platform, app.slot, TICKED, SystemClock(), lambda e: end_process("ticker", e), at=app.at).start()
        return self._chain(self.sensors(), services)


class JobsApp(faust.App):
    BootStrategy = JobsOnly

    def __init__(self, jobs: Sequence[Job], settings: Settings, slot: str, at: At) -> None:
        self.at = at
        self.jobs = jobs
        self.platform = settings
        self.slot = slot
        super().__init__(
            "zhongtai",
            broker=f"kafka://{settings.bootstrap.split(',')[0]}",
            # Faust wants a folder for tables; there are none, since all state is in Kafka.
            datadir=str(settings.home / "worker" / "faust"),
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
        )

    async def on_started(self) -> None:
        """Faust waits here for the recovery of its tables; there are none."""
        if self.on_startup_finished:
            await self.on_startup_finished()


def work(jobs: Sequence[Job], settings: Settings, slot: str, at: At = nothing) -> None:
    """Run `jobs` in this process until SIGTERM or SIGINT. Does not return. `at` is called at each named step."""
    fence.self_test()
    fetch.self_test()
    (settings.home / "worker").mkdir(parents=True, exist_ok=True)  # Faust makes its folder, and not that one's parent
    app = JobsApp(jobs, settings, slot, at)
    # A run is tens of thousands of records, alive at once and without cycles: at the usual threshold (700) the collector
    # looks through all of them again and again, which cost more than the work itself.
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    said = logs.config(settings.logs, slot=slot)
    faust.Worker(app, loglevel="INFO", logging_config=said, redirect_stdouts=False).execute_from_commandline()
