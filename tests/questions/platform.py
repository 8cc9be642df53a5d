"""A world of tills through the platform without a broker: the jobs' own functions, then a warehouse run."""

import shutil
from datetime import datetime
from pathlib import Path

from connectors.settings import Settings
from contracts.keys import key, partition
from contracts.topics import PARTITIONS
from contracts.wire import decoder, encode
from pipelines.batch import Job, Run, State
from pipelines.jobs import event_receipt_to_event_stock_movement as moving
from pipelines.jobs import raw_pos_to_event_receipt as accepting
from pipelines.warehouse.run import run
from tests.twin.recount import feed_lines
from tests.warehouse.synthetic import Record, Tape, prepared, quiet, unjudged

MOST = 1_000


def published(world: Path, home: Path, received: datetime) -> None:
    """Publishes what the world's tills sent, all of it received at one moment."""
    prepared(home)
    for file in (world / "reference").iterdir():
        shutil.copy(file, home / "reference" / file.name)
    settings = Settings(home=home)
    taken = worked(accepting.job(settings), raw(world), received)
    receipts = [record for record in taken if record.topic == "event.receipt"]
    moved = worked(moving.JOB, receipts, received)
    run(settings, quiet, source=Tape([*taken, *moved], size=20_000), check=unjudged)


def raw(world: Path) -> list[Record]:
    return [Record("raw.pos", 0, key("demo", "till"), line) for _, _, line in feed_lines(world)]


def worked(job: Job, records: list[Record], received: datetime) -> list[Record]:
    """What a job sends for these records, each partition in its order."""
    made: list[Record] = []
    moment = int(received.timestamp() * 1000)
    for p in sorted({record.partition for record in records}):
        state = State(decoder(job.state.record), {}) if job.state else None
        mine = [record for record in records if record.partition == p]
        offsets = list(range(len(mine)))
        values = [record.value or b"" for record in mine]
        keys, times, headers = [record.key for record in mine], [moment] * len(mine), [()] * len(mine)
        whole = Run(job.inputs[0], p, 0, len(mine), offsets, keys, values, times, headers)
        for piece in whole.slices(MOST):
            effects = job.step(state, job.prepare(piece))
            if state is not None:
                state.change(effects.changes)
            made += [Record(o.topic, partition(o.by, PARTITIONS), o.key, encode(o.record)) for o in effects.outputs]
    return made
