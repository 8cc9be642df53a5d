"""What the ERP exports as files: CSV drops of products, prices, categories and accounts, each with its manifest.

Three drops: all tables at the start; some products and prices half-way (partial); categories and accounts again at the
end, from which a few are missing. And some that arrived broken, which must be refused whole.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from twin.masters import Table
from twin.shopify import moment

BOM = "\ufeff"


class Sheet(NamedTuple):
    """One table of a drop. `missing`: what a row that is not in a full drop means."""

    table: str
    rows: Table
    kind: str
    missing: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    bom: bool = False


class Drop(NamedTuple):
    number: int
    at: datetime
    sheets: list[Sheet]


class Broken(NamedTuple):
    """A drop with one thing wrong: the code with which it is refused, and the file that it is about."""

    folder: str
    code: str


def drops(tables: dict[str, Table], days: list[date]) -> list[Drop]:
    begin = datetime.combine(days[0], datetime.min.time())
    half, last = (
        begin + timedelta(days=len(days) // 2, hours=2),
        begin + timedelta(days=len(days) - 1, hours=3),
    )
    whole = [
        Sheet("category", tables["category"], "full", "deleted", "gb18030"),
        Sheet("product", tables["product"], "full", "discontinued", "gb18030"),
        Sheet("price", [p for p in tables["price"] if p["kind"] == "list"], "full", "deleted", bom=True),
        Sheet("account", tables["account"], "full", "ignored", delimiter=";"),
    ]
    renamed = [row | {"name": row["name"] + "（新包装）"} for row in tables["product"][::211]]
    gone = [row | {"status": "discontinued"} for row in tables["product"][100::1511]]
    changed = {row["sku"]: row for row in [*renamed, *gone]}
    partial = [
        Sheet("product", list(changed.values()), "partial", encoding="gb18030"),
        Sheet("price", [p for p in tables["price"] if p["kind"] == "promotion"], "partial"),
    ]
    again = [
        Sheet("category", tables["category"][:-1], "full", "deleted"),
        Sheet("account", tables["account"][:-1], "full", "ignored", "gb18030", ";"),
    ]
    # In a small world nothing may be on promotion.
    partial = [sheet for sheet in partial if sheet.rows]
    return [Drop(1, begin + timedelta(minutes=30), whole), Drop(2, half, partial), Drop(3, last, again)]


def write(folder: Path, drop: Drop, spoil: Callable[[dict[str, Any], dict[str, bytes]], None] | None = None) -> None:
    """Writes a drop as a folder. `spoil` changes the manifest and the files before they are written."""
    files = {f"{sheet.table}.csv": _csv(sheet) for sheet in drop.sheets}
    listed = [_listed(sheet, files[f"{sheet.table}.csv"]) for sheet in drop.sheets]
    manifest = {"drop": drop.number, "at": moment(drop.at), "tables": listed}
    if spoil:
        spoil(manifest, files)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")


def _csv(sheet: Sheet) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(sheet.rows[0]), delimiter=sheet.delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(sheet.rows)
    return ((BOM if sheet.bom else "") + text.getvalue()).encode(sheet.encoding)


def _listed(sheet: Sheet, content: bytes) -> dict[str, Any]:
    missing = {"missing": sheet.missing} if sheet.missing else {}
    return {
        "table": sheet.table, "file": f"{sheet.table}.csv", "kind": sheet.kind, **missing, "encoding": sheet.encoding,
        "delimiter": sheet.delimiter, "rows": len(sheet.rows), "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip


def broken(tables: dict[str, Table], days: list[date], folder: Path) -> Iterator[Broken]:
    """Writes drops that arrived broken into `folder`, one for each way, numbered after all good ones."""
    rows = tables["account"]
    at = datetime.combine(days[-1], datetime.min.time()) + timedelta(hours=4)
    for n, (code, spoil) in enumerate(SPOILERS.items()):
        sheet = Sheet("account", rows, "full", "ignored", delimiter=";")
        name = f"drop-{90 + n:03}"
        write(folder / name, Drop(90 + n, at, [sheet]), spoil)
        yield Broken(name, code)


def _cut_off(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    lines = files["account.csv"].split(b"\r\n")
    files["account.csv"] = b"\r\n".join(lines[: len(lines) // 2]) + b"\r\n"
    manifest["tables"][0]["sha256"] = hashlib.sha256(files["account.csv"]).hexdigest()


def _altered(_manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    files["account.csv"] = files["account.csv"].replace("库存现金".encode(), "库存现钞".encode())


def _renamed(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    files["account.csv"] = files["account.csv"].replace(b"account;", b"account_no;", 1)
    manifest["tables"][0]["sha256"] = hashlib.sha256(files["account.csv"]).hexdigest()


def _other_encoding(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    files["account.csv"] = files["account.csv"].decode().encode("gb18030")
    manifest["tables"][0]["sha256"] = hashlib.sha256(files["account.csv"]).hexdigest()


def _lost(_manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    del files["account.csv"]


def _unknown_kind(manifest: dict[str, Any], _files: dict[str, bytes]) -> None:
    manifest["tables"][0]["kind"] = "increment"


# code → how to break a drop.
SPOILERS: dict[str, Callable[[dict[str, Any], dict[str, bytes]], None]] = {
    "drop_rows": _cut_off,
    "drop_hash": _altered,
    "drop_header": _renamed,
    "drop_encoding": _other_encoding,
    "drop_file": _lost,
    "drop_manifest": _unknown_kind,
}
