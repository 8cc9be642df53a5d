"""Files in and out of batch matching: records from CSV or Parquet, pairs to Parquet."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from connectors import atomic
from contracts.errors import BadInput
from oneid.matching.mapping import MatchMapping, mapped

MOST_BYTES = 4 << 30
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class Table(NamedTuple):
    """A file as read: its columns, its rows as texts, and the encoding it was read with."""

    columns: list[str]
    rows: list[list[str]]
    encoding: str


class Records(NamedTuple):
    """`ids` and `records` in the order of the file; a record maps roles to texts."""

    ids: list[str]
    records: list[dict[str, str]]
    mapping: MatchMapping


def read(path: Path, encoding: str = "auto") -> Table:
    """A CSV (comma, semicolon, tab or |) or Parquet file with a header. `BadInput` says what is wrong with it."""
    if not path.is_file():
        raise BadInput(f"There is no file {path}.", "Give the path of a CSV or Parquet file.")
    if path.stat().st_size > MOST_BYTES:
        raise BadInput(f"{path} is larger than 4 GB.", "Match it in parts, for example by city.")
    content = path.read_bytes()
    if content[:4] == b"PAR1":
        table = _parquet(content, path)
    else:
        text, encoding = decoded(content, path, encoding)
        columns, rows = _csv(text, path)
        table = Table(columns, rows, encoding)
    if not table.rows:
        raise BadInput(f"{path} has no records.", "It must have a header and at least one line below it.")
    if repeated := sorted({c for c in table.columns if table.columns.count(c) > 1}):
        raise BadInput(f"{path} has two columns {', '.join(repeated)}.", "Give each column a name of its own.")
    return table


def decoded(content: bytes, path: Path, encoding: str = "auto") -> tuple[str, str]:
    """The text and its encoding. `auto`: a byte-order mark, else UTF-8, else GB18030, which holds GBK and GB2312."""
    if not content.strip():
        raise BadInput(f"{path} is empty.", "It must have a header and at least one record.")
    marked = [name for mark, name in _BOMS if content.startswith(mark)]
    for name in marked or (["utf-8", "gb18030"] if encoding == "auto" else [encoding]):
        try:
            return content.decode(name), name
        except UnicodeDecodeError:
            continue
        except LookupError:
            raise BadInput(f"There is no encoding {name}.", "Common ones: utf-8, gb18030, big5, latin-1.") from None
    tried = "UTF-8 nor GB18030" if encoding == "auto" else encoding
    raise BadInput(f"{path} is not text in {tried}.", "Say which it is: --encoding gb18030 (or big5, utf-16, latin-1)")


def records(table: Table, mapping: object, path: Path) -> Records:
    """The records of a table under a mapping (a parsed YAML document, or None for the obvious one)."""
    chosen = mapped(mapping, table.columns)
    places = {role: table.columns.index(column) for role, column in chosen.columns.items()}
    ids, seen = [], dict[str, int]()
    for line, row in enumerate(table.rows, 2):
        id = row[places["id"]].strip()
        if not id:
            raise BadInput(f"{path}, record {line - 1}: the id is empty.", "Every record needs an id of its own.")
        if id in seen:
            raise BadInput(
                f"{path}: records {seen[id]} and {line - 1} have the same id.",
                f"The column {chosen.columns['id']} must tell records apart; map another one to `id`.",
            )
        seen[id] = line - 1
        ids.append(id)
    told = [{role: row[place] for role, place in places.items() if role != "id"} for row in table.rows]
    return Records(ids, told, chosen)


def mapping_file(path: Path) -> object:
    """The mapping in a YAML file, parsed but not checked."""
    if not path.is_file():
        raise BadInput(f"There is no mapping {path}.", "docs/oneid-matching.md shows one.")
    try:
        text, _ = decoded(path.read_bytes(), path)
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise BadInput(f"{path}{where} is not YAML.", "docs/oneid-matching.md shows a mapping.") from None


def write_pairs(path: Path, ids: list[str], pairs: Iterable[tuple[int, int, float]], facts: dict[str, str]) -> None:
    """`id_a`, `id_b`, `probability`, in the order of the file; `facts` go into the file's metadata. Replaces the file whole."""
    told = list(pairs)
    schema = pa.schema([("id_a", pa.string()), ("id_b", pa.string()), ("probability", pa.float64())], facts)
    columns = [[ids[a] for a, _, _ in told], [ids[b] for _, b, _ in told], [p for _, _, p in told]]
    sink = io.BytesIO()
    pq.write_table(
        pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema), sink, compression="zstd"
    )
    atomic.write(path, sink.getvalue())


def _csv(text: str, path: Path) -> tuple[list[str], list[list[str]]]:
    if "\0" in text:
        raise BadInput(f"{path} holds NUL characters: it is no text.", "Export it as CSV.")
    header = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(",;\t|", key=header.count)
    csv.field_size_limit(1 << 24)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        columns = [c.strip() for c in next(reader)]
        return columns, list(_rows(reader, len(columns), path))
    except (csv.Error, StopIteration):
        raise BadInput(f"{path} is not CSV.", "Export it as CSV with a header.") from None


def _rows(reader: Iterable[list[str]], width: int, path: Path) -> Iterator[list[str]]:
    number = 0
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        number += 1
        if len(row) > width:
            raise BadInput(
                f"{path}, record {number}: {len(row)} fields where the header has {width}.",
                'Put fields that hold the separator in quotes: "a, b".',
            )
        yield row + [""] * (width - len(row))


def _parquet(content: bytes, path: Path) -> Table:
    try:
        table = pq.read_table(io.BytesIO(content))
    except pa.ArrowException:
        raise BadInput(f"{path} is not whole Parquet.", "Write it again.") from None
    columns = [["" if v is None else str(v) for v in column.to_pylist()] for column in table.columns]
    return Table(table.column_names, [list(row) for row in zip(*columns, strict=True)], "parquet")
