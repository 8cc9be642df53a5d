"""The cells of a row become fields: each kind of column reads its text, or says why it cannot. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from contracts.erp import Column, Table
from contracts.gs1 import is_whole
from contracts.instants import utc
from contracts.masters import Barcode, BundlePart
from contracts.money import DECIMALS, minor
from contracts.refusals import Refused
from contracts.units import factor, zone

_CODE = re.compile(r"[^\s|\x00-\x1f\x7f][^|\x00-\x1f\x7f]{0,63}\Z")
_TEXT = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]{1,200}\Z")
_WHOLE = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")  # 7 and 007 would be two keys of one line
_HOUR = re.compile(r"[0-9]{1,2}\Z")
_QUANTITY = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?\Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOST_PARTS = 500
Read = Callable[[str, Column], Any]


def fields(table: Table, cells: Mapping[str, str], within: str = "") -> dict[str, Any] | Refused:
    """The fields of a row by column name, empty optional ones as "" or None. The first fault in column order is reported.

    `within` is where the cells stand in the record, for the place of a fault.
    """
    found: dict[str, Any] = {}
    for column in table.columns:
        text = cells.get(column.name, "")
        at = f"{within}{column.name}"
        if not text:
            if column.required:
                return Refused("missing", at)
            found[column.name] = _EMPTY.get(column.kind, column.values[0] if column.values else "")
            continue
        value = _READ[column.kind](text, column)
        if isinstance(value, Refused):
            return Refused(value.code, at)
        found[column.name] = value
    return _amounts(table, found, within)


def _amounts(table: Table, found: dict[str, Any], within: str) -> dict[str, Any] | Refused:
    """Money last: how many decimals it may have, its currency tells."""
    for column in table.columns:
        if column.kind == "money":
            amount = minor(found[column.name], found["currency"])
            if amount is None or amount < 0:
                return Refused("bad_amount", f"{within}{column.name}")
            found[column.name] = amount
    return found


_EMPTY: Mapping[str, Any] = {"whole": None, "units": {}, "barcodes": (), "bundle": ()}


def _code(text: str, _: Column) -> Any:
    return text if _CODE.match(text) else Refused("bad_value")


def _text(text: str, _: Column) -> Any:
    return text if _TEXT.match(text) else Refused("bad_value")


def _one_of(text: str, column: Column) -> Any:
    return text if text in column.values else Refused("bad_value")


def _whole(text: str, _: Column) -> Any:
    return int(text) if _WHOLE.match(text) else Refused("bad_value")


def _hour(text: str, _: Column) -> Any:
    return int(text) if _HOUR.match(text) and int(text) < 24 else Refused("bad_value")


def _quantity(text: str, _: Column) -> Any:
    return text if _QUANTITY.match(text) else Refused("bad_value")


def _day(text: str, _: Column) -> Any:
    try:
        return date.fromisoformat(text).isoformat() if _DAY.match(text) else Refused("bad_time")
    except ValueError:
        return Refused("bad_time")


def _moment(text: str, _: Column) -> Any:
    try:
        return utc(text)
    except ValueError:
        return Refused("bad_time")


def _zone(text: str, _: Column) -> Any:
    return text if len(text) <= 64 and zone(text) is not None else Refused("unknown_zone")


def _currency(text: str, _: Column) -> Any:
    return text if text in DECIMALS else Refused("unknown_currency")


def _as_written(text: str, _: Column) -> Any:
    return text


def _gln(text: str, _: Column) -> Any:
    return text if len(text) == 13 and is_whole(text) else Refused("epcis_check_digit")


def _units(text: str, _: Column) -> Any:
    """`kg=1000;jin=500`: base units in one of each."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        unit, equals, number = (piece.strip() for piece in part.partition("="))
        if not equals or not _CODE.match(unit) or factor(number) is None or unit in found:
            return Refused("bad_conversion")
        found[unit] = number
    return found if len(found) <= _MOST_PARTS else Refused("bad_conversion")


def _barcodes(text: str, _: Column) -> Any:
    """`6901234567892;16901234567899@case`: a code, and the unit that it stands for."""
    found = []
    for part in text.split(";"):
        code, marked, unit = (piece.strip() for piece in part.partition("@"))
        if not _CODE.match(code) or (marked and not _CODE.match(unit)):
            return Refused("bad_value")
        found.append(Barcode(code, unit))
    distinct = len({barcode.code for barcode in found}) == len(found) <= _MOST_PARTS
    return tuple(found) if distinct else Refused("bad_value")


def _bundle(text: str, _: Column) -> Any:
    """`P1*2;P2*1@case`: what one bundle holds."""
    found = []
    for part in text.split(";"):
        sku, star, rest = (piece.strip() for piece in part.partition("*"))
        quantity, marked, unit = (piece.strip() for piece in rest.partition("@"))
        if not star or not _CODE.match(sku) or not _QUANTITY.match(quantity) or (marked and not _CODE.match(unit)):
            return Refused("bad_value")
        found.append(BundlePart(sku, quantity, unit))
    return tuple(found) if len(found) <= _MOST_PARTS else Refused("bad_value")


_READ: Mapping[str, Read] = {
    "code": _code,
    "text": _text,
    "one_of": _one_of,
    "whole": _whole,
    "hour": _hour,
    "quantity": _quantity,
    "day": _day,
    "moment": _moment,
    "zone": _zone,
    "currency": _currency,
    "money": _as_written,
    "gln": _gln,
    "units": _units,
    "barcodes": _barcodes,
    "bundle": _bundle,
}
