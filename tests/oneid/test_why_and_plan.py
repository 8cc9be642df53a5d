import msgspec

from oneid.evidence import Observation
from oneid.plan import Merge, Split, plan
from oneid.resolver import Resolver
from oneid.rules import Limit, Rules
from oneid.why import why
from tests.oneid.people import RULES, nid, resolved, said, seen


def test_why_two_are_one_is_a_chain_of_evidence():
    found = resolved(
        seen("B", "card.a", "phone.a"),
        seen("A", "login.a", "phone.a"),
        seen("C", "login.a", "device.a"),
        seen("C", "card.x"),
    )
    reason = why(found, nid("card.a"), nid("device.a"))
    assert reason is not None
    assert reason.together
    chain = [{edge.a, edge.b} for edge in reason.path]
    assert chain == [
        {nid("card.a"), nid("phone.a")},
        {nid("login.a"), nid("phone.a")},
        {nid("login.a"), nid("device.a")},
    ]


def test_why_two_are_not_one_is_the_rule_that_refused_it():
    found = resolved(
        seen("A", "login.a", "phone.a"), seen("B", "card.b", "phone.b", day=60), seen("C", "login.a", "phone.b", day=60)
    )
    reason = why(found, nid("login.a"), nid("card.b"))
    assert reason is not None
    assert not reason.together
    assert [d.rule for d in reason.refused] == ["class"]


def test_of_an_erased_identifier_there_is_nothing_to_say():
    assert why(resolved(seen("B", "card.a", "phone.a"), said("erase", "card.a")), nid("card.a"), nid("phone.a")) is None


def tightened(type: str, most: int) -> Rules:
    rule = RULES.identifiers[type]
    stricter = msgspec.structs.replace(rule, limits=(Limit(most=most, ever=True),))
    return msgspec.structs.replace(RULES, identifiers=RULES.identifiers | {type: stricter})


def live(rules: Rules, facts: list[Observation]) -> dict[str, str]:
    resolver = Resolver(rules)
    resolver.apply(facts)
    return dict(resolver.holders())


def test_a_plan_shows_what_a_tightened_limit_would_split_and_applying_it_gives_just_that():
    facts = [seen("B", "card.a", f"phone.{i}", day=60 * i) for i in range(3)] + [seen("B", "card.b", "phone.b")]
    now, then = live(RULES, facts), live(tightened("phone", 1), facts)
    found = plan(now, then)
    assert len(found.splits) == 1
    assert len(found.splits[0].into) == 3
    assert not found.merges
    assert {nid for nid, _, _ in found.moved} <= set(now)
    assert now | {nid: after for nid, _, after in found.moved} == then


def test_a_plan_back_shows_the_merge():
    now, then = {"x": "a", "y": "b", "z": "b"}, {"x": "a", "y": "a", "z": "c"}
    assert plan(now, then).merges == (Merge("a", ("a", "b")),)
    assert plan(now, then).splits == (Split("b", ("a", "c")),)
