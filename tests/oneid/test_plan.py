"""What other rules would change: shown whole, with kinds and causes, and just what the owner of the evidence then does."""

import re

import msgspec
import pytest

from oneid import reasons
from oneid.evidence import Evidence, Observation
from oneid.facts import kept
from oneid.plan import GENERIC, KINDS, TENANCY, TYPE, VALUE, Merge, Move, Outcome, Plan, Size, Split, Trial, plan
from oneid.resolve import member_id
from oneid.rules import Generic, IdentifierRule, Limit, Rules
from tests.chaos.oneid.cases import drawn
from tests.oneid.people import RULES, nid, said, seen
from tests.oneid.test_shard import KEY, Owner, ranked, rule_file

TYPES = frozenset(("card", "phone", "email", "device"))


def of(**holders: str) -> Outcome:
    """Who has `card_a`, `phone_b` …"""
    return Outcome({nid.replace("_", ":"): member for nid, member in holders.items()}, TYPES)


def moves(found: Plan) -> dict[str, tuple[str, str, str]]:
    return {move.nid: (move.before, move.after, move.kind) for move in found.moves}


def with_(**types: IdentifierRule | None) -> Rules:
    """The platform's rules with other ones for these types; None drops a type."""
    kept = {type: rule for type, rule in (RULES.identifiers | types).items() if rule}
    blocked = tuple(one for one in RULES.blocked if one.type in kept)
    return msgspec.structs.replace(RULES, identifiers=kept, blocked=blocked)


def limited(type: str, most: int) -> IdentifierRule:
    return msgspec.structs.replace(RULES.identifiers[type], limits=(Limit(most=most, ever=True),))


def outcome(rules: Rules, facts: list[Observation]) -> Outcome:
    trial = Trial(rules)
    trial.resolver.apply(facts)
    return trial.outcome(str)


def planned(then: Rules, *facts: Observation, now: Rules = RULES) -> Plan:
    return plan(outcome(now, list(facts)), outcome(then, list(facts)))


# ── What is a move, and of which kind ──


def test_a_merge_and_the_split_that_undoes_it_are_told_by_member_and_by_identifier() -> None:
    apart, one = (
        of(card_a="m", phone_a="n", email_a="n", card_z="z"),
        of(card_a="m", phone_a="m", email_a="m", card_z="z"),
    )
    there, back = plan(apart, one), plan(one, apart)
    assert (there.merges, there.splits) == ((Merge("m", ("m", "n")),), ())
    assert (back.merges, back.splits) == ((), (Split("m", ("m", "n")),))
    assert moves(there) == {"phone:a": ("n", "m", "merge"), "email:a": ("n", "m", "merge")}
    assert moves(back) == {"phone:a": ("m", "n", "split"), "email:a": ("m", "n", "split")}
    assert (there.members, back.members) == (Size(3, 2), Size(2, 3))
    assert (there.moved_members, back.moved_members) == (2, 1)


def test_what_leaves_one_member_for_another_that_stays_is_a_move() -> None:
    found = plan(of(card_a="m", phone_a="m", card_b="n"), of(card_a="m", phone_a="n", card_b="n"))
    assert moves(found) == {"phone:a": ("m", "n", "move")}
    assert found.moved_members == 2


def test_a_member_who_goes_on_under_another_id_is_renamed() -> None:
    found = plan(of(card_a="m", phone_a="m"), of(card_a="n", phone_a="n"))
    assert {kind for _, _, kind in moves(found).values()} == {"rename"}
    assert (found.merges, found.splits) == ((), ())


def test_members_who_become_one_under_a_new_id_are_merged() -> None:
    found = plan(of(card_a="m", phone_a="n"), of(card_a="o", phone_a="o"))
    assert {kind for _, _, kind in moves(found).values()} == {"merge"}
    assert found.merges == (Merge("o", ("m", "n")),)


def test_what_only_one_of_the_two_knows_appears_or_vanishes_and_is_counted_apart() -> None:
    found = plan(of(card_a="m", phone_a="m"), of(card_a="m", email_a="m"))
    assert moves(found) == {"phone:a": ("m", "", "vanish"), "email:a": ("", "m", "appear")}
    assert (found.moved, found.counts()["appear"], found.counts()["vanish"]) == (0, 1, 1)
    assert (found.identifiers, found.moved_members) == (Size(2, 2), 1)
    assert all(move.causes == ("value",) for move in found.moves)


def test_a_member_whose_birth_identifier_vanishes_and_who_falls_apart_is_split() -> None:
    found = plan(of(card_a="m", phone_a="m", email_a="m"), of(phone_a="n", email_a="o"))
    assert {kind for _, _, kind in moves(found).values()} == {"vanish", "split"}
    assert found.splits == (Split("m", ("n", "o")),)


def test_the_same_twice_is_no_difference() -> None:
    found = planned(RULES, seen("B", "card.a", "phone.a"))
    assert (found.moves, found.merges, found.splits, found.moved_members) == ((), (), (), 0)
    assert set(found.counts().values()) == {0}


# ── Why ──


def test_the_cause_is_the_limit_that_was_tightened_for_those_who_go_along_too() -> None:
    facts = (
        seen("B", "card.a", "phone.a"),
        seen("B", "card.a", "phone.b", day=60),
        seen("A", "phone.b", "login.b", day=61),
    )
    found = planned(with_(phone=limited("phone", 1)), *facts)
    assert {move.nid: move.causes for move in found.moves} == {
        nid("phone.b"): ("limit:phone",),
        nid("login.b"): ("limit:phone",),
    }
    back = planned(RULES, *facts, now=with_(phone=limited("phone", 1)))
    assert {move.causes for move in back.moves} == {("limit:phone",)}


def test_what_both_refuse_is_no_cause_by_whatever_rule() -> None:
    facts = (
        seen("B", "card.a", "phone.a"),
        seen("B", "card.a", "phone.b", day=60),
        seen("C", "phone.b", "card.z", day=61),
    )
    found = planned(with_(phone=limited("phone", 1)), *facts)
    assert {move.nid: move.causes for move in found.moves} == {nid("phone.b"): ("limit:phone",)}


def test_a_value_that_becomes_nobodys_is_told() -> None:
    facts = [seen("B", f"card.{i}", "device.kiosk", day=i) for i in range(4)] + [seen("B", "card.0", "device.mine")]
    strict = msgspec.structs.replace(RULES.identifiers["device"], shared=False, generic=Generic(anchors=3))
    loose = msgspec.structs.replace(strict, generic=None)
    found = planned(with_(device=strict), *facts, now=with_(device=loose))
    assert found.newly_generic == {nid("device.kiosk")}
    assert not found.no_longer_generic
    assert {move.causes for move in found.moves} == {("generic",)}
    assert len(found.moves) == 1
    assert planned(with_(device=loose), *facts, now=with_(device=strict)).no_longer_generic == {nid("device.kiosk")}


def test_a_type_that_is_dropped_vanishes_and_what_hung_on_it_falls_apart() -> None:
    trial_now, trial_then = Trial(RULES), Trial(with_(cookie=None))
    for trial, rules in ((trial_now, RULES), (trial_then, with_(cookie=None))):
        evidence = Evidence()
        evidence.observe(seen("A", "login.a", "cookie.a"), RULES.priority)
        evidence.observe(seen("C", "cookie.a", "email.a"), RULES.priority)
        kept = Evidence(
            {n: i for n, i in evidence.identifiers.items() if n.partition(":")[0] in rules.identifiers},
            {k: p for k, p in evidence.pairs.items() if all(n.partition(":")[0] in rules.identifiers for n in k)},
        )
        trial.resolver.restore(kept)
    found = plan(trial_now.outcome(str), trial_then.outcome(str))
    assert found.counts()["vanish"] == 1
    assert len(found.splits) == 1
    assert {move.causes for move in found.moves} == {("type",)}


def test_a_number_that_has_a_new_owner_under_one_of_the_two_is_told() -> None:
    facts = (
        seen("B", "card.a", "phone.a", name="王芳"),
        seen("B", "card.b", "phone.a", day=200, name="李强"),
    )
    for_ever = msgspec.structs.replace(RULES.identifiers["phone"], tenancy=None)
    found = planned(with_(phone=for_ever), *facts)
    assert any("tenancy" in move.causes for move in found.moves)


# ── Nothing more, nothing less ──


@pytest.mark.parametrize("seed", range(80))
def test_what_the_owner_of_the_evidence_does_with_the_rules_is_the_plan_to_the_letter(seed: int) -> None:
    """Random evidence with all rules, and random other rules: map, members' changes and their kinds."""
    case, other = ranked(drawn(seed)), drawn(seed + 1)
    owner = Owner(case.parsed)
    owner.take(*case.said)
    before = {key: one.member_id for key, one in owner.map.items()}

    shown = plan(*(_tried(owner, rules) for rules in (case.parsed, other.parsed)))
    told = owner.take(rule_file(repr(other.rules).replace("True", "true").replace("False", "false"), 9_999))

    after = {key: one.member_id for key, one in owner.map.items()}
    assert shown.applied(before) == after
    assert {move.nid: (move.before, move.after) for move in shown.moves} == {
        nid: (before.get(nid, ""), after.get(nid, ""))
        for nid in before.keys() | after.keys()
        if before.get(nid) != after.get(nid)
    }
    words = {"appear": "new", "vanish": "erase"}
    assert {(nid, one.before, one.after, one.kind) for one in told for nid in one.nids} == {
        (m.nid, m.before, m.after, words.get(m.kind, m.kind)) for m in shown.moves
    }
    assert all(move.causes for move in shown.moves)
    assert {move.kind for move in shown.moves} <= set(KINDS)
    again = plan(*(_tried(owner, other.parsed) for _ in range(2)))
    assert again.moves == ()


def _tried(owner: Owner, rules: Rules) -> Outcome:
    found = kept(owner.facts.items(), rules.identifiers)
    trial = Trial(rules)
    trial.resolver.restore(found.evidence, found.erased)
    return trial.outcome(lambda birth: member_id(KEY, birth))


@pytest.mark.parametrize("seed", range(30))
def test_evidence_that_comes_in_batches_gives_the_same_plan_as_all_at_once(seed: int) -> None:
    case, other = drawn(seed), drawn(seed + 1)
    facts = [one for one in case.said if isinstance(one, Observation)]
    plans = []
    for size in (1, 3, len(facts)):
        found = []
        for rules in (case.parsed, other.parsed):
            # The order of an event's identifiers is that of one set of rules, as it is in a file of facts.
            trial = Trial(msgspec.structs.replace(rules, identifiers=_ranked_as(rules, case.parsed)))
            for at in range(0, len(facts), size):
                trial.resolver.apply(facts[at : at + size])
            found.append(trial.outcome(str))
        plans.append(plan(*found))
    assert plans[0] == plans[1] == plans[2]
    assert all(move.causes for move in plans[0].moves)


def _ranked_as(rules: Rules, other: Rules) -> dict[str, IdentifierRule]:
    return {
        type: msgspec.structs.replace(rule, priority=other.priority[type]) for type, rule in rules.identifiers.items()
    }


def test_moves_are_told_in_order_of_identifiers() -> None:
    found = planned(
        with_(phone=limited("phone", 1)), *(seen("B", "card.a", f"phone.{i}", day=60 * i) for i in range(4))
    )
    assert [move.nid for move in found.moves] == sorted(move.nid for move in found.moves)
    assert all(isinstance(move, Move) for move in found.moves)


def test_what_a_steward_ruled_holds_under_the_other_rules_too() -> None:
    facts = [seen("B", "card.a", "phone.a"), seen("B", "card.a", "phone.b", day=60)]
    trial = Trial(with_(phone=limited("phone", 1)))
    trial.resolver.apply(facts, [said("must_link", "card.a", "phone.b")])
    holders = trial.outcome(str).holders
    assert holders[nid("card.a")] == holders[nid("phone.b")] != holders[nid("phone.a")]


def test_every_kind_and_every_cause_has_words_in_two_languages() -> None:
    limits = [f"limit:{type}" for type in RULES.ever]
    limits += [f"limit:{type}/{weeks}w" for type, of in RULES.windows.items() for weeks, _ in of]
    others = ("cannot_link", "class", "name", "shared", GENERIC, TENANCY, TYPE, VALUE)
    words = [reasons.moves(kind) for kind in KINDS] + [reasons.differs(cause, RULES) for cause in (*others, *limits)]
    assert all(re.search(r"[\u4e00-\u9fff]", chinese) and english.isascii() for english, chinese in words)
    assert reasons.differs("limit:cookie/4w", with_(cookie=None), RULES) == (
        "limit of Browser cookie within 4 weeks",
        "浏览器 Cookie上限（4 周内）",
    )
