"""Reference data beside the topics: the product file, and the words for refusals."""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version

import duckdb
import pyarrow as pa

from connectors.reference import load_products_if_any, products_print
from connectors.settings import Settings
from contracts.refusals import REASONS
from pipelines.warehouse import forecast
from pipelines.warehouse.models import models

# Table that comes neither from a topic nor from SQL → the table of models/ods that shows it, and describes its columns.
TABLES = {
    "ref_product": "ods_ref_product",
    "ref_refusal_reason": "ods_ref_refusal_reason",
    forecast.MADE: "ods_forecast_store_1d",
}


# What was made into `ref_product`: a file of a hundred thousand products takes a second to read, in each run.
READ = "warehouse_products_read"


def make_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Makes the tables of `TABLES` that are missing, empty."""
    described = {model.name: model.described for model in models()}
    for table, shown in TABLES.items():
        columns = ", ".join(f'"{name}" {column.type} NOT NULL' for name, column in described[shown].columns.items())
        con.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
    con.execute(f"CREATE TABLE IF NOT EXISTS {READ} (print VARCHAR)")


def load_reference(con: duckdb.DuckDBPyConnection, settings: Settings, *, write: bool = True) -> set[str]:
    """Makes the reference tables equal to their sources; those that changed. Without a product file, no products.

    With `write` off it only says which would change. Raises `BadInput` when the product file cannot be used.
    """
    reasons: list[dict[str, object]] = [
        {"code": code, "reason_en": en, "reason_zh": zh} for code, (en, zh) in REASONS.items()
    ]
    rows: dict[str, list[dict[str, object]]] = {"ref_refusal_reason": reasons}
    now = _print(settings)  # before the file is read: one that changes in between is read again by the next run
    if con.execute(f"FROM {READ}").fetchall() != [(now,)]:
        rows["ref_product"] = _products(settings)
        if write:
            con.execute(f"DELETE FROM {READ}")  # noqa: S608
            con.execute(f"INSERT INTO {READ} VALUES (?)", [now])  # noqa: S608
    return {table for table in rows if _replace(con, table, rows[table], write=write)}


def _print(settings: Settings) -> str:
    """Differs when the product file does, and when another release may make other rows of it."""
    columns = next(model.described.columns for model in models() if model.name == TABLES["ref_product"])
    text = f"{version('zhongtai')} {settings.tenant} {tuple(columns.items())!r} {products_print(settings)}"
    return hashlib.sha256(text.encode()).hexdigest()


def contents_sql(table: str) -> str:
    """One row that differs when the rows of the table do, in whatever order they stand."""
    return f"SELECT count(*), bit_xor(hash(t)) FROM {table} AS t"  # noqa: S608


def _products(settings: Settings) -> list[dict[str, object]]:
    products = load_products_if_any(settings)
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


def _replace(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, object]], *, write: bool) -> bool:
    """Replaces the rows of a table, but only when they differ: an idle run writes nothing. Says whether they did."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS FROM {table} LIMIT 0")
    if rows:
        con.register("source", pa.Table.from_pylist(list(rows)))
        con.execute("INSERT INTO fresh BY NAME FROM source")
        con.unregister("source")
    different = con.execute(contents_sql("fresh")).fetchone() != con.execute(contents_sql(table)).fetchone()
    if different and write:
        con.execute(f"DELETE FROM {table}")  # noqa: S608
        con.execute(f"INSERT INTO {table} FROM fresh")
    con.execute("DROP TABLE fresh")
    return different
