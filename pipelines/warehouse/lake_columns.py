"""The columns of a lake table follow from its record: adding a topic to the table of topics is enough to keep its history.

A field becomes a column of its own type; a moment that every record has (`at`, `…_at`) is a TIMESTAMPTZ, a `business_date`
a DATE. Structures stay structures and lists lists. What has no fixed shape stays JSON text. Ciphers are left behind: what
may have to be destroyed does not enter what is kept for ever.
"""

import types
import typing
from functools import cache
from typing import Any, NamedTuple

import msgspec

# Columns that Kafka gives, not the JSON value. The last two tell when the broker took the record.
PLACE = {
    "kafka_key": "VARCHAR",
    "kafka_partition": "INTEGER",
    "kafka_offset": "BIGINT",
    "ingested_at": "TIMESTAMP WITH TIME ZONE",
    "ingested_on": "DATE",
}
LEFT_BEHIND = frozenset({"cipher"})
_PLAIN: dict[object, str] = {int: "BIGINT", bool: "BOOLEAN", float: "DOUBLE", str: "VARCHAR"}
_SMALL = frozenset({"v", "partition"})
_MOMENT = "TIMESTAMP WITH TIME ZONE"


class LakeColumn(NamedTuple):
    """A column's DuckDB type, the type that its JSON is read as, and whether a record may come without it, or with null."""

    type: str
    read_as: str
    optional: bool


@cache
def columns(kind: type[msgspec.Struct]) -> dict[str, LakeColumn]:
    """The columns that a record's fields become, in their order, without those that Kafka gives."""
    hints = typing.get_type_hints(kind)
    found = {}
    for field in msgspec.structs.fields(kind):
        if field.name not in LEFT_BEHIND:
            nullable = type(None) in typing.get_args(hints[field.name])
            optional = (nullable or not field.required) and field.name != "v"
            read_as = _type(field.name, hints[field.name], _is_moment(field))
            found[field.name] = LakeColumn(read_as.replace("JSON", "VARCHAR"), read_as, optional)
    return found


def _is_moment(field: msgspec.structs.FieldInfo) -> bool:
    # A moment with a default may be the empty text, which is no moment.
    named = field.name in ("at", "as_of") or field.name.endswith("_at")
    return named and (field.required or field.default is None)


def _type(name: str, hint: Any, moment: bool = False) -> str:
    inner = [part for part in typing.get_args(hint) if part not in (type(None), ...)]
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        return _type(name, inner[0], moment) if len(inner) == 1 or origin is typing.Annotated else "JSON"
    if origin in (tuple, list, frozenset, set) and len(set(inner)) == 1:
        return f"{_type('', inner[0])}[]"
    if origin is typing.Literal:
        return "VARCHAR" if all(isinstance(choice, str) for choice in inner) else "JSON"
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _struct(hint)
    return _plain(name, hint, moment)


def _plain(name: str, hint: Any, moment: bool) -> str:
    if hint is str and moment:
        return _MOMENT
    if hint is str and name == "business_date":
        return "DATE"
    if hint is int and name in _SMALL:
        return "INTEGER"
    return _PLAIN.get(hint, "JSON")


def _struct(kind: type[msgspec.Struct]) -> str:
    return (
        f"STRUCT({', '.join(f'{chr(34)}{name}{chr(34)} {column.read_as}' for name, column in columns(kind).items())})"
    )
