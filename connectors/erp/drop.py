"""The feed format `csv`: a drop is a folder of CSV files with a `manifest.json` that says what they are.

A drop is taken whole or not at all: every file is read once to be checked (hash, encoding, header, quotes, rows) and once
to be sent, a row at a time, so memory does not grow with it. What is wrong becomes one dead letter that tells the file.
"""

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import msgspec

from connectors.feeds import Piece
from connectors.strict_json import misshapen, unreadable
from contracts.erp import TABLES, Table
from contracts.errors import BadInput
from contracts.instants import utc
from contracts.keys import partition
from contracts.masters import DropEnd, Position, Row
from contracts.refusals import REASONS, Refused

FORMAT = "csv"
MANIFEST = "manifest.json"
LONGEST_MANIFEST = 1 << 20
LONGEST_CELL = 1 << 16
LONGEST_ROW = 4 << 20  # characters: twice what Kafka takes of a row
_CODECS = {"utf-8": "utf-8-sig", "gb18030": "gb18030"}
_FILE = re.compile(r"[^/\\\x00-\x1f]{1,200}\Z")
_PLACE = re.compile(r"[\w.: \[\]-]{0,250}\Z")
_encode = msgspec.json.Encoder().encode


class TableFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a drop. `missing` says what a key that a full drop does not hold has become."""

    table: str
    file: str
    kind: Literal["full", "partial"]
    rows: int
    sha256: str
    missing: Literal["deleted", "discontinued", "ignored"] | None = None
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    delimiter: Literal[",", ";", "\t", "|"] = ","


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`drop` is the number of the drop, which grows from one to the next: it is the version of its rows."""

    drop: int
    at: str
    tables: tuple[TableFile, ...]


class RawRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A raw record: a row with its drop, a row that does not fit its header, the end of a full table, or a refused drop."""

    table: str = ""
    drop: int = 0
    at: str = ""
    row: dict[str, str] | None = None
    cells: tuple[str, ...] | None = None
    missing: Literal["deleted", "discontinued", "ignored"] | None = None
    partition: int | None = None
    code: str = ""
    place: str = ""


class Fault(NamedTuple):
    refused: Refused
    line: int


_manifest = msgspec.json.Decoder(Manifest).decode
_raw = msgspec.json.Decoder(RawRow).decode


def pieces(file: BinaryIO, path: Path, partitions: int) -> Iterator[Piece]:
    """The rows of a drop as raw records, then the ends of its full tables, one for each partition of the topic.

    `file` and `path` are those of the manifest. Raises `BadInput` for standard input: a drop is a folder.
    """
    if path.name != MANIFEST:
        raise BadInput(f"{path} is no drop.", f"Name the folder with {MANIFEST}, or that file.")
    manifest = read_manifest(file.read(LONGEST_MANIFEST + 1))
    if isinstance(manifest, Refused):
        yield _refused(manifest, 1)
        return
    faults = [fault for table in manifest.tables if (fault := check(path.parent, table)) is not None]
    if faults:
        yield from (_refused(fault.refused, fault.line) for fault in faults)
        return
    for table in manifest.tables:
        yield from _rows(path.parent, manifest, table)
    for table in manifest.tables:
        if table.kind == "full" and table.missing != "ignored":
            for n in range(partitions):
                end = RawRow(table.table, manifest.drop, manifest.at, missing=table.missing, partition=n)
                yield Piece(_encode(end), table.rows + 1, _named(table))


def read_manifest(text: bytes) -> Manifest | Refused:
    """The manifest, or what is wrong with it and where."""
    if len(text) > LONGEST_MANIFEST:
        return Refused("too_large", MANIFEST)
    refused = unreadable(text)
    if refused:
        return Refused(refused.code, MANIFEST)
    try:
        manifest = _manifest(text)
    except msgspec.ValidationError as error:
        # A place holds no digits but indexes, so that it cannot hold anybody's number.
        inside = misshapen(str(error).replace("sha256", "sha")).place
        return Refused("drop_manifest", f"{MANIFEST}: {inside}".rstrip(": "))
    except (msgspec.DecodeError, RecursionError):
        return Refused("drop_manifest", MANIFEST)
    return _sensible(manifest) or manifest


def _sensible(manifest: Manifest) -> Refused | None:
    try:
        utc(manifest.at)
    except ValueError:
        return Refused("bad_time", f"{MANIFEST}: at")
    if not 0 <= manifest.drop < 1 << 53 or not manifest.tables:
        return Refused("drop_manifest", f"{MANIFEST}: drop")
    for n, table in enumerate(manifest.tables, 1):
        at = f"{MANIFEST}: tables[{n}]"
        if table.table not in TABLES or any(table.table == other.table for other in manifest.tables[: n - 1]):
            return Refused("erp_table", f"{at}.table")
        if not _FILE.match(table.file) or table.file in {".", ".."}:
            return Refused("drop_manifest", f"{at}.file")
        if (table.kind == "full") != (table.missing is not None):
            return Refused("drop_manifest", f"{at}.missing")
    return None


def check(folder: Path, table: TableFile) -> Fault | None:
    """What is wrong with a file of a drop as a whole, and on which line; None when all of it can be read."""
    try:
        with (folder / table.file).open("rb") as file:
            whole = hashlib.file_digest(file, "sha256").hexdigest() == table.sha256.lower()
        # A cut file has fewer rows, which says more than that its hash is another.
        return _checked(folder, table) or (None if whole else Fault(Refused("drop_hash", table.file), 1))
    except OSError:
        return Fault(Refused("drop_file", table.file), 1)


def _checked(folder: Path, table: TableFile) -> Fault | None:
    rows = 0
    if table.encoding == "gb18030" and (line := _utf_8_line(folder / table.file)):
        return Fault(Refused("drop_encoding", f"{table.file}: line [{line}]"), line)
    with (folder / table.file).open("rb") as file:
        reader = _Rows(file, table)
        try:
            wrong = _header(next(reader, []), TABLES[table.table])
            if wrong is not None:
                return Fault(Refused("drop_header", f"{table.file}: {wrong}"), 1)
            rows = sum(1 for cells in reader if cells)
        except UnicodeDecodeError:
            line = _unreadable_line(folder / table.file, _CODECS[table.encoding])
            return Fault(Refused("drop_encoding", f"{table.file}: line [{line}]"), line)
        except csv.Error:
            return Fault(Refused("drop_quotes", f"{table.file}: line [{reader.line_num}]"), reader.line_num)
        except _TooLong:
            return Fault(Refused("too_large", f"{table.file}: line [{reader.line_num + 1}]"), reader.line_num + 1)
        line = reader.line_num
    return None if rows == table.rows else Fault(Refused("drop_rows", f"{table.file}: rows [{rows}]"), line)


def _unreadable_line(path: Path, codec: str) -> int:
    """The first line that is not in an encoding. In both of ours a line end is a byte of its own, whatever is around it."""
    decoder = codecs.getincrementaldecoder(codec)()
    number = 1
    with path.open("rb") as file:
        while raw := file.readline(LONGEST_CELL):
            try:
                decoder.decode(raw)
            except UnicodeDecodeError:
                return number
            number += raw.endswith(b"\n")
    return number


def _utf_8_line(path: Path) -> int:
    """The first line with such text of a file that is UTF-8 beyond doubt, though it is said to be GB18030; 0 for another.

    GB18030 reads nearly any bytes, as wrong characters. Two characters of three bytes each are hardly a coincidence:
    read as GB18030 they are three, rare ones.
    """
    first, number, found = 0, 1, 0
    with path.open("rb") as file:
        decoder = codecs.getincrementaldecoder("utf-8")()
        while raw := file.readline(LONGEST_CELL):
            try:
                text = decoder.decode(raw)
            except UnicodeDecodeError:
                return 0
            wide = 0 if text.isascii() else sum(1 for character in text if "\u0800" <= character <= "\uffff")
            first = first or (number if wide else 0)
            found += wide
            number += raw.endswith(b"\n")
    return first if found >= 2 else 0


class _TooLong(Exception):
    """A row that no memory should hold. Never leaves this file."""


class _Rows:
    """The rows of a file, of which none is read beyond `LONGEST_ROW` characters, however many lines its quotes join."""

    def __init__(self, file: BinaryIO, table: TableFile) -> None:
        csv.field_size_limit(LONGEST_CELL)
        self._text = io.TextIOWrapper(file, encoding=_CODECS[table.encoding], errors="strict", newline="")
        self._reader = csv.reader(iter(self._line, ""), delimiter=table.delimiter, strict=True)
        self._left = LONGEST_ROW

    @property
    def line_num(self) -> int:
        return self._reader.line_num

    def __iter__(self) -> "_Rows":
        return self

    def __next__(self) -> list[str]:
        self._left = LONGEST_ROW
        return next(self._reader)

    def _line(self) -> str:
        line = self._text.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise _TooLong
        return line


def _header(names: list[str], table: Table) -> str | None:
    """The first column that is unknown, there twice, or lacking; None when the header will do."""
    plain = [name.strip() for name in names]
    for n, name in enumerate(plain, 1):
        if table.column(name) is None or name in plain[: n - 1]:
            return f"column [{n}]"
    return next((column.name for column in table.columns if column.required and column.name not in plain), None)


def _rows(folder: Path, manifest: Manifest, table: TableFile) -> Iterator[Piece]:
    with (folder / table.file).open("rb") as file:
        reader = _Rows(file, table)
        header = [name.strip() for name in next(reader)]
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                yield Piece(_encode(_row(manifest, table, header, cells)), line, _named(table))
            line = reader.line_num + 1


def _row(manifest: Manifest, table: TableFile, header: list[str], cells: list[str]) -> RawRow:
    if len(cells) != len(header):
        return RawRow(table.table, manifest.drop, manifest.at, cells=tuple(cells))
    plain = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
    return RawRow(table.table, manifest.drop, manifest.at, row=plain)


def _named(table: TableFile) -> tuple[tuple[str, bytes], ...]:
    return (("zt_file", table.file.encode(errors="replace")),)


def _refused(refused: Refused, line: int) -> Piece:
    return Piece(_encode(RawRow(code=refused.code, place=refused.place)), line)


def decode(value: bytes) -> Row | DropEnd | Refused:
    """What a raw record of a drop holds. Never raises, for any bytes; a refusal holds no value of theirs."""
    refused = unreadable(value)
    if refused:
        return refused
    try:
        raw = _raw(value)
    except (msgspec.DecodeError, RecursionError):
        return Refused("drop_manifest")
    return _refusal(raw) if raw.code else _read(raw)


def _refusal(raw: RawRow) -> Refused:
    """What the connector found wrong with a drop. Another sender's words are not repeated unless they are plain."""
    if raw.code not in REASONS or not _PLACE.match(raw.place):
        return Refused("drop_manifest")
    return Refused(raw.code, raw.place)


def _read(raw: RawRow) -> Row | DropEnd | Refused:
    table = TABLES.get(raw.table)
    if table is None:
        return Refused("erp_table", "table")
    position = _position(raw)
    if position is None:
        return Refused("bad_time", "at")
    if raw.missing is not None:
        return DropEnd(table.name, position, raw.missing)
    if raw.row is None:
        return Refused("erp_cells", table.name)
    return _decoded(raw.row, table, position)


def _decoded(row: dict[str, str], table: Table, position: Position) -> Row | Refused:
    if any(table.column(name) is None or len(cell) > LONGEST_CELL for name, cell in row.items()):
        return Refused("unknown_field", table.name)
    for part in table.key:
        column = table.column(part)
        if column is not None and column.required and not row.get(part):
            return Refused("missing", f"{table.name}.{part}")
    return Row(table.name, tuple(row.get(part, "") for part in table.key), position, False, row)


def _position(raw: RawRow) -> Position | None:
    try:
        return Position("csv", (raw.drop,), utc(raw.at)) if 0 <= raw.drop < 1 << 53 else None
    except ValueError:
        return None


def end_of(value: bytes) -> int:
    """The partition that the end of a full drop is meant for."""
    return _raw(value).partition or 0


def end_key(prefix: bytes, wanted: int, partitions: int) -> bytes:
    """A key that leads to a given partition: the end of a full drop concerns the keys of each."""
    n = 0
    while partition(by := prefix + b"|" + str(n).encode(), partitions) != wanted:
        n += 1
    return by
