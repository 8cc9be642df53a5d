"""Segment's own Python library, unchanged, sends to our receiver while it is killed and started again: each call counts once.

`make chaos NAME=segment` does the same with ten thousand calls, the whole platform and a broker that dies as well.
"""

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.kafka import read
from connectors.settings import Settings
from contracts.behaviour import Behaviour, event_id
from pipelines.batch import Run
from pipelines.batch.distinct import Seen
from pipelines.jobs import raw_ecommerce_to_event_behaviour as behaviour
from tests.chaos.segment.receiver import Receiver, Sender, environment

CALLS = 900


@pytest.mark.kafka
def test_each_call_of_the_official_client_counts_once_through_restarts(
    kafka_broker: Settings, tenant: str, tmp_path: Path
) -> None:
    about = environment(tmp_path, ZHONGTAI_TENANT=tenant, ZHONGTAI_KAFKA=kafka_broker.bootstrap)
    command = [sys.executable, "-m", "cli.main", "credentials", "set", "segment", "web", "--new"]
    made = subprocess.run(command, env=about, capture_output=True, check=True)
    receiver = Receiver(about)
    receiver.start()
    try:
        sender = Sender(receiver.at, json.loads(made.stdout)["secret"], CALLS, 250, gzip=True)
        sender.start()
        for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            time.sleep(0.7)
            status = receiver.end(how)
            assert status == (0 if how is signal.SIGTERM else -how)
            receiver.start()
        assert sender.sending or len(sender.ids) == CALLS
        sender.finish()
        assert receiver.lives == 4
        assert "zhongtai_receive_records_total" in receiver.metrics()
    finally:
        receiver.end(signal.SIGKILL)
    assert sender.dropped == []
    events = _counted(Settings(home=tmp_path, tenant=tenant, kafka=kafka_broker.bootstrap))
    assert len(events) == len(sender.ids) == CALLS
    assert {one.event_id for one in events} == {event_id(tenant, id) for id in sender.ids}
    assert all(one.identifiers for one in events)


def _counted(settings: Settings) -> list[Behaviour]:
    """What the job makes of the raw records, each partition by itself as the runtime does it."""
    job = behaviour.job(settings)
    assert job.distinct is not None
    seen: dict[int, Seen] = {}
    events: list[Behaviour] = []
    for partition, messages, _ in read(settings, "raw.ecommerce"):
        mine = [m for m in messages if (m.key() or b"").startswith(f"{settings.tenant}|".encode())]
        if not mine:
            continue
        now = int(datetime.now(UTC).timestamp() * 1000)
        columns = ([m.offset() for m in mine], [m.key() for m in mine], [m.value() for m in mine], [now] * len(mine))
        run = Run("raw.ecommerce", partition, 0, 0, *columns, [m.headers() for m in mine])  # type: ignore[arg-type]
        judged = seen.setdefault(partition, Seen(job.distinct)).judge(job.prepare(run))
        assert not judged.late
        events += [event.record for event in judged.fresh]
    assert all(isinstance(one, Behaviour) for one in events)
    return events
