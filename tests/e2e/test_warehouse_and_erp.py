"""The pages' examples of the feeds `wms` and `erp`, by the command line and through a real broker, each counted once."""

import json
import shutil
from pathlib import Path

import pytest

from contracts.masters import Product, Supplier
from contracts.stock import StockLevel
from contracts.visibility import VisibilityEvent
from pipelines.newest import newest
from tests.installation import running

pytestmark = pytest.mark.kafka
FEEDS = Path(__file__).parents[2] / "docs" / "feeds"
PRODUCTS = (
    '{"sku": "P1", "base_unit": "each", "units": {"case": "12"}, "barcodes": ["2000001123454"]}\n'
    '{"sku": "P2", "base_unit": "g", "units": {"kg": "1000"}, "barcodes": ["2000001123461"]}\n'
)


def test_warehouses_and_the_erp_are_heard_once_and_refused_with_reasons(tmp_path: Path) -> None:
    home, feeds = tmp_path / "home", tmp_path / "feeds"
    (home / "reference").mkdir(parents=True)
    (home / "reference" / "products-1.jsonl").write_text(PRODUCTS)
    shutil.copy(FEEDS / "locations-1.jsonl", home / "reference")
    shutil.copytree(FEEDS, feeds)
    good = json.loads((feeds / "wms-example.jsonld").read_bytes())
    broken = good | {"epcisBody": {"eventList": [*good["epcisBody"]["eventList"], {"type": "ObjectEvent"}]}}
    (feeds / "broken.jsonld").write_text(json.dumps(broken))
    mended = {"original_text": json.dumps(broken), "repaired": good}
    (feeds / "mended.jsonl").write_text(json.dumps(mended))
    with running(home) as shop:
        first = shop.zhongtai("ingest", "wms", feeds / "wms-example.ndjson").last
        assert first == {"accepted": 13, "refused": 0, "duplicates": 0}
        again = shop.zhongtai("ingest", "wms", feeds / "wms-example.jsonld").last
        assert again == {"accepted": 0, "refused": 0, "duplicates": 3}
        refused = shop.zhongtai("ingest", "wms", feeds / "broken.jsonld", expect=3)
        assert refused.last == {"accepted": 0, "refused": 1, "duplicates": 0}
        assert "epcisBody.eventList[4]" in refused.err.replace("\n", "")
        changes = shop.zhongtai("ingest", "erp", feeds / "erp-example.jsonl").last
        assert changes == {"accepted": 12, "refused": 0, "duplicates": 0}
        rows = shop.zhongtai("ingest", "erp", "--format", "csv", feeds / "erp-drop").last
        assert rows == {"accepted": 6, "refused": 0, "duplicates": 0}
        shop.settle()
        levels = {(s.sku, s.location): s.on_hand for s in newest(shop.settings, "state.stock_level", StockLevel)}
        assert levels == {("P1", "DC1"): 230, ("P2", "DC1"): 1000, ("P1", "S001"): 22, ("P2", "S001"): 0}
        assert len(newest(shop.settings, "event.visibility", VisibilityEvent)) == 13
        products = {p.sku: p.status for p in newest(shop.settings, "state.product", Product)}
        assert products == {"P1": "discontinued", "P2": "active"}
        assert [s.change for s in newest(shop.settings, "state.supplier", Supplier)] == ["deleted"]
        (letter,) = json.loads(shop.zhongtai("dlq", "list", "--feed", "wms", "--format", "json").out)
        assert (letter["code"], letter["place"]) == ("epcis_missing", "epcisBody.eventList[4].eventTime")
        replayed = shop.zhongtai("dlq", "replay", "--feed", "wms", "--with", feeds / "mended.jsonl").last
        assert replayed["replayed"] == 1
        shop.settle()
        assert len(newest(shop.settings, "event.visibility", VisibilityEvent)) == 13
        assert not json.loads(shop.zhongtai("dlq", "list", "--feed", "wms", "--open", "--format", "json").out)
