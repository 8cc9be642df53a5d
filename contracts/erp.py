"""The tables of the ERP that are taken: their columns, keys, and what a cell may hold. A table of tables; pure."""

from collections.abc import Mapping

import msgspec


class Column(msgspec.Struct, frozen=True):
    """`kind` is how a cell is read (`centers.masters.cells`); `values` are those of an enumeration, its first the default."""

    name: str
    kind: str
    required: bool = True
    values: tuple[str, ...] = ()


class Table(msgspec.Struct, frozen=True):
    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    en: str
    zh: str

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)


def _optional(name: str, kind: str, *values: str) -> Column:
    return Column(name, kind, required=False, values=values)


TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table(
            "category",
            ("category",),
            (Column("category", "code"), _optional("parent", "code"), Column("name", "text")),
            "Product hierarchy",
            "品类层级",
        ),
        Table(
            "product",
            ("sku",),
            (
                Column("sku", "code"),
                Column("name", "text"),
                _optional("category", "code"),
                Column("base_unit", "code"),
                _optional("units", "units"),
                _optional("barcodes", "barcodes"),
                _optional("bundle", "bundle"),
                _optional("status", "one_of", "active", "discontinued"),
                _optional("shelf_life_days", "whole"),
            ),
            "Products",
            "商品",
        ),
        Table(
            "price",
            ("sku", "store", "kind", "unit", "valid_from"),
            (
                Column("sku", "code"),
                _optional("store", "code"),
                Column("kind", "one_of", values=("list", "promotion", "cost")),
                Column("currency", "currency"),
                Column("amount", "money"),
                Column("unit", "code"),
                Column("valid_from", "day"),
                _optional("valid_to", "day"),
            ),
            "Prices",
            "价格",
        ),
        Table(
            "supplier",
            ("supplier",),
            (
                Column("supplier", "code"),
                Column("name", "text"),
                Column("currency", "currency"),
                _optional("lead_days", "whole"),
                _optional("status", "one_of", "active", "blocked"),
            ),
            "Suppliers",
            "供应商",
        ),
        Table(
            "purchase_order",
            ("po",),
            (
                Column("po", "code"),
                Column("supplier", "code"),
                Column("location", "code"),
                Column("currency", "currency"),
                Column("ordered_at", "moment"),
                _optional("expected_on", "day"),
                Column("status", "one_of", values=("open", "closed", "cancelled")),
            ),
            "Purchase orders",
            "采购单",
        ),
        Table(
            "purchase_order_line",
            ("po", "line"),
            (
                Column("po", "code"),
                Column("line", "whole"),
                Column("sku", "code"),
                Column("quantity", "quantity"),
                Column("unit", "code"),
                Column("currency", "currency"),
                Column("price", "money"),
            ),
            "Lines of purchase orders",
            "采购单明细",
        ),
        Table(
            "store",
            ("store",),
            (
                Column("store", "code"),
                Column("name", "text"),
                Column("kind", "one_of", values=("store", "warehouse")),
                Column("organisation", "code"),
                Column("zone", "zone"),
                Column("day_cut_hour", "hour"),
                Column("currency", "currency"),
                _optional("gln", "gln"),
                _optional("opened_on", "day"),
                _optional("closed_on", "day"),
            ),
            "Stores and warehouses",
            "门店与仓库",
        ),
        Table(
            "organisation",
            ("organisation",),
            (
                Column("organisation", "code"),
                _optional("parent", "code"),
                Column("name", "text"),
                Column("kind", "one_of", values=("group", "legal_entity", "region", "department")),
            ),
            "Organisations",
            "组织",
        ),
        Table(
            "account",
            ("account",),
            (
                Column("account", "code"),
                _optional("parent", "code"),
                Column("name", "text"),
                Column("kind", "one_of", values=("asset", "liability", "equity", "revenue", "expense")),
                _optional("organisation", "code"),
            ),
            "Chart of accounts",
            "会计科目",
        ),
    )
}
