import random
from itertools import permutations

from contracts.members import Claim, Consent, Seen, Sums
from oneid.profiles import (
    SMALLEST,
    ZERO,
    Profiles,
    distinct_skus,
    plus,
    sku_hash,
    survivor,
    total,
    written,
)
from tests.chaos.oneid.histories import differences


def order(at: int, cents: int, channel: str = "till", **more: object) -> Sums:
    return Sums(orders=1, spend={"CNY": cents}, channels={channel: Seen(at, at)}, **more)  # type: ignore[arg-type]


def test_profiles_add_up_in_any_order_to_the_same_bytes():
    parts = [
        order(3, 500, coupons=frozenset({"k1"}), skus=frozenset({1, 2})),
        order(1, -200, "web", stores={"s1": 1}, consents={"sms": Consent(1, False, "web")}),
        order(2, 100, consents={"sms": Consent(2, True, "till")}),
    ]
    assert len({written(total(some)) for some in permutations(parts)}) == 1
    assert total(parts).spend == {"CNY": 400}
    assert total(parts).channels == {"till": Seen(2, 3), "web": Seen(1, 1)}
    assert plus(parts[0], ZERO) == parts[0]


def test_of_two_words_at_one_moment_the_refusal_holds():
    given, refused = (Sums(consents={"sms": Consent(5, no, "a")}) for no in (False, True))
    assert plus(given, refused).consents["sms"].refused
    assert plus(refused, given).consents["sms"].refused


def test_an_attribute_is_decided_by_its_rule_and_names_its_source():
    claims = {
        "crm": {"x": Claim(1, 0, 10, False), "y": Claim(1, 0, 30, False)},
        "till": {"z": Claim(1, 0, 99, False), "x": Claim(4, 0, 5, False)},
        "app": {"w": Claim(1, 0, 1, True)},
    }
    sums = Sums(claims={"city": claims})
    found = {
        rule: survivor(sums, "city", rule, {"crm": 1, "till": 2})
        for rule in ("trusted", "latest", "frequent", "verified")
    }
    assert {rule: (s.value, s.source) for rule, s in found.items() if s} == {
        "trusted": ("y", "crm"),
        "latest": ("z", "till"),
        "frequent": ("x", "crm"),
        "verified": ("w", "app"),
    }
    assert survivor(sums, "phone", "latest") is None


def test_different_skus_are_counted_without_being_kept():
    dice = random.Random(4)
    bought = [str(dice.randrange(5000)) for _ in range(20_000)]
    halves = [total(Sums(skus=frozenset({sku_hash(s)})) for s in bought[i::2]) for i in range(2)]
    both = plus(*halves)
    assert len(both.skus) == SMALLEST
    assert abs(distinct_skus(both) - len(set(bought))) < 0.3 * len(set(bought))


def test_a_members_profile_is_the_sum_of_its_identifiers():
    profiles = Profiles()
    profiles.add("card:1", order(1, 100))
    profiles.add("phone:2", order(2, 50))
    assert profiles.of(["card:1", "phone:2", "device:3"]).spend == {"CNY": 150}
    profiles.erase("card:1")
    assert profiles.of(["card:1", "phone:2"]).spend == {"CNY": 50}


def test_after_any_history_each_profile_equals_its_rebuild_from_the_log():
    assert [what for seed in (*range(60), 760) for what in differences(seed)] == []
