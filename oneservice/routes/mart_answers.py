"""What every answer from the published tables says of itself, and its three forms."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from fastapi import Response

from contracts.instants import spelt
from oneservice.answers import MEDIA, Format, arrow_stream, csv_text, json_text, plain
from oneservice.publication import Opened
from oneservice.service import Service


def about(service: Service, opened: Opened) -> dict[str, Any]:
    """Version and age."""
    return {"version": opened.version, "as_of": spelt(opened.as_of), "age_seconds": service.age(opened.as_of)}


def headers(told: Mapping[str, Any]) -> dict[str, str]:
    """The same for those who get CSV or Arrow: `zhongtai-as-of` and so on. What is None is left out."""
    return {f"zhongtai-{name.replace('_', '-')}": _spelt(value) for name, value in told.items() if value is not None}


def _spelt(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def formed(rows: pa.Table, format: Format, told: Mapping[str, Any], in_headers: Mapping[str, str]) -> Response:
    """The answer: JSON is `told` with `rows`, CSV and Arrow are the rows alone."""
    if format is Format.arrow:
        body = arrow_stream(rows.to_batches(), rows.schema)
    elif format is Format.csv:
        body = csv_text(rows.column_names, [row.values() for row in rows.to_pylist()])
    else:
        body = json_text({**told, "rows": [plain(row) for row in rows.to_pylist()]})
    return Response(body, 200, dict(in_headers), MEDIA[format])
