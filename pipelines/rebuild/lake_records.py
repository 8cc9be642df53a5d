"""The records of a lake table as they once lay in the topic: the same JSON, in the order of each partition.

Ciphers never enter the lake; in what comes back they are empty.
"""

import json
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from contracts.instants import spelt
from contracts.wire import Record
from pipelines.batch import Run
from pipelines.warehouse import duck
from pipelines.warehouse.lake_columns import LEFT_BEHIND, LakeColumn, columns
from pipelines.warehouse.store import Store, reach, reached

ROWS = 20_000


def runs(store: Store, topic: str, kind: type[Record], cut: Mapping[int, int]) -> Iterator[Run]:
    """The records of a topic below `cut` (partition → offset), a partition after the other, each in its order.

    A run may be replayed by any job whose `prepare` looks at values and keys alone. Raises `Corrupt` for a damaged lake.
    """
    table = duck.quoted(store.table(topic))
    with duck.cursor() as con, reached(store):
        reach(con, store)
        for partition, end in sorted(cut.items()):
            found = con.execute(_records_sql(kind, table), [partition, end])
            start = 0
            while rows := found.fetchmany(ROWS):
                yield _run(topic, partition, start, kind, rows)
                start = rows[-1][0] + 1


def _run(topic: str, partition: int, start: int, kind: type[Record], rows: list[tuple[int, str, str]]) -> Run:
    offsets, keys, values = zip(*rows, strict=True)
    n = len(rows)
    whole = [_whole(kind, value) for value in values] if _partial(kind) else [value.encode() for value in values]
    encoded = [k.encode() for k in keys]
    return Run(topic, partition, start, offsets[-1] + 1, list(offsets), encoded, whole, [0] * n, [()] * n)


def _records_sql(kind: type[Record], table: str) -> str:
    fields = ", ".join(f'"{name}" := {_json_sql(name, column)}' for name, column in columns(kind).items())
    return f"""
        SELECT kafka_offset, kafka_key, CAST(to_json(struct_pack({fields})) AS VARCHAR)
        FROM delta_scan('{table}')
        WHERE kafka_partition = ? AND kafka_offset < ?
        ORDER BY kafka_offset
    """  # noqa: S608


def _json_sql(name: str, column: LakeColumn) -> str:
    """A column as it is spelt in a record (`contracts.instants.spelt` for moments)."""
    if column.type.startswith("TIMESTAMP"):
        at = f"""timezone('UTC', "{name}")"""
        whole, part = f"strftime({at}, '%Y-%m-%dT%H:%M:%SZ')", f"strftime({at}, '%Y-%m-%dT%H:%M:%S.%fZ')"
        return f"""CASE WHEN epoch_us("{name}") % 1000000 = 0 THEN {whole} ELSE {part} END"""
    if column.type == "DATE":
        return f"""strftime("{name}", '%Y-%m-%d')"""
    return f'CAST("{name}" AS JSON)' if column.read_as == "JSON" else f'"{name}"'


@cache
def _partial(kind: type[msgspec.Struct]) -> bool:
    """Whether somewhere inside stands what the lake leaves behind, or holds in another spelling."""
    return any(
        field.name in LEFT_BEHIND or (inner and (_partial(inner) or _texts(inner) or _moments(inner)))
        for field, inner in _inside(kind)
    )


@cache
def _texts(kind: type[msgspec.Struct]) -> frozenset[str]:
    """The fields of a structure that the lake holds as JSON text."""
    return frozenset(name for name, column in columns(kind).items() if column.read_as.startswith("JSON"))


@cache
def _moments(kind: type[msgspec.Struct]) -> frozenset[str]:
    """The fields of a structure that the lake holds as moments."""
    return frozenset(name for name, column in columns(kind).items() if column.type.startswith("TIMESTAMP"))


@cache
def _inside(kind: type[msgspec.Struct]) -> tuple[tuple[msgspec.structs.FieldInfo, type[msgspec.Struct] | None], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((field, _struct(hints[field.name])) for field in msgspec.structs.fields(kind))


def _struct(hint: Any) -> type[msgspec.Struct] | None:
    """The structure that a field holds, or a list of; None for all else."""
    if isinstance(hint, type) and not isinstance(hint, types.GenericAlias) and issubclass(hint, msgspec.Struct):
        return hint
    inner = [_struct(part) for part in typing.get_args(hint) if part is not ...]
    return next((found for found in inner if found), None)


def _whole(kind: type[Record], text: str) -> bytes:
    return json.dumps(_restored(kind, json.loads(text)), ensure_ascii=False).encode()


def _restored(kind: type[msgspec.Struct], value: dict[str, Any], *, nested: bool = False) -> dict[str, Any]:
    for field, inner in _inside(kind):
        held = value.get(field.name)
        if field.name in LEFT_BEHIND:
            value[field.name] = ""
        elif nested and field.name in _texts(kind) and held is not None:
            value[field.name] = _read(held)
        elif nested and field.name in _moments(kind) and held is not None:
            value[field.name] = spelt(datetime.fromisoformat(held))
        elif inner and isinstance(held, dict):
            _restored(inner, held, nested=True)
        elif inner and isinstance(held, list):
            for part in held:
                _restored(inner, part, nested=True)
    return value


def _read(held: Any) -> Any:
    if isinstance(held, list):
        return [_read(part) for part in held]
    return json.loads(held) if isinstance(held, str) else held
