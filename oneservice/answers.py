"""Rows as JSON, CSV or an Arrow stream. The same spelling everywhere: docs/service.md has it as a table.

JSON: whole numbers as numbers, decimals as texts (a float would lose digits), moments as RFC 3339 in UTC, dates as
`YYYY-MM-DD`, bytes in base64, what is no number (NaN, infinity) as null.
"""

import base64
import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from contracts.instants import spelt

# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Format(StrEnum):
    json = "json"
    csv = "csv"
    arrow = "arrow"


MEDIA = {
    Format.json: "application/json",
    Format.csv: "text/csv; charset=utf-8",
    Format.arrow: "application/vnd.apache.arrow.stream",
}
# For OpenAPI: the other two forms of an answer whose JSON is described by a model.
OTHER_FORMS: dict[str, Any] = {
    "text/csv": {"schema": {"type": "string"}, "example": "store,sales_cents\nS0001,123456\n"},
    "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
}


def plain(value: object) -> Any:
    """A value of DuckDB as JSON has it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    spell = next((spell for kind, spell in _SPELLINGS if isinstance(value, kind)), repr)
    return spell(value)


# A datetime is a date too, so it stands first.
_SPELLINGS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (float, lambda value: value if math.isfinite(value) else None),
    (datetime, lambda value: spelt(value) if value.tzinfo else value.isoformat()),
    ((date, time), lambda value: value.isoformat()),
    ((bytes, bytearray, memoryview), lambda value: base64.b64encode(bytes(value)).decode()),
    ((Decimal, UUID, timedelta), str),
)


def json_text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def csv_text(names: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    """A header and the rows, in UTF-8 with `\\n`. NULL is empty; a text that a spreadsheet would run begins with `'`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_cell(name) for name in names])
    for row in rows:
        writer.writerow([_cell(plain(value)) for value in row])
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def arrow_stream(batches: Iterable[Any], schema: Any) -> bytes:
    """Record batches as an Arrow IPC stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        for batch in batches:
            stream.write_batch(batch)
    return bytes(sink.getvalue())
