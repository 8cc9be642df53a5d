"""The twin's year of receipts as topics and as a lake: what the tills sent goes through the product's own jobs, without a Kafka.

Made once for each seed and kept in the bench's cache: the records, and a home whose lake holds all of them but the last day's.
"""

import datetime
import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from centers.stock.movements import movements
from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.errors import Corrupt
from contracts.keys import key, partition
from contracts.receipts import Receipt, ReceiptMarks
from contracts.topics import PARTITIONS
from contracts.wire import encode
from pipelines.batch import Run as RawRun
from pipelines.jobs import raw_pos_to_event_receipt as pos
from pipelines.warehouse import load
from pipelines.warehouse.source import Log, Run
from pipelines.warehouse.store import in_home
from twin.faults import Rates
from twin.world import Recipe, make

TENANT = "demo"
DAYS = 360
LAST = datetime.date(2026, 11, 20)
CHUNK = 2_000
TOPICS = ("event.receipt", "event.stock_movement")

Say = Callable[[str], None]


class Topics:
    """A source that plays the year up to a day. Offsets count from 0 without holes."""

    def __init__(self, folder: Path, upto: int) -> None:
        self._days = [folder / f"{day:03}.pickle" for day in range(upto)]
        self._ends = {(topic, p): 0 for topic in TOPICS for p in range(PARTITIONS)}
        for file in self._days:
            for topic, p, *_, next_offset, _ in pickle.loads(file.read_bytes()):  # noqa: S301 (we wrote it)
                self._ends[topic, p] = next_offset

    def log(self, topic: str) -> Log:
        return Log("bench", f"bench/{topic}", {p: (0, self._ends.get((topic, p), 0)) for p in range(PARTITIONS)})

    def runs(self, topic: str, start: Mapping[int, int]) -> Iterator[Run]:
        for file in self._days:
            for of, p, offsets, keys, values, next_offset, times in pickle.loads(file.read_bytes()):  # noqa: S301 (we wrote it)
                if of == topic and next_offset > start[p]:
                    yield Run(p, offsets, keys, values, next_offset, times)


def lake(cache: Path, seed: int, days: int, say: Say) -> tuple[Path, Path]:
    """The home with the lake of all days but the last, and the folder of the records."""
    home, records = cache / f"marts-home-{seed}-{days}", cache / f"marts-records-{seed}-{days}"
    if not (home / "done").exists() or not _fits(home):
        for folder in (home, records):
            shutil.rmtree(folder, ignore_errors=True)
        world = cache / f"marts-world-{seed}-{days}"
        say("making the world")
        rates = Rates(duplicates=0.02, out_of_order=0.05, poison=0)
        recipe = Recipe(base_date=LAST, days=days, scale=1, seed=seed, rates=rates, feeds="pos")
        make(recipe, world)
        shutil.copytree(world / "reference", home / "reference")
        say("receipts through the jobs")
        count = _record(world, home, records, say)
        load_upto(home, records, count - 1, say)
        shutil.rmtree(world)
        (home / "done").write_text(str(count))
    return home, records


def _fits(home: Path) -> bool:
    """Whether a lake that an earlier release made is as this one wants it; tables and columns that are missing are added."""
    try:
        for feed in load.feeds():
            load.open_table(feed, in_home(home), Log("bench", f"bench/{feed.topic}", {}), TENANT)
    except Corrupt:
        return False
    return True


def days_of(home: Path) -> int:
    return int((home / "done").read_text())


def load_upto(home: Path, records: Path, upto: int, say: Say) -> None:
    """Takes what is new in the topics, as they were after so many days, into the home's lake."""
    load.load(in_home(home), Topics(records, upto), TENANT, SystemClock(), say, lambda _: None, lambda _: None)


def _record(world: Path, home: Path, records: Path, say: Say) -> int:
    """One file for each day on which something arrived: runs of both topics. How many."""
    records.mkdir(parents=True)
    settings = Settings(home=home, tenant=TENANT)
    reader = pos.Reader(settings)
    state: dict[bytes, ReceiptMarks] = {}
    ends: dict[tuple[str, int], int] = {}
    files = sorted((world / "feeds" / "pos").glob("*.jsonl"))
    first = datetime.datetime.combine(LAST, datetime.time(), datetime.UTC) - datetime.timedelta(days=len(files) - 1)
    for day, file in enumerate(files):
        taken_ms = int((first + datetime.timedelta(days=day)).timestamp() * 1000)
        lanes: dict[tuple[str, int], list[tuple[bytes, bytes]]] = {}
        lines = file.read_bytes().splitlines()
        for start in range(0, len(lines), CHUNK):
            effects = pos.step(state, reader.prepare(_raw(file.name, lines[start : start + CHUNK], start, taken_ms)))
            state |= effects.changes
            for output in effects.outputs:
                if isinstance(output.record, Receipt):
                    _add(lanes, output.record)
        runs = []
        for (topic, p), lane in lanes.items():
            begin = ends.get((topic, p), 0)
            ends[topic, p] = end = begin + len(lane)
            keys, values = zip(*lane, strict=True)
            runs.append((topic, p, list(range(begin, end)), list(keys), list(values), end, [taken_ms] * len(lane)))
        (records / f"{day:03}.pickle").write_bytes(pickle.dumps(runs))
        say(f"receipts through the jobs: day {day + 1} of {len(files)}")
    return len(files)


def _raw(file: str, lines: list[bytes], start: int, taken_ms: int) -> RawRun:
    """Lines as raw.pos has them."""
    offsets = list(range(start, start + len(lines)))
    headers = [[("zt_file", file.encode()), ("zt_line", str(n + 1).encode())] for n in offsets]
    keys = [key(TENANT, "bench")] * len(lines)
    return RawRun("raw.pos", 0, start, start + len(lines), offsets, keys, lines, [taken_ms] * len(lines), headers)


def _add(lanes: dict[tuple[str, int], list[tuple[bytes, bytes]]], receipt: Receipt) -> None:
    """The receipt and its movements, each to its partition."""
    named = key(receipt.tenant, receipt.store, receipt.till, receipt.business_date, receipt.number)
    lane = lanes.setdefault(("event.receipt", partition(key(receipt.tenant, receipt.store), PARTITIONS)), [])
    lane.append((named, encode(receipt)))
    for movement in movements(receipt, receipt.origin):
        by = partition(key(movement.tenant, movement.sku), PARTITIONS)
        lane = lanes.setdefault(("event.stock_movement", by), [])
        lane.append((key(movement.tenant, movement.movement_id), encode(movement)))
