"""Who a definition means, who is held out, and who may be written to."""

from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, strategies
from ruamel.yaml import YAML

from centers.segments.definition import Facts, HoldOut, definition, means, says, spelt
from centers.segments.drawing import arm, consent, drawn
from contracts.errors import BadInput
from contracts.members import Consent, Seen, Sums

RELEASED: dict[str, Any] = YAML(typ="safe").load((files("centers.segments") / "win_back.yml").read_text("utf-8"))
BY = definition(RELEASED, "win_back.yml")
SUMS = Sums(
    orders=3,
    spend={"CNY": 5000},
    channels={"till": Seen(1, 2)},
    stores={"S1": 2, "S2": 0},
    categories={"GROCERY": 3, "FUEL": -1},
)


def of(clause: dict[str, Any], **more: Any) -> Any:
    return definition(RELEASED | {"all": [clause]} | more, "x")


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ({"tag": "life_cycle", "in": ["at_risk", "lost"]}, True),
        ({"tag": "life_cycle", "in": ["new"]}, False),
        ({"tag": "other", "in": ["new"]}, None),
        ({"orders": {"at_least": 3}}, True),
        ({"orders": {"at_least": 4}}, False),
        ({"orders": {"at_most": 2}}, False),
        ({"spend": {"currency": "CNY", "at_least_cents": 5000, "at_most_cents": 5000}}, True),
        ({"spend": {"currency": "CNY", "at_least_cents": 5001}}, False),
        ({"spend": {"currency": "USD", "at_least_cents": 1}}, False),
        ({"channel": ["web", "till"]}, True),
        ({"channel": ["app"]}, False),
        ({"store": ["S1"]}, True),
        ({"store": ["S2"]}, False),  # all that was bought there was taken back
        ({"category": ["GROCERY", "MEAT"]}, True),
        ({"category": ["FUEL"]}, False),
    ],
)
def test_a_clause_says_yes_no_or_that_it_cannot_say(clause: dict[str, Any], said: bool | None) -> None:
    assert says(of(clause).all[0], Facts({"life_cycle": "at_risk"}, SUMS)) is said
    assert spelt(of(clause).all[0])


def test_a_member_is_in_when_all_say_yes_and_out_when_one_says_no_whatever_is_unknown() -> None:
    facts = Facts({"life_cycle": "at_risk"}, SUMS)
    assert means(BY, facts) is True
    assert means(BY, facts._replace(sums=Sums(orders=1))) is False
    assert means(BY, Facts({}, SUMS)) is None
    assert means(BY, Facts({}, Sums())) is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"all": []},
        {"all": [{"tag": "life_cycle"}]},
        {"all": [{"in": ["x"]}]},
        {"all": [{"orders": {"at_least": 1}, "store": ["S1"]}]},
        {"all": [{"orders": {"atleast": 1}}]},
        {"all": [{"tag": "life_cycle", "in": []}]},
        {"segment": "Win Back"},
        {"segment": "../x"},
        {"purpose": ""},
        {"unknown": "maybe"},
        {"hold_out": {"percent": 60, "seed": "x"}},
        {"hold_out": {"percent": 10, "seed": ""}},
        {"title": {"en": "x"}},
    ],
)
def test_a_definition_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="own"):
        definition(RELEASED | wrong, "own")


def test_a_tenth_is_held_out_the_same_for_ever_and_another_by_another_seed() -> None:
    members = [f"m-{n:05}" for n in range(20_000)]
    first, again, other = (
        {m for m in members if drawn(HoldOut(percent=10, seed=seed), m) == "held_out"} for seed in ("a", "a", "b")
    )
    assert first == again != other
    assert abs(len(first) - 2_000) < 150
    assert abs(len(first & other) - 200) < 60
    assert not any(drawn(HoldOut(percent=0, seed="a"), m) == "held_out" for m in members)
    # Pinned: whoever was left alone must stay so in every release.
    assert [drawn(HoldOut(percent=50, seed="a"), f"m-{n}") for n in range(6)] == PINNED


PINNED = ["held_out", "held_out", "held_out", "held_out", "held_out", "treated"]


def test_a_draw_is_remembered_at_the_identifiers_and_a_merge_of_both_arms_leaves_the_comparison() -> None:
    by = HoldOut(percent=50, seed="a")
    remembered: dict[str, Any] = {"card:1": "held_out", "card:2": "treated"}
    assert arm(by, "renamed", ["card:1", "card:9"], remembered) == "held_out"
    assert arm(by, "renamed", ["card:2"], remembered) == "treated"
    assert arm(by, "merged", ["card:1", "card:2"], remembered) == "mixed"
    assert arm(by, "m-1", ["card:9"], remembered) == drawn(by, "m-1")


words = strategies.one_of(strategies.none(), strategies.tuples(strategies.integers(0, 9), strategies.booleans()))


@given(strategies.lists(words, max_size=5))
def test_one_refusal_that_stands_is_enough_and_silence_is_no_consent(said: list[tuple[int, bool] | None]) -> None:
    parts = [Sums(consents={} if one is None else {"marketing": Consent(one[0], one[1], "x")}) for one in said]
    spoken = [one for one in said if one]
    expected = "refused" if any(refused for _, refused in spoken) else "given" if spoken else "unasked"
    assert consent("marketing", parts) == expected
    assert consent("other", parts) == "unasked"
