"""The SQL of loading: JSON values into typed columns, strictly. The functions return text and run nothing.

The record of a topic is the only schema (`lake_columns`). Names in the SQL come from contracts/, never from a person.
"""

import json
from collections.abc import Mapping
from typing import Any

from pipelines.warehouse.lake_columns import PLACE, LakeColumn


def empty_sql(types: Mapping[str, str]) -> str:
    """No row of the given columns: what DuckDB calls their types, and what Arrow calls them, is read off it."""
    return f"SELECT {', '.join(f'NULL::{kind} AS {_quoted(name)}' for name, kind in types.items())} LIMIT 0"


def parse_sql(types: Mapping[str, Any]) -> str:
    """Rows of `batch` as columns of the lake. A tombstone gives a row that is empty but for its place.

    `types` are DuckDB's, as read off `empty_sql`. A value that is not of its type, or misses a field, is an error; fields
    that are not named are left behind.
    """
    shape = json.dumps({name: _shape(kind) for name, kind in types.items()})
    return f"""
        SELECT
            unnest(from_json_strict(value, '{shape}')), value IS NULL AS tombstone,
            kafka_key, kafka_partition, kafka_offset,
            make_timestamptz(taken_ms * 1000) AS ingested_at,
            CAST(make_timestamp(taken_ms * 1000) AS DATE) AS ingested_on
        FROM batch
    """  # noqa: S608


def unknown_sql(columns: Mapping[str, LakeColumn], version: int) -> str:
    """How many rows of `parsed` are of another version, or miss what every record has. Tombstones do neither."""
    missing = [f"{_quoted(name)} IS NULL" for name, column in columns.items() if not column.optional]
    other = f"v IS DISTINCT FROM {version}"
    return f"SELECT count(*) FROM parsed WHERE NOT tombstone AND ({' OR '.join((other, *missing))})"  # noqa: S608


def lake_rows_sql(columns: Mapping[str, LakeColumn]) -> str:
    """The rows of `parsed` with the columns of the lake."""
    cast = [f"CAST({_quoted(name)} AS {column.type}) AS {_quoted(name)}" for name, column in columns.items()]
    return f"SELECT {', '.join((*cast, *PLACE))} FROM parsed"  # noqa: S608


def _quoted(name: str) -> str:
    return f'"{name}"'


def _shape(kind: Any) -> object:
    """A DuckDB type as the structure that from_json takes."""
    if kind.id == "struct":
        return {name: _shape(child) for name, child in kind.children}
    if kind.id == "list":
        return [_shape(kind.children[0][1])]
    return str(kind)
