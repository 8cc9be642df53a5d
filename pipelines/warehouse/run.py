"""One warehouse run: load, then publish. One at a time, and safe to kill at any step."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from connectors import processes
from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.clock import Clock
from contracts.errors import NotReady
from pipelines.warehouse import load, publish, quality
from pipelines.warehouse.load import At, Progress
from pipelines.warehouse.quality import Check
from pipelines.warehouse.reference import load_reference
from pipelines.warehouse.source import KafkaSource, Source

# Every step at which a run may die, in order.
STEPS = (*load.STEPS, "reference.loaded", *publish.STEPS)


class Report(msgspec.Struct, frozen=True):
    """What a run did. `rows` counts what was new in each topic; `published` is false when nothing was new."""

    rows: dict[str, int]
    version: int
    seconds: float
    published: bool


def nowhere(step: str) -> None:
    """The usual `at`: nothing happens at any step."""


def run(
    settings: Settings,
    progress: Progress,
    at: At = nowhere,
    *,
    fresh: bool = False,
    source: Source | None = None,
    clock: Clock | None = None,
    check: Check = quality.check,
) -> Report:
    """Loads what is new and publishes it. `at` is called with the name of each step in `STEPS` once it is done.

    With `fresh` the warehouse is loaded again from the beginning; what is published stays until the new version is.
    Raises `NotReady` while another run is under way.
    """
    clock = clock or SystemClock()
    started = clock.now()
    with _only_run(settings.home / "warehouse" / "lock"):
        warehouse = settings.home / "warehouse" / "warehouse.duckdb"
        if fresh:
            for file in warehouse.parent.glob("warehouse.duckdb*"):
                file.unlink()
        con = load.open_warehouse(warehouse, settings.tenant)
        try:
            rows = load.load(con, source or KafkaSource(settings), settings.tenant, progress, at)
            load_reference(con, settings)
            at("reference.loaded")
            con.execute("CHECKPOINT")
        finally:
            con.close()
        done = publish.publish(settings.home, warehouse, started, clock, progress=progress, at=at, check=check)
    return Report(rows, done.version, round((clock.now() - started).total_seconds(), 3), done.new)


@contextmanager
def _only_run(file: Path) -> Iterator[None]:
    """Holds the lock, which names us. The system releases it when the process dies, however it dies."""
    try:
        with processes.lock(file):
            file.write_text(str(os.getpid()))
            yield
    except processes.Held:
        raise NotReady(f"A run is under way (pid {file.read_text()}).", "Wait until it has ended.") from None
