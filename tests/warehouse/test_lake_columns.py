"""Which columns a record's fields become."""

from contracts.masters import Product, PurchaseOrderLine
from contracts.visibility import VisibilityEvent
from pipelines.warehouse.lake_columns import columns


def test_what_may_be_null_may_be_missing_though_it_has_no_default() -> None:
    assert columns(Product)["shelf_life_days"].optional
    assert columns(PurchaseOrderLine)["base_quantity"].optional
    assert {name for name, column in columns(VisibilityEvent).items() if column.optional} == {
        "action",
        "count",
        "declaration",
    }


def test_what_every_record_has_is_missed() -> None:
    assert not columns(Product)["sku"].optional
    assert not columns(Product)["v"].optional
