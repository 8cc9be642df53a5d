"""The feed format `debezium`: one change envelope a line, as Debezium's JSON converter writes it, with or without schemas.

Pure: the connector that sends a file and the job that takes its records ask the same function. Columns that a table of
`contracts.erp` does not have are passed over, since the ERP's tables are its own.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeGuard

from connectors.json_text import parsed
from connectors.strict_json import BOM, unreadable
from contracts.erp import TABLES, Column, Table
from contracts.instants import spelt
from contracts.masters import Position, Row
from contracts.refusals import Refused

FORMAT = "debezium"
_OPERATIONS = ("c", "u", "d", "r")  # a tuple: what is asked for may be no text
_DECIMAL = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?\Z")
_DIGITS = re.compile(r"[0-9]{1,18}\Z")
_HEX = re.compile(r"[0-9a-fA-F]{8}(?::[0-9a-fA-F]{8})(?::[0-9a-fA-F]{4})\Z")
_BINLOG = re.compile(r"[^\s]{0,200}?([0-9]{1,12})\Z")
_EPOCH = date(1970, 1, 1)
_MOST_SECONDS = 253_402_300_799  # the last of the year 9999
_SECONDS = range(10**9, 10**10)  # since 1970, of 2001 to 2286: where milliseconds belong they would be a day of 1970
_UNITS = {"Timestamp": 10**3, "MicroTimestamp": 10**6, "NanoTimestamp": 10**9}
_LONGEST_TEXT = 4096


def decode(line: bytes) -> Row | Refused:
    """The row that a change leaves behind, or why it is none. Never raises, for any bytes; a refusal holds no value."""
    text = line.removeprefix(BOM)
    refused = unreadable(text)
    if refused:
        return refused
    value = parsed(text)
    if isinstance(value, Refused):
        return value
    if not isinstance(value, dict):
        return Refused("erp_envelope")
    within = "payload." if "payload" in value else ""
    payload = value.get("payload", value)
    if not isinstance(payload, dict) or not isinstance(payload.get("source"), dict) or "op" not in payload:
        return Refused("erp_envelope", within.rstrip("."))
    return _change(payload, _schemas(value.get("schema")), within)


def _change(payload: dict[str, Any], schemas: Mapping[str, Any], within: str) -> Row | Refused:
    source = payload["source"]
    name = source.get("table")
    table = TABLES.get(name) if isinstance(name, str) else None
    if table is None:
        return Refused("erp_table", f"{within}source.table")
    if payload["op"] not in _OPERATIONS:
        return Refused("erp_operation", f"{within}op")
    version, at = _version(source), _moment_of(source.get("ts_ms", payload.get("ts_ms")))
    if version is None:
        return Refused("erp_position", f"{within}source")
    if at is None:
        return Refused("bad_time", f"{within}source.ts_ms")
    side = "before" if payload["op"] == "d" else "after"
    image = payload.get(side)
    if not isinstance(image, dict):
        return Refused("erp_envelope", f"{within}{side}")
    position = Position("debezium", version, at)
    return _row(table, image, schemas.get(side, {}), position, payload["op"] == "d", f"{within}{side}.")


def _row(
    table: Table, image: Mapping[str, Any], schema: Mapping[str, Any], position: Position, deleted: bool, within: str
) -> Row | Refused:
    cells = _cells(table, image, schema, within)
    if isinstance(cells, Refused):
        return cells
    for part in table.key:
        column = table.column(part)
        if column is not None and column.required and part not in cells:
            return Refused("missing", f"{within}{part}")
    return Row(table.name, tuple(cells.get(part, "") for part in table.key), position, deleted, cells)


def _version(source: Mapping[str, Any]) -> tuple[int, ...] | None:
    """The place of a change in its database's log, which only grows: PostgreSQL, MySQL, SQL Server, Oracle."""
    lsn = source.get("lsn")
    if _is_whole(lsn):
        return (int(lsn),)
    binlog, pos, row = source.get("file"), source.get("pos"), source.get("row", 0)
    if isinstance(binlog, str) and _is_whole(pos) and _is_whole(row) and (found := _BINLOG.match(binlog)):
        return int(found.group(1)), int(pos), int(row)
    change, serial = source.get("change_lsn"), source.get("event_serial_no", 0)
    if isinstance(change, str) and _HEX.match(change):
        return (*(int(part, 16) for part in change.split(":")), int(serial) if _is_whole(serial) else 0)
    scn = source.get("scn")
    if isinstance(scn, str) and _DIGITS.match(scn):
        return (int(scn),)
    return (int(scn),) if _is_whole(scn) else None


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _moment_of(milliseconds: Any) -> str | None:
    if not _is_whole(milliseconds) or milliseconds // 1000 > _MOST_SECONDS or milliseconds in _SECONDS:
        return None
    return spelt(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds))


def _schemas(schema: Any) -> Mapping[str, Mapping[str, Any]]:
    """Side (`before`, `after`) → column → its schema, where the converter sent schemas."""
    sides = {}
    for side in _structs(schema):
        if side.get("field") in ("before", "after"):
            sides[side["field"]] = {c["field"]: c for c in _structs(side) if isinstance(c.get("field"), str)}
    return sides


def _structs(schema: Any) -> list[dict[str, Any]]:
    inner = schema.get("fields") if isinstance(schema, dict) else None
    return [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []


def _cells(table: Table, image: Mapping[str, Any], schema: Mapping[str, Any], within: str) -> dict[str, str] | Refused:
    cells: dict[str, str] = {}
    for column in table.columns:
        value = image.get(column.name)
        if value is None:
            continue
        text = _cell(value, column, schema.get(column.name, {}))
        if isinstance(text, Refused):
            return Refused(text.code, f"{within}{column.name}")
        if text:
            cells[column.name] = text
    return cells


def _cell(value: Any, column: Column, schema: Mapping[str, Any]) -> str | Refused:
    """A value as the text that a CSV drop would hold for it."""
    kind = str(schema.get("name", "")).rsplit(".", 1)[-1]
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if kind in {"Decimal", "VariableScaleDecimal"} or (isinstance(value, dict) and "scale" in value):
        return _scaled(value, schema)
    if column.kind == "day" and number:
        return _day(value, kind)
    if column.kind == "moment" and number:
        return _moment(value, kind)
    if number:
        return f"{value:f}" if isinstance(value, Decimal) and abs(value.adjusted()) < 40 else str(value)
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        return Refused("wrong_type")
    text = value.strip()
    bare = column.kind in {"money", "quantity", "whole", "hour"} and not _DECIMAL.match(text)
    return Refused("erp_decimal") if bare and text else text


def _scaled(value: Any, schema: Mapping[str, Any]) -> str | Refused:
    """Kafka Connect's Decimal: the unscaled number as big-endian bytes in base64, and its scale."""
    parameters = schema.get("parameters")
    scale = parameters.get("scale") if isinstance(parameters, dict) else None
    if isinstance(value, dict):
        scale, value = value.get("scale"), value.get("value")
    if isinstance(value, str) and _DECIMAL.match(value) and scale is None:
        return value
    if not isinstance(value, str) or len(value) > 64 or scale is None or not re.match(r"[0-9]{1,2}\Z", str(scale)):
        return Refused("erp_decimal")
    try:
        unscaled = int.from_bytes(base64.b64decode(value, validate=True), "big", signed=True)
    except (binascii.Error, ValueError):
        return Refused("erp_decimal")
    digits = str(abs(unscaled)).zfill(int(scale) + 1)
    cut = len(digits) - int(scale)
    return ("-" if unscaled < 0 else "") + (f"{digits[:cut]}.{digits[cut:]}" if cut < len(digits) else digits)


def _day(value: Any, kind: str) -> str | Refused:
    """Days since 1970 (io.debezium.time.Date, Connect's Date); a timestamp of midnight counts as its day."""
    if kind in _UNITS:
        moment = _moment(value, kind)
        return moment if isinstance(moment, Refused) else moment[:10]
    if not _is_whole(value) or value > 2_932_896:
        return Refused("bad_time")
    return (_EPOCH + timedelta(days=value)).isoformat()


def _moment(value: Any, kind: str) -> str | Refused:
    """Milli-, micro- or nanoseconds since 1970, by the schema, or else by their size: 13, 16 or 19 digits are this century's."""
    if not _is_whole(value):
        return Refused("bad_time")
    per_second = _UNITS.get(kind) or (10**3 if value < 10**14 else 10**6 if value < 10**17 else 10**9)
    # Without a schema only the size tells the unit, and no converter of Debezium's writes seconds.
    if value // per_second > _MOST_SECONDS or (kind not in _UNITS and value in _SECONDS):
        return Refused("bad_time")
    whole, rest = divmod(value, per_second)
    return spelt(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=whole, microseconds=rest * 10**6 // per_second))
