import random
import tracemalloc

from oneid.changes import Change
from oneid.evidence import DAY_S, Evidence, Observation
from oneid.resolver import Resolver
from tests.chaos.oneid.cases import arrivals, drawn
from tests.oneid.people import RULES, nid, said, seen


def test_the_ledger_holds_the_facts_as_evidence_does():
    for case in map(drawn, range(60)):
        rules = case.parsed
        evidence, live = Evidence(), Resolver(rules)
        for observed, _ in arrivals(case, 0):
            live.apply(observed)
            for fact in observed:
                evidence.observe(fact, rules.priority)
        identifiers, pairs, names = live.ledger.unpacked()
        assert pairs == evidence.pairs
        assert names == evidence.names
        assert {n: i.first for n, i in identifiers.items()} == {n: i.first for n, i in evidence.identifiers.items()}


def test_what_is_known_already_changes_nothing():
    live = Resolver(RULES)
    facts = [seen("B", "card.a", "phone.a"), seen("A", "login.a", "phone.a")]
    assert len(live.apply(facts)) == 3
    assert len(live.apply(facts)) == 0


def test_a_split_is_told_with_whose_identifier_it_was_and_is():
    live = Resolver(RULES)
    live.apply([seen("B", "card.a", "phone.a"), seen("A", "login.a", "phone.a", day=1)])
    told = list(live.apply([], [said("cannot_link", "login.a", "card.a")]))
    assert [change.nid for change in told] == [nid("card.a")] or [change.nid for change in told] == [nid("login.a")]


def test_an_erased_identifier_leaves_nothing_and_does_not_come_back():
    live = Resolver(RULES)
    live.apply([seen("B", "card.a", "phone.a")])
    first = min((nid("card.a"), nid("phone.a")), key=lambda n: n.partition(":")[2])
    told = list(live.apply([], [said("erase", "phone.a")]))
    assert Change(nid("phone.a"), first, None) in told
    assert list(live.apply([seen("B", "card.a", "phone.a", day=3)])) == []
    assert live.holder(nid("phone.a")) is None
    digest = bytes.fromhex(nid("phone.a").partition(":")[2])
    columns = (live.ledger.high.values, live.ledger.low.values)
    assert all(digest[8 * i : 8 * i + 8] != v.tobytes()[::-1] for i, column in enumerate(columns) for v in column)
    assert nid("phone.a") not in dict(live.holders())


def test_an_identifier_takes_less_than_three_hundred_bytes_with_all_its_evidence():
    dice = random.Random(1)
    facts = []
    for person in range(6000):
        names = [f"card.{person}", f"phone.{person}", f"login.{person}", f"device.{person}", f"cookie.{person}"]
        for _ in range(10):
            day = 19_000 + dice.randrange(900)
            facts.append(Observation(day * DAY_S, dice.choice((4, 3, 2)), tuple(map(nid, dice.sample(names, 2)))))
    tracemalloc.start()
    live = Resolver(RULES)
    for i in range(0, len(facts), 20_000):
        live.apply(facts[i : i + 20_000])
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held / len(live.ledger) < 300
    assert held < 1.15 * live.nbytes, "nbytes leaves something out"


def test_a_resolver_restored_from_kept_facts_goes_on_as_if_nothing_had_happened():
    for case in map(drawn, range(80)):
        rules = case.parsed
        whole, kept = Resolver(rules), Evidence()
        batches = arrivals(case, 1)
        half = len(batches) // 2
        for observed, rulings in batches[:half]:
            whole.apply(observed, rulings)
            for fact in observed:
                kept.observe(fact, rules.priority)
            for ruling in rulings:
                kept.rule(ruling)
        restored = Resolver(rules)
        restored.restore(kept)
        assert dict(restored.holders()) == dict(whole.holders())
        for observed, rulings in batches[half:]:
            told = [list(resolver.apply(observed, rulings)) for resolver in (whole, restored)]
            assert told[0] == told[1] or sorted(told[0]) == sorted(told[1])
        assert dict(restored.holders()) == dict(whole.holders())
