"""Drops of CSV files: taken whole or refused with the file, the line and what to do."""

import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.erp import drop
from connectors.erp.rows import partitioning_key
from connectors.feeds import Piece
from contracts.errors import BadInput
from contracts.keys import partition
from contracts.masters import DropEnd, Position, Row
from contracts.refusals import Refused

HEADER = "sku,name,base_unit,units\n"
ROWS = 'P1,苹果,g,kg=1000\nP2,"Water, still\n(1 l)",each,\n'
AT = "2026-11-22T02:00:00+08:00"


def write(folder: Path, text: str = HEADER + ROWS, written_in: str = "utf-8", **changed: Any) -> Path:
    body = text.encode(written_in)
    (folder / "product.csv").write_bytes(body)
    table = {
        "table": "product",
        "file": "product.csv",
        "kind": "full",
        "missing": "discontinued",
        "rows": 2,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    table = {k: v for k, v in (table | changed).items() if v is not ...}
    path = folder / "manifest.json"
    path.write_text(json.dumps({"drop": 12, "at": AT, "tables": [table]}))
    return path


def read(path: Path) -> list[Piece]:
    with path.open("rb") as file:
        return list(drop.pieces(file, path, 4))


def said(path: Path) -> list[Any]:
    return [drop.decode(piece.value) for piece in read(path)]


POSITION = Position("csv", (12,), "2026-11-21T18:00:00Z")
EXPECTED = [
    Row("product", ("P1",), POSITION, False, {"sku": "P1", "name": "苹果", "base_unit": "g", "units": "kg=1000"}),
    Row("product", ("P2",), POSITION, False, {"sku": "P2", "name": "Water, still\n(1 l)", "base_unit": "each"}),
]
ENDS = [DropEnd("product", POSITION, "discontinued")] * 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_full_drop_is_its_rows_and_an_end_for_each_partition(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, written_in=encoding, **({"encoding": encoding} if encoding == "gb18030" else {}))
    assert said(path) == EXPECTED + ENDS
    assert [piece.line for piece in read(path)][:2] == [2, 3]


def test_the_end_of_a_drop_reaches_every_partition(tmp_path: Path) -> None:
    ends = read(write(tmp_path))[2:]
    keys = [partitioning_key("t", end.value, drop.decode(end.value)) for end in ends]
    assert sorted(partition(by, 4) for by in keys) == [0, 1, 2, 3]


def test_a_partial_drop_ends_nothing(tmp_path: Path) -> None:
    assert said(write(tmp_path, kind="partial", missing=...)) == EXPECTED
    assert said(write(tmp_path, missing="ignored")) == EXPECTED


def test_other_delimiters_and_line_ends_and_column_orders_read_alike(tmp_path: Path) -> None:
    text = 'name;base_unit;sku;units\r\n苹果;g;P1;"kg=1000"\r\n\r\n"Water, still\n(1 l)";each;P2;\r\n'
    assert said(write(tmp_path, text, delimiter=";")) == EXPECTED + ENDS


@pytest.mark.parametrize(
    ("text", "changed", "code", "place"),
    [
        (HEADER.replace("base_unit,", "") + "P1,x,\nP2,y,\n", {}, "drop_header", "product.csv: base_unit"),
        (HEADER.replace("units", "colour") + ROWS, {}, "drop_header", "product.csv: column [4]"),
        (HEADER.replace("units", "sku") + ROWS, {}, "drop_header", "product.csv: column [4]"),
        ("", {"rows": 0}, "drop_header", "product.csv: sku"),
        (HEADER + ROWS, {"rows": 3}, "drop_rows", "product.csv: rows [2]"),
        (HEADER + ROWS, {"sha256": "0" * 64}, "drop_hash", "product.csv"),
        (HEADER + "P1,x,g,\n", {"sha256": "0" * 64}, "drop_rows", "product.csv: rows [1]"),
        (
            HEADER + ROWS.replace("苹果", "红富士苹果"),
            {"encoding": "gb18030"},
            "drop_encoding",
            "product.csv: line [2]",
        ),
        (HEADER + 'P1,"x,g,\nP2,y,g,\n', {}, "drop_quotes", None),
        (HEADER + 'P1,"x"y,g,\nP2,y,g,\n', {}, "drop_quotes", "product.csv: line [2]"),
        (HEADER + "P1,x,g\n" + "," * drop.LONGEST_ROW + "\n", {}, "too_large", "product.csv: line [3]"),
        (HEADER + '"x\n",' * (drop.LONGEST_ROW // 4), {}, "too_large", None),
        (HEADER + ROWS, {"file": "gone.csv"}, "drop_file", "gone.csv"),
        (HEADER + ROWS, {"file": "../product.csv"}, "drop_manifest", "manifest.json: tables[1].file"),
        (HEADER + ROWS, {"table": "wages"}, "erp_table", "manifest.json: tables[1].table"),
        (HEADER + ROWS, {"missing": ...}, "drop_manifest", "manifest.json: tables[1].missing"),
        (HEADER + ROWS, {"rows": "2"}, "drop_manifest", "manifest.json: tables[1].rows"),
        (HEADER + ROWS, {"kind": "delta"}, "drop_manifest", "manifest.json: tables[1].kind"),
    ],
)
def test_a_wrong_drop_is_refused_as_a_whole_with_what_and_where(
    tmp_path: Path, text: str, changed: dict[str, Any], code: str, place: str | None
) -> None:
    (refused,) = said(write(tmp_path, text, **changed))
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert place is None or refused.place == place


def test_gb18030_that_calls_itself_utf_8_is_refused_with_the_line(tmp_path: Path) -> None:
    assert said(write(tmp_path, written_in="gb18030")) == [Refused("drop_encoding", "product.csv: line [2]")]


def test_a_manifest_that_is_none_is_refused(tmp_path: Path) -> None:
    for text, refused in (
        (b"{", Refused("not_json", "manifest.json")),
        (b'{"drop": 1}', Refused("drop_manifest", "manifest.json: at")),
        (b'{"drop": 1, "at": "today", "tables": []}', Refused("bad_time", "manifest.json: at")),
    ):
        assert drop.read_manifest(text) == refused
    with pytest.raises(BadInput, match="is no drop"):
        list(drop.pieces(BytesIO(b""), Path("-"), 4))


def test_a_row_that_does_not_fit_its_header_is_refused_alone(tmp_path: Path) -> None:
    found = said(write(tmp_path, HEADER + "P1,x,g,,extra\nP2,y,g,\n"))
    assert found[0] == Refused("erp_cells", "product")
    assert isinstance(found[1], Row)
    assert said(write(tmp_path, HEADER + ",x,g,\nP2,y,g,\n"))[0] == Refused("missing", "product.sku")


def test_a_large_file_is_read_in_little_memory(tmp_path: Path) -> None:
    rows = 60_000
    text = HEADER + "".join(f"P{n},product number {n},each,case=12\n" for n in range(rows))
    path = write(tmp_path, text, rows=rows)
    tracemalloc.start()
    with path.open("rb") as file:
        assert sum(1 for _ in drop.pieces(file, path, 4)) == rows + 4
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.sampled_from(["manifest", "file", "raw"]))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, some: bytes, where: str) -> None:
    if where == "raw":
        drop.decode(some)
        drop.decode(b'{"table":"product","drop":1,"at":"' + some)
        return
    folder = tmp_path_factory.getbasetemp() / "drop"
    folder.mkdir(exist_ok=True)
    path = write(folder)
    if where == "manifest":
        path.write_bytes(some)
    else:
        (folder / "product.csv").write_bytes(HEADER.encode() + some)
    for piece in _pieces(path):
        drop.decode(piece.value)


def _pieces(path: Path) -> Iterator[Piece]:
    with path.open("rb") as file:
        yield from drop.pieces(file, path, 4)
