"""A small shop with known answers, as records of the contracts. No broker: `Tape` is a source that plays runs."""

import atexit
import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from connectors import published
from connectors.clock import SystemClock
from contracts.dead_letters import DeadLetter
from contracts.keys import key, partition, record_id
from contracts.receipts import Discount, Origin, Receipt, ReceiptLine, Tender, Token, receipt_id
from contracts.stock import Document, StockLevel, StockMovement
from contracts.topics import PARTITIONS
from contracts.wire import encode
from pipelines.warehouse import build, load, project
from pipelines.warehouse.run import set_aside
from pipelines.warehouse.source import Log, Run
from pipelines.warehouse.store import in_home

TENANT = "demo"
KINDS = ("sale", "sale", "sale", "return", "void")


class Record(NamedTuple):
    topic: str
    partition: int
    key: bytes
    value: bytes | None


def receipts(count: int, seed: int = 1, tenant: str = TENANT, stores: int = 3) -> list[Receipt]:
    dice = random.Random(seed)
    return [_receipt(dice, tenant, f"S{n % stores}", n) for n in range(count)]


def _receipt(dice: random.Random, tenant: str, store: str, number: int) -> Receipt:
    kind = dice.choice(KINDS)
    sign = 1 if kind == "sale" else -1
    lines = tuple(
        ReceiptLine(
            line=n + 1,
            sku=f"P{dice.randrange(40)}",
            quantity=sign * dice.randint(1, 5),
            unit="each",
            amount_cents=sign * dice.randint(1, 9_999),
            discounts=(Discount("D1", 5),) if dice.random() < 0.3 else (),
        )
        for n in range(dice.randint(1, 6))
    )
    total = sum(line.amount_cents for line in lines)
    day = f"2026-11-{dice.randint(1, 9):02d}"
    shown = (Token("phone", f"nid{number}", "CIPHERTEXT"),) if dice.random() < 0.4 else ()
    return Receipt(
        tenant=tenant,
        receipt_id=receipt_id(tenant, store, "T1", day, number),
        kind=kind,
        store=store,
        till="T1",
        clerk="C1",
        number=number,
        business_date=day,
        at=f"{day}T10:00:00Z",
        currency="CNY",
        total_cents=total,
        lines=lines,
        tenders=(Tender("cash", total - 7), Tender("card", 7)),
        identifiers=shown,
        products_version=1,
        received_at=f"{day}T10:00:05Z",
        origin=Origin("raw.pos", 0, number, "day.jsonl", number + 1),
    )


def movements(taken: list[Receipt]) -> list[StockMovement]:
    return [
        StockMovement(
            tenant=r.tenant,
            movement_id=record_id(r.tenant, "movement", r.receipt_id, line.line),
            sku=line.sku,
            location=r.store,
            bucket="on_hand",
            quantity=-line.quantity,
            unit=line.unit,
            at=r.at,
            known_at=r.received_at,
            source="pos",
            why=Document("receipt", r.receipt_id, line.line),
            recorded=r.origin,
        )
        for r in taken
        for line in r.lines
    ]


def levels(moved: list[StockMovement]) -> list[StockLevel]:
    """The level after each movement, as a job would write them: many records a key, the last one right."""
    held: dict[tuple[str, str], StockLevel] = {}
    written = []
    for m in moved:
        old = held.get((m.sku, m.location))
        level = StockLevel(
            tenant=m.tenant,
            sku=m.sku,
            location=m.location,
            on_hand=(old.on_hand if old else 0) + m.quantity,
            unit=m.unit,
            movements=(old.movements if old else 0) + 1,
            as_of=max(m.at, old.as_of) if old else m.at,
        )
        held[m.sku, m.location] = level
        written.append(level)
    return written


def dead_letters(count: int, tenant: str = TENANT) -> list[DeadLetter]:
    codes = ("not_json", "unknown_sku", "tenders_differ")
    return [
        DeadLetter(
            tenant=tenant,
            feed="pos",
            id=f"dead{n}",
            status="refused",
            code=codes[n % 3],
            place="lines[0].sku",
            cipher="SECRETBYTES",
            refused_at="2026-11-01T10:00:00Z",
            origin=Origin("raw.pos", 0, n),
        )
        for n in range(count)
    ]


def records(taken: list[Receipt], dead: list[DeadLetter]) -> list[Record]:
    """Everything that the jobs would have written, each topic in an order that the jobs could have written it in."""
    moved = movements(taken)
    return [
        *(_record("event.receipt", r, (r.store, r.till, r.business_date, r.number), (r.store,)) for r in taken),
        *(_record("event.stock_movement", m, (m.movement_id,), (m.sku,)) for m in moved),
        *(_record("state.stock_level", s, (s.sku, s.location), (s.sku,)) for s in levels(moved)),
        *(_record("dlq.pos", d, (d.id,), (d.id,)) for d in dead),
    ]


def _record(topic: str, value: object, parts: tuple[object, ...], by: tuple[object, ...]) -> Record:
    tenant: str = value.tenant  # type: ignore[attr-defined]
    return Record(
        topic, partition(key(tenant, *map(str, by)), PARTITIONS), key(tenant, *map(str, parts)), encode(value)
    )


def shuffled(written: list[Record], seed: int) -> list[Record]:
    """The same records with the partitions interleaved otherwise; order within a partition stays."""
    dice = random.Random(seed)
    lanes: dict[tuple[str, int], list[Record]] = {}
    for record in written:
        lanes.setdefault((record.topic, record.partition), []).append(record)
    queues = [list(reversed(lane)) for lane in lanes.values()]
    mixed = []
    while queues:
        queue = dice.choice(queues)
        mixed.append(queue.pop())
        if not queue:
            queues.remove(queue)
    return mixed


# 2026-11-20T00:00Z, in milliseconds: when the broker of the tape took its first record.
TAKEN_MS = 1_795_132_800_000


class Tape:
    """A source that plays `written` in runs of `size`, with a hole in the offsets (a transaction marker) after each.

    Each run was taken by the broker six hours after the one before.
    """

    def __init__(self, written: list[Record], size: int = 100, topic_id: str = "t1", cluster_id: str = "c1") -> None:
        self.topic_id = topic_id
        self.cluster_id = cluster_id
        self._runs: dict[str, list[Run]] = {}
        self._ends: dict[tuple[str, int], int] = {}
        self._taken_ms = TAKEN_MS
        for start in range(0, len(written), size):
            self._press(written[start : start + size])

    def _press(self, chunk: list[Record]) -> None:
        self._taken_ms += 6 * 3_600_000
        lanes: dict[tuple[str, int], list[Record]] = {}
        for record in chunk:
            lanes.setdefault((record.topic, record.partition), []).append(record)
        for (topic, p), lane in lanes.items():
            first = self._ends.get((topic, p), 0)
            end = self._ends[topic, p] = first + len(lane) + 1
            offsets = list(range(first, first + len(lane)))
            self._runs.setdefault(topic, []).append(
                Run(p, offsets, [r.key for r in lane], [r.value for r in lane], end, [self._taken_ms] * len(lane))
            )

    def log(self, topic: str) -> Log:
        spans = {p: (0, self._ends.get((topic, p), 0)) for p in range(PARTITIONS)}
        return Log(self.cluster_id, f"{self.topic_id}/{topic}", spans)

    def runs(self, topic: str, start: Mapping[int, int]) -> Iterator[Run]:
        yield from (run for run in self._runs.get(topic, []) if run.next > start[run.partition])


@cache
def _template() -> Path:
    """A home whose warehouse has its tables and no row. SQLMesh makes them once for all tests: it takes two seconds."""
    home = Path(tempfile.mkdtemp(prefix="zhongtai-template-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    load.load(in_home(home), Tape([]), TENANT, SystemClock(), quiet, quiet, quiet)
    with build.opened(home, project.built_models()):
        return home


def prepared(home: Path) -> Path:
    """The home, with the tables of the template when it has no warehouse yet, and without roles."""
    if not build.folder_of(home).exists():
        tabled(without_roles(home))
    return home


def tabled(home: Path) -> Path:
    """The home, with the tables of the template and no row in them."""
    folder = build.folder_of(home)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (project.WAREHOUSE, project.STATE):
        shutil.copy(build.folder_of(_template()) / name, folder)
    return home


def anew(home: Path) -> Path:
    """The home as a `fresh` run makes it, without the seconds that SQLMesh takes. What is published stays."""
    set_aside(home, quiet)
    return tabled(home)


def without_roles(home: Path) -> Path:
    """A home whose publications have no files of roles: each is written by a process of its own."""
    (home / "reference").mkdir(parents=True, exist_ok=True)
    (home / "reference" / "roles.yml").write_text("{secret: [], roles: {}}", "utf-8")
    return home


def published_tables(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every published table but those about the runs, its rows in a fixed order, without places in Kafka."""
    con = published.connect(home)
    try:
        names = [name for (name,) in con.execute("SHOW TABLES").fetchall() if not name.startswith("meta_")]
        sql = "SELECT COLUMNS(c -> NOT starts_with(c, 'kafka_')) FROM {} ORDER BY ALL"
        return {name: con.execute(sql.format(name)).fetchall() for name in names}
    finally:
        con.close()


def quiet(words: str) -> None:
    """Progress that nobody watches."""


def unjudged(con: object, folder: Path, version: int) -> list[str]:
    """No checkpoint: Great Expectations takes five seconds to import, in each process. test_quality.py runs it."""
    return []
