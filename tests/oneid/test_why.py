from oneid.why import why
from tests.oneid.people import nid, resolved, said, seen


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
