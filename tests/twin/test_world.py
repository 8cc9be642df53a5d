"""Making a world: the same bytes for the same recipe, in a folder that is whole or untouched."""

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from cli.twin import app
from contracts.errors import BadInput
from tests.twin.recount import poison_places, read_csv, recount
from twin.baskets import SOURCE_LAST, basket_lines, window
from twin.faults import Rates
from twin.world import Recipe, _exchange, make

SMALL = Recipe(base_date=date(2026, 11, 22), days=2, seed=1, feeds="pos")


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_recipe_makes_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    make(msgspec.structs.replace(SMALL, feeds="all"), tmp_path / "here")
    code = (
        "from datetime import date; from pathlib import Path; from twin.world import Recipe, make;"
        f"make(Recipe(base_date=date(2026, 11, 22), days=2, seed=1), Path({str(tmp_path / 'there')!r}))"
    )
    root = Path(__file__).parents[2]
    # One thread: the order in which threads finish must not matter.
    env = {"PYTHONPATH": str(root), "POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "5"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, env=env)
    assert files(tmp_path / "here") == files(tmp_path / "there")


def test_another_seed_has_other_faults_and_the_same_baskets(tmp_path: Path) -> None:
    one = make(SMALL, tmp_path / "one")
    two = make(msgspec.structs.replace(SMALL, seed=2), tmp_path / "two")
    assert poison_places(tmp_path / "one") != poison_places(tmp_path / "two")
    assert abs(one.lines - two.lines) < 0.05 * one.lines


def test_a_world_without_faults_is_in_time_order_and_has_nothing_to_refuse(tmp_path: Path) -> None:
    quiet = msgspec.structs.replace(SMALL, rates=Rates(duplicates=0, out_of_order=0, poison=0))
    counts = make(quiet, tmp_path / "world")
    assert (counts.poison, counts.duplicates, counts.out_of_order) == (0, 0, 0)
    assert read_csv(tmp_path / "world" / "truth" / "receipts.csv") == recount(tmp_path / "world")["receipts"]
    assert files(tmp_path / "world" / "truth") == files(tmp_path / "world" / "truth_repaired")


def test_a_world_of_mostly_faults_still_adds_up(tmp_path: Path) -> None:
    rough = msgspec.structs.replace(SMALL, rates=Rates(duplicates=0.5, out_of_order=0.5, poison=0.04))
    counts = make(rough, tmp_path / "world")
    assert counts.poison > 25
    for table, rows in recount(tmp_path / "world").items():
        assert read_csv(tmp_path / "world" / "truth" / f"{table}.csv") == rows


def test_one_day_is_a_world(tmp_path: Path) -> None:
    make(msgspec.structs.replace(SMALL, days=1), tmp_path / "world")
    assert [p.name for p in (tmp_path / "world" / "feeds" / "pos").iterdir()] == ["receipts-2026-11-22.jsonl"]
    assert read_csv(tmp_path / "world" / "truth" / "totals.csv") == recount(tmp_path / "world")["totals"]


def test_a_twin_world_is_replaced_whole(tmp_path: Path) -> None:
    make(SMALL, tmp_path / "world")
    (tmp_path / "world" / "left-over").touch()
    make(msgspec.structs.replace(SMALL, days=1), tmp_path / "world")
    assert not (tmp_path / "world" / "left-over").exists()
    assert json.loads((tmp_path / "world" / "world.json").read_bytes())["days"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["world"]


@pytest.mark.parametrize("mark", [None, b"{}", b"[]", b"\xff", b'{"seed": 1}'])
def test_a_folder_that_is_no_world_is_left_alone(tmp_path: Path, mark: bytes | None) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    if mark is not None:
        (out / "world.json").write_bytes(mark)
    before = files(out)
    with pytest.raises(BadInput):
        make(SMALL, out)
    assert files(out) == before


def test_a_world_that_fails_half_way_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    make(SMALL, tmp_path / "world")
    before = files(tmp_path / "world")

    def power_cut(what: str, done: int, _of: int) -> None:
        if (what, done) == ("feeds", 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(msgspec.structs.replace(SMALL, seed=9), tmp_path / "world", power_cut)
    assert files(tmp_path / "world") == before
    assert [p.name for p in tmp_path.iterdir()] == ["world"]


def test_a_place_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput):
        make(SMALL, tmp_path / "file" / "world")


def test_an_exchange_that_fails_puts_the_old_world_back(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "world.json").touch()
    with pytest.raises(FileNotFoundError):
        _exchange(tmp_path / "never made", tmp_path / "out", tmp_path / "old")
    assert [str(p.relative_to(tmp_path)) for p in sorted(tmp_path.rglob("*"))] == ["out", "out/world.json"]


@pytest.mark.parametrize("change", [{"days": 0}, {"days": 361}, {"scale": 0}, {"scale": 1000}])
def test_a_world_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        make(msgspec.structs.replace(SMALL, **change), tmp_path / "world")
    assert not list(tmp_path.iterdir())


def test_rates_above_a_half_are_refused() -> None:
    with pytest.raises(BadInput, match="out_of_order"):
        Rates(out_of_order=0.6)


@pytest.mark.parametrize(
    "base", [date(2026, 11, day) for day in range(16, 23)] + [date(2000, 2, 29), date(2017, 12, 31)]
)
def test_days_are_moved_by_whole_weeks_to_end_on_the_base_date(base: date) -> None:
    played = window(base, 28)
    assert played.shift.days % 7 == 0
    assert (played.days[-1], len(played.days)) == (base, 28)
    # Nobody bought on the source's last Monday, so the one before stands for today.
    assert 0 <= (SOURCE_LAST - played.last).days - 7 * (base.weekday() == 0) < 7


def test_a_window_that_begins_before_the_source_begins_with_an_empty_day(tmp_path: Path) -> None:
    # 2026-11-23 is a Monday, so the last source day is 2017-12-25 and the first would be 2016-12-31.
    played = window(date(2026, 11, 23), 360)
    lines = basket_lines(msgspec.structs.replace(played, last=played.first + timedelta(1)), 1)
    assert set(lines["at"].dt.date()) == {played.days[1]}


def test_the_command_ends_with_one_line_of_json(tmp_path: Path) -> None:
    options = ["make", "--days", "1", "--seed", "3", "--out", str(tmp_path / "world"), "--base-date", "2026-11-22"]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout.splitlines()[-1])
    assert list(facts) == [
        "receipts", "lines", "sales_cents", "stock_levels", "poison", "duplicates", "out_of_order",
        "orders", "web_lines", "behaviours", "warehouse_moves", "purchase_orders", "identifiers", "days", "seed",
    ]  # fmt: skip
    assert (facts["days"], facts["seed"]) == (1, 3)


def test_without_a_base_date_the_world_ends_today_in_the_shops(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["make", "--days", "1", "--out", str(tmp_path / "world")]).exit_code == 0
    made = date.fromisoformat(json.loads((tmp_path / "world" / "world.json").read_bytes())["base_date"])
    # Only that it is about now: the day may change while the test runs.
    from connectors.clock import SystemClock

    assert abs((SystemClock().now().date() - made).days) <= 1
