"""A home that is worth looking at, published once, and the console over it: without a socket, and in a browser."""

import json
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.receipts import Receipt, receipt_id
from oneservice.opening import opened
from oneservice.service import Service
from pipelines.warehouse.run import run
from tests.oneservice.console import person
from tests.warehouse.synthetic import TENANT, Tape, dead_letters, prepared, quiet, receipts, records, unjudged

LAST = date(2026, 11, 20)
DAYS = 28
SHOPS = 9
ROLES = """
secret: [nid]
roles:
  marketer:
    title: {zh: 营销, en: Marketing}
    tables: [dim_product, dws_trade_store_1d]
"""
# As pipelines/warehouse/quality.py writes it; tests/warehouse/test_quality.py holds the two together.
REPORT = [
    {
        "table": "dws_trade_store_1d", "measure": "rows", "zh": "至少一行。", "en": "There is a row at least.",
        "critical": True, "value": 243, "holds": True,
    },
    {
        "table": "dws_trade_store_1d", "measure": "rows_kept", "zh": "行数不应骤减。", "en": "Rows do not vanish.",
        "critical": False, "value": 0.4, "holds": False,
    },
]  # fmt: skip


def traded(count: int = 1_600) -> list[Receipt]:
    """Receipts over four weeks, busier on some shops, in the evening and at the week's end."""
    dice = random.Random(7)
    found = []
    for one in receipts(count, stores=SHOPS):
        day = LAST - timedelta(days=dice.choices(range(DAYS), [3 if n % 7 in (0, 6) else 2 for n in range(DAYS)])[0])
        store = f"S{min(dice.randrange(SHOPS), dice.randrange(SHOPS))}"
        at = f"{day}T{dice.choices(range(8, 22), [1, 2, 3, 4, 4, 2, 2, 3, 4, 6, 7, 5, 3, 1])[0]:02}:{dice.randrange(60):02}:00Z"
        found.append(
            msgspec.structs.replace(
                one,
                kind="sale",
                total_cents=abs(one.total_cents),
                lines=tuple(
                    msgspec.structs.replace(line, quantity=abs(line.quantity), amount_cents=abs(line.amount_cents))
                    for line in one.lines
                ),
                tenders=(msgspec.structs.replace(one.tenders[0], amount_cents=abs(one.total_cents)),),
                store=store,
                business_date=day.isoformat(),
                at=at,
                received_at=at,
                receipt_id=receipt_id(TENANT, store, "T1", day.isoformat(), one.number),
            )
        )
    return found


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one publication: four weeks of nine shops, dead letters, and the file of one role."""
    return make(tmp_path_factory.mktemp("console"))


def make(folder: Path) -> Path:
    home = prepared(folder)
    (home / "reference" / "roles.yml").write_text(ROLES, "utf-8")
    run(Settings(home=home), quiet, source=Tape(records(traded(), dead_letters(40))), check=unjudged)
    docs = home / "marts" / "docs_1"
    docs.mkdir()
    (docs / "report.json").write_text(json.dumps(REPORT, ensure_ascii=False), "utf-8")
    person.live(home)
    (docs / "index.html").write_text("<p>as Great Expectations wrote it</p>", "utf-8")
    return home


@pytest.fixture(scope="session")
def service(home: Path) -> Iterator[Service]:
    with opened(Settings(home=home), SystemClock(), follow=False) as service:
        yield service
