import random

import pytest

from oneid.evidence import Evidence, Observation
from oneid.resolve import member_id, resolve
from tests.oneid.people import RULES, nid, resolved, said, same, seen, why


def test_identifiers_on_one_form_are_one_persons():
    found = resolved(seen("B", "card.a", "phone.a"), seen("A", "login.a", "phone.a"))
    assert same(found, "card.a", "login.a")


def test_a_person_has_one_card_so_a_second_on_the_same_phone_is_somebody_else():
    found = resolved(seen("B", "card.a", "phone.f"), seen("B", "card.b", "phone.f", day=1))
    assert not same(found, "card.a", "card.b")
    assert same(found, "card.a", "phone.f")
    assert why(found, "card.b", "phone.f") == "shared"


def test_a_family_with_one_phone_stays_two_people_by_their_given_names():
    found = resolved(seen("B", "card.a", "phone.f", name="张伟"), seen("B", "login.b", "phone.f", day=1, name="张芳"))
    assert not same(found, "card.a", "login.b")


def test_a_name_with_a_title_only_speaks_against_nobody_of_that_family():
    found = resolved(seen("B", "card.a", "phone.a", name="张伟"), seen("B", "login.a", "phone.a", name="张先生"))
    assert same(found, "card.a", "login.a")


def test_being_seen_together_joins_no_two_people_with_anchors():
    found = resolved(
        seen("A", "login.a", "phone.a"), seen("B", "card.b", "phone.b", day=60), seen("C", "login.a", "phone.b", day=60)
    )
    assert why(found, "login.a", "phone.b") == "class"


def test_of_two_phones_in_the_same_weeks_one_is_somebody_elses():
    found = resolved(*(seen("C", "card.a", "phone.a", day=i) for i in range(2)), seen("C", "card.a", "phone.b"))
    assert same(found, "card.a", "phone.a")
    assert why(found, "card.a", "phone.b") == "limit:phone/4w"
    later = resolved(seen("B", "card.a", "phone.a"), seen("B", "card.a", "phone.b", day=60))
    assert same(later, "phone.a", "phone.b")


@pytest.mark.parametrize("week", range(8))
def test_weeks_in_a_row_are_counted_from_whichever_monday(week: int):
    """Four weeks counted from a fixed day would let two phones through that were used right before and after its return."""
    apart = {gap: resolved(*two_phones(7 * week, 7 * gap)) for gap in (1, 3, 4)}
    assert [why(found, "card.a", "phone.b") for found in apart.values()] == ["limit:phone/4w"] * 2 + [""]


def two_phones(day: int, gap: int) -> list[Observation]:
    return [seen("B", "card.a", "phone.a", day=day), seen("C", "card.a", "phone.b", day=day + gap)]


def test_devices_beyond_the_weekly_limit_are_other_peoples():
    found = resolved(*(seen("C", "login.a", f"device.{i}", day=i % 2) for i in range(7)))
    holders = [found.holder(nid(f"device.{i}")) == found.holder(nid("login.a")) for i in range(7)]
    assert sum(holders) == 5
    assert "limit:device/1w" in {d.rule for d in found.decisions}


def test_the_same_devices_over_many_weeks_are_within_the_limit():
    found = resolved(*(seen("C", "login.a", f"device.{i}", day=20 * i) for i in range(7)))
    assert all(same(found, "login.a", f"device.{i}") for i in range(7))


def test_a_clerks_phone_links_nobody():
    found = resolved(*(seen("C", f"card.{i}", "phone.clerk", day=i) for i in range(9)))
    assert len(set(found.births.values())) == 10


def test_a_number_with_a_new_owner_is_cut_where_it_was_silent():
    found = resolved(seen("B", "card.a", "phone.r", name="李强"), seen("B", "card.b", "phone.r", day=200, name="赵敏"))
    assert same(found, "card.b", "phone.r")
    cut = found.cuts[nid("phone.r")]
    assert [found.births[node] for node in cut.nodes] == [found.births[nid("card.a")], found.births[nid("card.b")]]


def test_silence_without_a_contradiction_cuts_nothing():
    found = resolved(seen("B", "card.a", "phone.r"), seen("A", "login.a", "phone.r", day=400))
    assert same(found, "card.a", "login.a")
    assert not found.cuts


def test_whoever_is_seen_with_the_number_on_both_sides_of_the_silence_still_has_it():
    found = resolved(
        seen("B", "card.a", "phone.r"), seen("B", "card.b", "phone.r", day=200), seen("C", "card.a", "phone.r", day=300)
    )
    assert not found.cuts


def test_a_forbidden_pair_is_kept_apart_by_every_path():
    facts = (seen("B", "card.a", "phone.a"), seen("A", "login.a", "phone.a"))
    forbidden = said("cannot_link", "card.a", "login.a")
    assert not same(resolved(*facts, forbidden), "card.a", "login.a")
    allowed_again = said("cannot_link", "card.a", "login.a", seq=2, stands=False)
    assert same(resolved(*facts, allowed_again, forbidden), "card.a", "login.a")


def test_a_stewards_link_passes_every_rule():
    found = resolved(seen("B", "card.a"), seen("B", "card.b"), said("must_link", "card.a", "card.b"))
    assert same(found, "card.a", "card.b")


def test_an_erased_identifier_is_nobodys_and_links_nobody_whatever_comes_later():
    facts = [said("erase", "phone.a"), seen("B", "card.a", "phone.a"), seen("A", "login.a", "phone.a")]
    found = resolved(*facts)
    assert found.holder(nid("phone.a")) is None
    assert not same(found, "card.a", "login.a")


def test_a_newer_model_supersedes_what_an_older_one_said():
    facts = (seen("D", "card.a", "login.a", model=1, score=20), seen("B", "card.a"), seen("A", "login.a"))
    assert same(resolved(*facts), "card.a", "login.a")
    assert not same(resolved(*facts, seen("D", "card.x", "login.x", model=2, score=20)), "card.a", "login.a")


def test_a_score_never_overrides_an_exclusive_identifier():
    found = resolved(seen("B", "card.a"), seen("B", "card.b"), seen("D", "card.a", "card.b", model=1, score=30))
    assert why(found, "card.a", "card.b") == "limit:card"


def test_gluing_dossiers_that_nothing_joins_changes_nothing():
    one = [seen("B", "card.a", "phone.a"), seen("B", "card.b", "phone.a", day=1)]
    two = [seen("A", "login.c", "device.c"), seen("C", "cookie.c", "device.c")]
    apart = resolved(*one).births | resolved(*two).births
    assert resolved(*one, *two).births == apart


def test_a_person_is_named_by_the_identifier_seen_first():
    found = resolved(
        seen("B", "card.a", "phone.a", day=5), seen("A", "login.a", "phone.a", day=9), seen("C", "login.a")
    )
    assert found.holder(nid("card.a")) == nid("login.a")
    assert member_id(b"key", "card:1") == "m-wr3zixirejsocjze"


def test_facts_join_to_the_same_whatever_the_order_and_the_repeats():
    dice = random.Random(1)
    facts = [
        seen(dice.choice("ABC"), *dice.sample(["card.a", "card.b", "phone.a", "device.a"], 2), day=dice.randrange(9))
        for _ in range(40)
    ]
    parts = [Evidence(), Evidence()]
    for fact in facts:
        dice.choice(parts).observe(fact, RULES.priority)
    whole = Evidence()
    for fact in reversed(facts):
        whole.observe(fact, RULES.priority)
    for part in (parts[1], parts[0], parts[1]):
        whole.join(part)
    joined = Evidence()
    joined.join(parts[0])
    joined.join(parts[1])
    assert joined == whole
    assert resolve(joined, RULES) == resolve(whole, RULES)
    assert all(isinstance(fact, Observation) for fact in facts)
