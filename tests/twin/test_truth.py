"""The truth is recounted from the feeds by code that shares nothing with the twin."""

from pathlib import Path

import pytest

from tests.twin.recount import accepted, poison_places, read_csv, recount
from twin.world import Counts

TABLES = ["receipts", "stock_levels", "dead_letters", "totals"]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(("folder", "repaired"), [("truth", False), ("truth_repaired", True)])
def test_truth_is_what_a_recount_of_the_feeds_comes_to(world: Path, folder: str, repaired: bool, table: str) -> None:
    assert read_csv(world / folder / f"{table}.csv") == recount(world, repaired=repaired)[table]


def test_dead_letters_are_counted_the_same_once_they_are_repaired(world: Path) -> None:
    before, after = (world / folder / "dead_letters.csv" for folder in ("truth", "truth_repaired"))
    assert before.read_bytes() == after.read_bytes()


def test_repairing_adds_one_receipt_for_each_poison(world: Path) -> None:
    assert len(accepted(world, repaired=True)) - len(accepted(world)) == len(poison_places(world))


def test_the_counts_are_the_totals(world: Path, counts: Counts) -> None:
    totals = {name: int(value) for name, value in read_csv(world / "truth" / "totals.csv")[1:]}
    assert totals.pop("dead_letters") == counts.poison
    assert totals == {name: getattr(counts, name) for name in totals}


def test_identifiers_are_counted_as_they_were_shown(world: Path) -> None:
    shown: dict[str, int] = {"card": 0, "phone": 0}
    for receipt in accepted(world):
        for identifier in receipt.get("identifiers", []):
            shown[identifier["type"]] += 1
    assert {row[0]: int(row[1]) for row in read_csv(world / "truth" / "identifiers.csv")[1:]} == shown


def test_each_shop_of_the_chain_has_its_copy(world: Path) -> None:
    shops = {row[0] for row in read_csv(world / "truth" / "receipts.csv")[1:]}
    originals = {shop for shop in shops if "-" not in shop}
    copies = {shop.removesuffix("-2") for shop in shops if shop.endswith("-2")}
    assert shops == originals | {f"{shop}-2" for shop in copies}
    # A shop with one receipt may have lost it, in one copy, to the web or to an empty shelf.
    assert len(originals & copies) > 0.9 * len(originals | copies)
