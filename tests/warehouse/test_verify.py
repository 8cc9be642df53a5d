from pathlib import Path

import pytest

from contracts.errors import BadInput
from pipelines.verify import TRUTHS, Difference, Total, compare, read_truths

LEVELS = TRUTHS["stock_levels"]
TRUE = {("P1", "S1"): (5, 2), ("P2", "S1"): (-1, 1)}


def test_equal_tables_do_not_differ() -> None:
    same = compare("stock_levels", LEVELS, TRUE, dict(reversed(TRUE.items())))
    assert (same.checked, same.differences) == (2, ())
    assert same.totals == (Total("rows", 2, 2), Total("on_hand", 4, 4), Total("movements", 3, 3))


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        (TRUE | {("P1", "S1"): (6, 2)}, Difference(("P1", "S1"), (5, 2), (6, 2))),
        ({("P1", "S1"): (5, 2)}, Difference(("P2", "S1"), (-1, 1), None)),
        (TRUE | {("P3", "S1"): (0, 0)}, Difference(("P3", "S1"), None, (0, 0))),
    ],
    ids=["changed", "missing", "too many"],
)
def test_one_row_is_found(found: dict[tuple[str, str], tuple[int, int]], difference: Difference) -> None:
    assert compare("stock_levels", LEVELS, TRUE, found).differences == (difference,)


def test_rows_that_change_places_differ_though_their_sums_agree() -> None:
    swapped = compare("stock_levels", LEVELS, TRUE, {("P1", "S1"): (-1, 1), ("P2", "S1"): (5, 2)})
    assert len(swapped.differences) == 2
    assert all(total.truth == total.found for total in swapped.totals)


def test_totals_stand_side_by_side() -> None:
    told = compare("totals", TRUTHS["totals"], {("lines",): (7,), ("receipts",): (3,)}, {("lines",): (7,)})
    assert told.totals == (Total("lines", 7, 7), Total("receipts", 3, 0))


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("stock_level.csv", "sku\n", "Unknown truth: stock_level.csv"),
        ("receipts.csv", "store,business_date\nS1,2026-01-01\n", "cannot be read"),
        ("totals.csv", "name,value\nlines,1.5\n", "cannot be read"),
        ("totals.csv", "name,value\nlines,1\nlines,1\n", "two rows of lines"),
    ],
)
def test_a_truth_that_cannot_be_read_is_told(tmp_path: Path, name: str, text: str, wrong: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=wrong) as error:
        read_truths(tmp_path)
    assert error.value.do


def test_an_empty_folder_is_no_truth(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no truth"):
        read_truths(tmp_path)
