"""The feeds `wms` and `erp` from the bytes of their pages' examples to what stands in stock, job by job, without a broker."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.feeds import FORMATS
from connectors.feeds import Piece
from connectors.ingest import Place, raw_headers
from connectors.settings import Settings
from contracts.dead_letters import DeadLetter
from contracts.keys import key, partition
from contracts.masters import MasterMark
from contracts.stock import StockLevel, StockMovement
from contracts.visibility import VisibilityEvent, VisibilityMark
from contracts.wire import Record, decoder, encode
from pipelines.batch import Job, Output, Run, State
from pipelines.jobs import event_stock_movement_to_state_stock_level as levels
from pipelines.jobs import event_visibility_to_event_stock_movement as derive
from pipelines.jobs import raw_erp_to_event_masters as masters
from pipelines.jobs import raw_wms_to_event_visibility as visibility

FEEDS = Path(__file__).parents[2] / "docs" / "feeds"
PRODUCTS = (
    '{"sku": "P1", "base_unit": "each", "units": {"case": "12"}, "barcodes": ["2000001123454"]}\n'
    '{"sku": "P2", "base_unit": "g", "units": {"kg": "1000"}, "barcodes": ["2000001123461"]}\n'
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    reference = tmp_path / "reference"
    reference.mkdir()
    (reference / "products-1.jsonl").write_text(PRODUCTS)
    shutil.copy(FEEDS / "locations-1.jsonl", reference)
    return Settings(home=tmp_path, tenant="t")


def sent(settings: Settings, feed: str, name: str, example: str) -> list[tuple[bytes, Piece, list[tuple[str, bytes]]]]:
    """What `zhongtai ingest` sends of an example, in its order: key, piece and headers."""
    form = FORMATS[feed][name].open(settings)
    path = FEEDS / example
    with path.open("rb") as file:
        pieces = list(form.pieces(file, path))
    found = []
    for piece in pieces:
        verdict = form.judge(piece)
        headers = raw_headers(form, verdict.id, verdict.at, Place(path.name, piece.line))
        found.append((verdict.by, piece, [*headers, *piece.headers]))
    return found


def run(topic: str, records: Sequence[tuple[bytes, bytes, Any]], n: int = 0, start: int = 0) -> Run:
    at = list(range(start, start + len(records)))
    return Run(
        topic, n, start, start + len(records), at, [k for k, _, _ in records], [v for _, v, _ in records],
        [1_795_312_800_000] * len(records), [h for _, _, h in records],
    )  # fmt: skip


def worked(job: Job, kind: type[Record] | None, runs: Sequence[Run]) -> tuple[list[Output], dict[bytes, Any]]:
    """What a job puts out over the runs of one partition, and its state."""
    stored: dict[bytes, bytes] = {}
    outputs: list[Output] = []
    for one in runs:
        state = State(decoder(kind), dict(stored)) if kind else None
        effects = job.step(state, job.prepare(one))
        stored |= {k: encode(v) for k, v in effects.changes.items()}
        outputs += effects.outputs
    return outputs, {k: decoder(kind)(v) for k, v in stored.items()} if kind else {}


def stock(outputs: Sequence[Output]) -> dict[str, tuple[int, int]]:
    events = [o for o in outputs if isinstance(o.record, VisibilityEvent)]
    records = [(o.key, encode(o.record), ()) for o in events]
    moved, _ = worked(derive.JOB, None, [run("event.visibility", records)])
    entries = [(o.key, encode(o.record), ()) for o in moved if isinstance(o.record, StockMovement)]
    _, state = worked(levels.JOB, StockLevel, [run("event.stock_movement", entries)])
    return {f"{level.sku} {level.location}": (level.on_hand, level.ledger.incoming) for level in state.values()}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("times", [1, 2])
def test_the_events_of_the_page_add_up_whatever_their_order_and_however_often(
    settings: Settings, order: int, times: int
) -> None:
    records = [
        (by, piece.value, headers) for by, piece, headers in sent(settings, "wms", "epcis", "wms-example.ndjson")
    ]
    job = visibility.job(settings)
    outputs, marks = worked(
        job, VisibilityMark, [run("raw.wms", records[::order], start=100 * n) for n in range(times)]
    )
    assert len([o for o in outputs if o.topic == "event.visibility"]) == 13
    assert len(marks) == 12
    # 240 received, 12 made, 2 of apples; 24 shipped twice, of which once by mistake. The count at the shop is the last word.
    assert stock(outputs) == {
        "P1 DC1": (240 + 12 + 2 - 24, 0),
        "P2 DC1": (1500 - 500, 0),
        "P1 S001": (22, 0),
        "P2 S001": (0, 0),
    }


def test_what_is_refused_is_buried_with_its_place_and_disturbs_nothing(settings: Settings) -> None:
    records = [
        (by, piece.value, headers) for by, piece, headers in sent(settings, "wms", "epcis", "wms-example.ndjson")[:2]
    ]
    by, value, headers = records[0]
    spoiled = [
        (by, value.replace(b'"eventTime"', b'"eventtime"'), headers),
        (by, value.replace(b"L261120", b"L261120").replace(b"2000001.012345", b"2000001.099999"), headers),
        (by, (FEEDS / "wms-example.jsonld").read_bytes(), headers),
    ]
    outputs, _ = worked(visibility.job(settings), VisibilityMark, [run("raw.wms", [*spoiled, *records])])
    letters = [o.record for o in outputs if isinstance(o.record, DeadLetter)]
    assert [(one.code, one.place, one.format) for one in letters] == [
        ("epcis_missing", "eventTime", "epcis"),
        ("unknown_gtin", "quantityList[1].epcClass", "epcis"),
        ("epcis_not_one_event", "type", "epcis"),
    ]
    assert len(outputs) == 5


def test_changes_and_drops_become_the_newest_state_of_every_key(settings: Settings) -> None:
    changes = [(by, p.value, h) for by, p, h in sent(settings, "erp", "debezium", "erp-example.jsonl")]
    drops = [(by, p.value, h) for by, p, h in sent(settings, "erp", "csv", "erp-drop/manifest.json")]
    state: dict[tuple[str, bytes], Any] = {}
    job = masters.job(settings)
    for n in range(4):
        mine = [r for r in [*changes, *drops] if partition(r[0], 4) == n]
        outputs, _ = worked(job, MasterMark, [run("raw.erp", mine, n), run("raw.erp", mine, n, 500)])
        assert all(o.topic.startswith(("event.", "state.")) for o in outputs)
        state |= {(o.topic, o.key): o.record for o in outputs if o.topic.startswith("state.")}
    product = state["state.product", key("t", "P1")]
    assert (product.change, product.source, product.status) == ("upsert", "debezium", "discontinued")
    assert state["state.supplier", key("t", "V1")].change == "deleted"
    assert state["state.price", key("t", "P2", "S001", "promotion", "kg", "2026-11-23")].amount_cents == 786
    assert state["state.purchase_order_line", key("t", "PO1", "1")].base_quantity == 240
    assert state["state.store", key("t", "DC1")].name == "嘉定仓"
    assert {topic for topic, _ in state} == {f"state.{name}" for name in masters.rows.drop.TABLES}


def test_a_full_drop_ends_in_every_partition(settings: Settings) -> None:
    ends = [
        (by, msgspec.json.decode(piece.value))
        for by, piece, _ in sent(settings, "erp", "csv", "erp-drop/manifest.json")
        if b'"missing"' in piece.value
    ]
    assert sorted((end["partition"], partition(by, 4)) for by, end in ends) == [(n, n) for n in range(4)]
