"""The corner shop runs through the whole platform; `page.md` says what must come out."""

import csv
import re
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.installation import running

SHOP = Path(__file__).parent
TABLE = re.compile(r"<!-- (truth|repaired): (\w+) -->\n\|(.+)\|\n\|[-|]+\|\n((?:\|.+\|\n)+)")


def tables(kind: str) -> dict[str, list[list[str]]]:
    """The tables of the page, by name: a header and rows."""
    found = {}
    for match in TABLE.finditer((SHOP / "page.md").read_text()):
        if match[1] == kind:
            lines = [match[3], *(line.strip("|") for line in match[4].splitlines())]
            found[match[2]] = [[cell.strip() for cell in line.split("|")] for line in lines]
    return found


def write(folder: Path, truths: dict[str, list[list[str]]]) -> Path:
    folder.mkdir()
    for name, rows in truths.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return folder


def repaired() -> dict[str, list[list[str]]]:
    """The page as it stands after the repair: rows of the second part replace those with the same keys."""
    truths, keys = tables("truth"), {"receipts": 2, "stock_levels": 2}
    for name, (_, *rows) in tables("repaired").items():
        changed = {tuple(row[: keys[name]]): row for row in rows}
        truths[name] = [changed.get(tuple(row[: keys[name]]), row) for row in truths[name]]
    lines, cents = (sum(int(row[i]) for row in truths["receipts"][1:]) for i in (3, 4))
    receipts = sum(int(row[2]) for row in truths["receipts"][1:])
    values = {"receipts": receipts, "lines": lines, "sales_cents": cents}
    truths["totals"] = [[name, str(values.get(name, value))] for name, value in truths["totals"]]
    return truths


def test_the_page_has_every_table():
    assert set(tables("truth")) == {"receipts", "stock_levels", "dead_letters", "totals", "identifiers"}
    assert set(tables("repaired")) == {"receipts", "stock_levels"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    home = tmp_path_factory.mktemp("corner-shop") / "home"
    (home / "reference").mkdir(parents=True)
    shutil.copy(SHOP / "products-1.jsonl", home / "reference")
    with running(home) as installation:
        yield installation


@pytest.mark.kafka
def test_the_corner_shop_comes_out_as_worked_out_by_hand(shop, tmp_path):
    first = shop.zhongtai("ingest", "pos", "--format", "receipts-jsonl", SHOP / "day-1.jsonl", expect=3)
    assert first.last == {"accepted": 16, "refused": 3, "duplicates": 1}
    second = shop.zhongtai("ingest", "pos", SHOP / "day-2.jsonl", expect=3)
    assert second.last == {"accepted": 7, "refused": 2, "duplicates": 1}
    shop.settle()
    shop.zhongtai("run")
    said = shop.zhongtai("verify", "--truth", write(tmp_path / "truth", tables("truth")))
    assert said.last["different"] == 0
    assert said.last["checked"] > 20

    # The same files again, one under another name: no figure changes, or the figures after the repair would not hold.
    shutil.copy(SHOP / "day-1.jsonl", tmp_path / "monday.jsonl")
    again = shop.zhongtai("ingest", "pos", tmp_path / "monday.jsonl", SHOP / "day-2.jsonl", expect=3)
    assert again.last == {"accepted": 0, "refused": 5, "duplicates": 25}

    # Anna's repair comes in once, however often it is replayed.
    for replayed in ({"replayed": 1, "already": 0}, {"replayed": 0, "already": 1}):
        said = shop.zhongtai("dlq", "replay", "--with", SHOP / "repaired.jsonl")
        assert said.last == replayed | {"refused": 0, "unknown": 0}
        shop.settle()
    shop.zhongtai("dlq", "replay", "--again", "--with", SHOP / "repaired.jsonl")
    shop.settle()
    shop.zhongtai("run")
    said = shop.zhongtai("verify", "--truth", write(tmp_path / "repaired", repaired()))
    assert said.last["different"] == 0

    # One row changed by hand is found.
    levels = tmp_path / "repaired" / "stock_levels.csv"
    levels.write_text(levels.read_text().replace("MILK,lane,-11,8", "MILK,lane,-10,8"))
    said = shop.zhongtai("verify", "--truth", tmp_path / "repaired", expect=1)
    assert said.last["different"] == 2  # in Kafka's state, and in the mart
    _nothing_is_in_clear(shop)


def _nothing_is_in_clear(shop):
    """The card and the phone, in any spelling, are in raw.pos alone."""
    shown = [rb"6200[ -]?1234[ -]?5678[ -]?0001", rb"139[ -]?1234[ -]?5678"]
    kafka = shop.home / "kafka" / "data"
    files = [path for path in shop.home.rglob("*") if path.is_file() and "raw.pos-" not in str(path)]
    assert any(kafka in path.parents for path in files)
    for path in files:
        content = path.read_bytes()
        assert not [p for p in shown if re.search(p, content)], path
    con = duckdb.connect(
        str(shop.home / "marts" / (shop.home / "marts" / "CURRENT").read_text().strip()), read_only=True
    )
    for (table,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
        for row in con.execute(f'SELECT * FROM "{table}"').fetchall():
            assert not [p for p in shown if re.search(p.decode(), str(row))], table
