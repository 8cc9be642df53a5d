"""Debezium's change envelopes, as its JSON converter writes them for several databases, with and without schemas."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.erp.debezium import decode
from contracts.masters import Position, Row
from contracts.refusals import Refused

POSTGRES = {"connector": "postgresql", "name": "erp", "ts_ms": 1763778000000, "table": "price", "lsn": 24023128}
PRICE = {
    "sku": "P1",
    "store": None,
    "kind": "list",
    "currency": "CNY",
    "amount": "12.50",
    "unit": "each",
    "valid_from": 20414,
    "valid_to": "2026-12-31",
    "created_by": "li.lei",
}
CELLS = {
    "sku": "P1",
    "kind": "list",
    "currency": "CNY",
    "amount": "12.50",
    "unit": "each",
    "valid_from": "2025-11-22",
    "valid_to": "2026-12-31",
}


def line(after: Any = PRICE, source: dict[str, Any] = POSTGRES, op: str = "u", **more: Any) -> bytes:
    before = {"sku": "P1", "kind": "list", "unit": "each", "valid_from": 20414}
    return json.dumps(
        {"before": before, "after": after, "source": source, "op": op, "ts_ms": 1763778000123} | more
    ).encode()


def row(text: bytes) -> Row:
    found = decode(text)
    assert isinstance(found, Row), found
    return found


def test_a_change_is_the_row_that_it_leaves_behind_with_its_place_in_the_log() -> None:
    position = Position("debezium", (24023128,), "2025-11-22T02:20:00Z")
    assert row(line()) == Row("price", ("P1", "", "list", "each", "2025-11-22"), position, False, CELLS)


def test_a_schema_around_the_payload_changes_nothing() -> None:
    bare = json.loads(line())
    assert decode(json.dumps({"schema": None, "payload": bare}).encode()) == decode(line())


def test_a_delete_is_told_by_its_row_before() -> None:
    found = row(line(after=None, op="d"))
    assert (found.deleted, found.key) == (True, ("P1", "", "list", "each", "2025-11-22"))


def test_inserts_updates_and_snapshots_are_rows_alike() -> None:
    assert len({row(line(op=op)).key for op in "cur"}) == 1


@pytest.mark.parametrize(
    ("source", "version"),
    [
        ({"lsn": 5}, (5,)),
        ({"file": "mysql-bin.000012", "pos": 154, "row": 2}, (12, 154, 2)),
        ({"file": "binlog.000999", "pos": 154}, (999, 154, 0)),
        ({"change_lsn": "00000027:00000ac0:0002", "event_serial_no": 1}, (0x27, 0xAC0, 2, 1)),
        ({"scn": "2868546"}, (2868546,)),
    ],
)
def test_positions_of_four_databases_grow(source: dict[str, Any], version: tuple[int, ...]) -> None:
    assert row(line(source={"ts_ms": 0, "table": "price"} | source)).position.version == version


def schema(column: str, name: str, **parameters: str) -> dict[str, Any]:
    field = {"field": column, "type": "bytes", "name": name, "parameters": parameters}
    return {"type": "struct", "fields": [{"field": "after", "type": "struct", "fields": [field]}]}


def encoded(unscaled: int) -> str:
    return base64.b64encode(unscaled.to_bytes(8, "big", signed=True)).decode()


@pytest.mark.parametrize(
    ("amount", "said", "text"),
    [
        ("12.50", None, "12.50"),
        (12.5, None, "12.5"),
        (12, None, "12"),
        (encoded(1250), schema("amount", "org.apache.kafka.connect.data.Decimal", scale="2"), "12.50"),
        (encoded(-5), schema("amount", "org.apache.kafka.connect.data.Decimal", scale="2"), "-0.05"),
        ({"scale": 3, "value": encoded(12500)}, None, "12.500"),
        ({"scale": 0, "value": encoded(7)}, None, "7"),
    ],
)
def test_decimals_are_exact_however_they_are_written(amount: Any, said: Any, text: str) -> None:
    whole = {"schema": said, "payload": json.loads(line(PRICE | {"amount": amount}))}
    assert row(json.dumps(whole).encode()).cells["amount"] == text


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        (1763778000123, "", "2025-11-22T02:20:00.123000Z"),
        (1763778000123456, "", "2025-11-22T02:20:00.123456Z"),
        (1763778000123456789, "", "2025-11-22T02:20:00.123456Z"),
        (1763778000000, "io.debezium.time.Timestamp", "2025-11-22T02:20:00Z"),
        (60000000, "io.debezium.time.MicroTimestamp", "1970-01-01T00:01:00Z"),
        ("2025-11-22T10:20:00+08:00", "io.debezium.time.ZonedTimestamp", "2025-11-22T10:20:00+08:00"),
    ],
)
def test_moments_are_read_in_every_unit(value: Any, name: str, text: str) -> None:
    order = {"po": "PO1", "supplier": "V1", "location": "DC", "currency": "CNY", "ordered_at": value, "status": "open"}
    payload = json.loads(line(order, POSTGRES | {"table": "purchase_order"}))
    whole = {"schema": schema("ordered_at", name), "payload": payload}
    assert row(json.dumps(whole).encode()).cells["ordered_at"] == text


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        (line()[:-9], "not_json", ""),
        (line().replace(b"P1", b"\xff"), "not_utf8", ""),
        (line().replace(b'"op"', b'"op": "c", "op"'), "written_twice", "op"),
        (b"[1]", "erp_envelope", ""),
        (b'{"payload": 7}', "erp_envelope", "payload"),
        (line(source=POSTGRES | {"table": "wages"}), "erp_table", "source.table"),
        (line(op="t"), "erp_operation", "op"),
        (line(source={"table": "price", "ts_ms": 1}), "erp_position", "source"),
        (line(source=POSTGRES | {"ts_ms": "now"}), "bad_time", "source.ts_ms"),
        (line(after=None), "erp_envelope", "after"),
        (line(PRICE | {"sku": None}), "missing", "after.sku"),
        (line(PRICE | {"amount": encoded(1250)}), "erp_decimal", "after.amount"),
        (line(PRICE | {"amount": [1]}), "wrong_type", "after.amount"),
        (line(PRICE | {"valid_from": -1}), "bad_time", "after.valid_from"),
    ],
)
def test_what_is_no_change_is_refused_with_what_and_where(text: bytes, code: str, place: str) -> None:
    assert decode(text) == Refused(code, place)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PRICE, "scale", "value"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(json_values, json_values, st.binary(max_size=60))
def test_no_value_and_no_bytes_raise(after: Any, source: Any, some: bytes) -> None:
    decode(line(after))
    decode(line(PRICE, POSTGRES | source if isinstance(source, dict) else source))
    decode(json.dumps({"schema": after, "payload": source}).encode())
    decode(some)
    decode(line().replace(b"price", some))
