"""Reference data beside the topics: the product file, and the words for refusals."""

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from connectors.reference import load_products
from connectors.settings import Settings
from contracts.refusals import REASONS

TABLES = ("ods_ref_product", "ods_ref_refusal_reason")


def load_reference(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Makes the reference tables equal to their sources; without a product file there are no products.

    Raises `BadInput` when the product file cannot be used.
    """
    reasons = [{"code": code, "reason_en": en, "reason_zh": zh} for code, (en, zh) in REASONS.items()]
    _replace(con, "ods_ref_refusal_reason", reasons)
    _replace(con, "ods_ref_product", _products(settings))


def contents_sql(table: str) -> str:
    """One row that differs when the rows of the table do, in whatever order they stand."""
    return f"SELECT count(*), bit_xor(hash(t)) FROM {table} AS t"  # noqa: S608


def _products(settings: Settings) -> list[dict[str, object]]:
    if not settings.products and not any((settings.home / "reference").glob("products-*.jsonl")):
        return []
    products = load_products(settings)
    return [
        {
            "tenant": settings.tenant,
            "sku": p.sku,
            "product_name": p.name,
            "department": p.department,
            "base_unit": p.base_unit,
            "barcodes": list(p.barcodes),
            "products_version": products.version,
        }
        for p in products.by_sku.values()
    ]


def _replace(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Replaces the rows of a table in one transaction, but only when they differ: an idle run writes nothing."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS FROM {table} LIMIT 0")
    if rows:
        con.register("source", pa.Table.from_pylist(list(rows)))
        con.execute("INSERT INTO fresh BY NAME FROM source")
        con.unregister("source")
    if con.execute(contents_sql("fresh")).fetchone() != con.execute(contents_sql(table)).fetchone():
        con.execute("BEGIN")
        con.execute(f"TRUNCATE {table}")
        con.execute(f"INSERT INTO {table} FROM fresh")
        con.execute("COMMIT")
    con.execute("DROP TABLE fresh")
