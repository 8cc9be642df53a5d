"""The examples on the pages of the feeds `wms` and `erp` are as good as the pages say."""

from pathlib import Path

from centers.stock.steps import BUCKETS, STEPS
from cli.erp_formats import changes, drops
from cli.wms_formats import epcis_documents
from connectors.feeds import Format
from connectors.locations import load_locations
from connectors.settings import Settings
from contracts.erp import TABLES
from contracts.refusals import REASONS
from contracts.units import REC20
from tests.warehouse_examples import WAREHOUSE_LOCATIONS, WAREHOUSE_PRODUCTS

FEEDS = Path(__file__).parents[2] / "docs" / "feeds"
SETTINGS = Settings(home=FEEDS, tenant="t", locations=str(FEEDS / "locations-1.jsonl"))


def good(form: Format, name: str) -> int:
    """How many records of an example are accepted; none may be refused."""
    path = FEEDS / name
    with path.open("rb") as file:
        verdicts = [form.judge(piece) for piece in form.pieces(file, path)]
    assert [verdict.refused for verdict in verdicts] == [None] * len(verdicts)
    return sum(verdict.counts for verdict in verdicts)


def test_every_example_is_accepted() -> None:
    epcis = epcis_documents(SETTINGS, WAREHOUSE_PRODUCTS, WAREHOUSE_LOCATIONS)
    assert (good(epcis, "wms-example.ndjson"), good(epcis, "wms-example.jsonld")) == (13, 3)
    assert good(changes(SETTINGS, WAREHOUSE_PRODUCTS), "erp-example.jsonl") == 12
    assert good(drops(SETTINGS, WAREHOUSE_PRODUCTS), "erp-drop/manifest.json") == 6
    assert load_locations(SETTINGS).by_gln.keys() == WAREHOUSE_LOCATIONS.by_gln.keys()


def test_the_pages_name_every_step_table_column_unit_and_reason() -> None:
    wms, erp = (FEEDS / "wms.md").read_text(), (FEEDS / "erp.md").read_text()
    for word in [*(step.step for step in STEPS), *BUCKETS, *REC20]:
        assert f"`{word}`" in wms, word
    for table in TABLES.values():
        assert f"`{table.name}`" in erp, table.name
        for column in table.columns:
            assert f"`{column.name}`" in erp, column.name
    for code in REASONS:
        if code.startswith("epcis_") or code in {"unknown_gtin", "unknown_location"}:
            assert f"`{code}`" in wms, code
        if code.startswith(("erp_", "drop_")) or code in {"unknown_zone", "bad_conversion"}:
            assert f"`{code}`" in erp, code
