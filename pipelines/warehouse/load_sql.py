"""The SQL of loading. The functions return text and run nothing.

The DDL under models/ods is the only schema: the shape that JSON must have is read off the table. Names in the SQL
come from the code and from models/, never from a person.
"""

import json
from collections.abc import Mapping
from typing import Any

from duckdb.sqltypes import DuckDBPyType

# Columns that Kafka gives, not the JSON value.
PLACE = ("kafka_key", "kafka_partition", "kafka_offset")


def insert_sql(table: str, columns: Mapping[str, DuckDBPyType], *, newest: bool) -> str:
    """Parses the values of `batch` strictly and appends them; with `newest`, only the last record of each key."""
    shape = json.dumps({name: _shape(kind) for name, kind in columns.items() if name not in PLACE})
    place = ", ".join(name for name in PLACE if name in columns)
    last = "QUALIFY row_number() OVER (PARTITION BY kafka_key ORDER BY kafka_offset DESC) = 1" if newest else ""
    # A tombstone wins over what it removes, so it is dropped only after the newest record of its key was chosen.
    return f"""
        INSERT INTO {table} BY NAME
        SELECT unnest(from_json_strict(value, '{shape}')), {place}
        FROM (SELECT * FROM batch {last})
        WHERE value IS NOT NULL
    """  # noqa: S608


def delete_keys_sql(table: str) -> str:
    """Removes every row whose key `batch` speaks of."""
    return f"DELETE FROM {table} WHERE kafka_key IN (SELECT kafka_key FROM batch)"  # noqa: S608


def offsets_sql() -> str:
    """What is known of a topic: partition, cluster id, topic id and next offset."""
    return 'SELECT "partition", cluster_id, topic_id, next_offset FROM ods_offset WHERE topic = ?'


def first_offset_sql() -> str:
    """Begins a partition."""
    return "INSERT INTO ods_offset VALUES (?, ?, ?, ?, ?, ?, ?, 0)"


def move_offset_sql() -> str:
    """Compare-and-set: gives one row when the offset stood where the caller believed, none otherwise."""
    return """
        UPDATE ods_offset SET next_offset = ?, lost = lost + ?
        WHERE topic = ? AND "partition" = ? AND next_offset = ?
        RETURNING 1
    """


def other_tenants_sql() -> str:
    """Tenants other than the one given whose records were loaded."""
    return "SELECT DISTINCT tenant FROM ods_offset WHERE tenant <> ?"


def _shape(kind: Any) -> object:
    """A DuckDB type as the structure that from_json takes."""
    if kind.id == "struct":
        return {name: _shape(child) for name, child in kind.children}
    if kind.id == "list":
        return [_shape(kind.children[0][1])]
    return str(kind)
