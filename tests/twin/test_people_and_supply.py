"""The parts of the world behind the feeds: people and their identifiers, demand and its losses, supply and its levels."""

from collections import Counter
from datetime import date

import phonenumbers
import polars as pl
import pytest

from tests.twin.conftest import RECIPE
from twin.demand import CENTRE_BASE
from twin.feed import World
from twin.names import SURNAMES
from twin.world import Recipe, play

MONTH = Recipe(base_date=date(2026, 11, 22), days=28, seed=3)


@pytest.fixture(scope="module")
def month() -> World:
    return play(MONTH)


def values(people: pl.DataFrame, column: str) -> list[str]:
    return people[column].drop_nulls().to_list()


def test_no_two_people_share_what_is_theirs_alone(month: World) -> None:
    for column in ("card", "email", "login", "union_id", "open_id", "device", "cookie2", "customer_no"):
        held = values(month.people, column)
        assert len(set(held)) == len(held) > 100, column


def test_a_phone_with_two_owners_changed_hands_between_households(month: World) -> None:
    owners = Counter(values(month.people, "phone"))
    twice = {phone for phone, n in owners.items() if n == 2}
    assert max(owners.values()) == 2
    assert len(twice) >= 10
    for phone in twice:
        first, second = sorted(
            month.people.filter(pl.col("phone") == phone).rows(named=True), key=lambda p: p["takes_up"] or 0
        )
        assert first["gives_up"] < second["takes_up"] < 28
        assert first["household_id"] != second["household_id"]


def test_phones_are_chinese_mobiles_and_names_begin_with_a_surname(month: World) -> None:
    for person in month.people.head(500).rows(named=True):
        if person["phone"]:
            assert phonenumbers.is_valid_number(phonenumbers.parse(person["phone"], "CN")), person["phone"]
        assert any(person["name"].startswith(surname) for surname in SURNAMES)
        assert person["city"].endswith("市")
        assert "号" in person["street"]


def test_children_bear_the_name_of_the_head_and_live_at_its_address(month: World) -> None:
    heads = {(p["household_id"], p["copy"]): p for p in month.people.filter(pl.col("k") == 1).rows(named=True)}
    children = month.people.filter(pl.col("k") > 2).rows(named=True)
    assert len(children) > 500
    for child in children:
        head = heads[child["household_id"], child["copy"]]
        assert child["name"][0] == head["name"][0]
        assert (child["city"], child["street"]) == (head["city"], head["street"])


def test_receipts_show_phones_of_the_family_of_assistants_and_wrong_ones(month: World) -> None:
    whose = Counter(values(month.receipts, "whose"))
    assert set(whose) == {"own", "family", "recycled", "mistyped", "assistant"}
    people = {p["person"]: p for p in month.people.rows(named=True)}
    for receipt in month.receipts.filter(pl.col("whose") == "own").head(300).rows(named=True):
        assert people[receipt["person"]]["phone"] == receipt["digits"]
    for receipt in month.receipts.filter(pl.col("whose") == "mistyped").rows(named=True):
        person = people[receipt["person"]]
        head = people[receipt["person"] // 10 * 10 + 1]
        off = [
            sum(a != b for a, b in zip(p["phone"], receipt["digits"], strict=True))
            for p in (person, head)
            if p["phone"]
        ]
        assert 1 in off


def test_five_lines_in_a_hundred_are_lost_to_empty_shelves(month: World) -> None:
    sold = month.wanted.lines.filter(pl.col("quantity") > 0).join(
        month.products.filter(~pl.col("fuel")), on="product_id", how="semi"
    )
    share = month.wanted.lost.height / (month.wanted.lost.height + sold.height)
    assert 0.0495 <= share <= 0.0500


def ledger(world: World) -> dict[tuple[int, int, int], list[tuple[object, int, int]]]:
    """Place → (moment, sign, quantity) of all that moved there, in order; what comes goes before what leaves."""
    countable = set(world.products.filter(~pl.col("fuel"))["product_id"])
    sold = world.lines.join(world.receipts.select("uid", "at", "copy", "sign", "store_id"), on="uid")
    moved = [
        ((row["product_id"], row["store_id"], row["copy"]), row["at"], -row["quantity"] * row["sign"])
        for row in sold.rows(named=True)
        if row["product_id"] in countable
    ]
    moved += [
        ((r["product_id"], r["loc"], r["copy"]), r["at"], r["quantity"]) for r in world.supply.moves.rows(named=True)
    ]
    places: dict[tuple[int, int, int], list[tuple[object, int, int]]] = {}
    for place, at, quantity in moved:
        places.setdefault(place, []).append((at, quantity < 0, quantity))
    return {place: sorted(entries) for place, entries in places.items()}


def test_nothing_is_sold_or_sent_that_is_not_there(month: World) -> None:
    for place, entries in ledger(month).items():
        level = 0
        for _at, _leaves, quantity in entries:
            level += quantity
            assert level >= 0, place


def test_what_was_lost_in_a_shop_was_not_on_its_shelf(month: World) -> None:
    entries = ledger(month)
    lost = month.wanted.lost.filter(pl.col("loc") < CENTRE_BASE).rows(named=True)
    there = 0
    for line in lost:
        before = [
            q for at, _, q in entries.get((line["product_id"], line["loc"], line["copy"]), []) if at <= line["at"]
        ]
        there += sum(before) > 0
    # Now and then a customer has brought one back meanwhile.
    assert there <= 0.005 * len(lost)


def test_what_leaves_a_centre_arrives_at_the_shop_or_is_one_piece_short(month: World) -> None:
    moves = month.supply.moves
    out = {(m["doc"], m["product_id"]): m for m in moves.filter(pl.col("kind") == "transfer_out").rows(named=True)}
    came = {(m["doc"], m["product_id"]): m for m in moves.filter(pl.col("kind") == "transfer_in").rows(named=True)}
    assert out.keys() == came.keys()
    short = 0
    for key, sent in out.items():
        assert sent["at"] < came[key]["at"]
        assert -sent["quantity"] - came[key]["quantity"] in (0, 1)
        short += -sent["quantity"] != came[key]["quantity"]
    assert 0.002 < short / len(out) < 0.01


def test_purchases_are_ordered_before_they_come_and_some_are_still_open(month: World) -> None:
    purchases = month.supply.purchases
    assert (purchases["ordered"] < purchases["due"]).all()
    assert 0 < purchases["received"].null_count() < purchases.height
    lines = month.supply.purchase_lines
    assert (lines["received"].drop_nulls() > 0).all()
    assert lines.filter(pl.col("received") < pl.col("quantity")).height > 100
    assert set(lines["purchase"]) == set(purchases["purchase"])


def test_a_world_of_one_day_has_supply_and_web_orders_too() -> None:
    world = play(Recipe(base_date=date(2026, 11, 22), days=1, seed=3))
    assert world.web.orders.height > 5
    assert world.supply.moves.height > 1000


def test_another_copy_of_the_chain_has_people_of_its_own() -> None:
    people = play(RECIPE).people
    phones = Counter(values(people, "phone"))
    assert {1, 2} == set(people["copy"].unique())
    assert sum(n > 2 for n in phones.values()) == 0
