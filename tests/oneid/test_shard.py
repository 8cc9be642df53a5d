"""The owner of a tenant's evidence tells, batch by batch, what F over all of it says: with restarts, repeats, any order."""

import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

import oneid
from contracts.evidence import Evidence, IdentityFact, Ruling
from contracts.instants import spelt
from contracts.member_map import MemberOf
from oneid import audit, shard
from oneid.evidence import CLASSES, Observation
from oneid.evidence import Evidence as Known
from oneid.evidence import Ruling as Said
from oneid.facts import kept, ruling
from oneid.resolve import MUST, member_id
from oneid.resolver import ALONE
from oneid.shard import CONFIDENCE, Shard
from tests.chaos.oneid.cases import Case, arrivals, drawn
from tests.oneid.people import RULES, nid, said, seen

KEY = b"test"
LETTERS = {strength: letter for letter, strength in CLASSES.items()}


def evidence(one: Observation | Said) -> Evidence:
    if isinstance(one, Said):
        word = Ruling(
            tenant="t",
            id=one.id,
            seq=one.seq,
            kind=one.kind,
            at="2026-01-01T00:00:00Z",
            a=one.a,
            b=one.b,
            stands=one.stands,
        )
        return Evidence(tenant="t", id="1", at=word.at, source="event.ruling", about=one.id, ruling=word)
    at = spelt(datetime.fromtimestamp(one.at, UTC))
    return Evidence(
        tenant="t", id="1", at=at, source="test", about="1", cls=LETTERS[one.cls], nids=one.nids, name=one.name,
        model=one.model, score=one.score,
    )  # fmt: skip


def ranked(case: Case) -> Case:
    """The case with rulings of which no two have one sequence, as the clock gives them."""
    words = (one._replace(seq=1000 * one.seq + i) if isinstance(one, Said) else one for i, one in enumerate(case.said))
    return Case(case.seed, case.rules, tuple(words))


class Owner:
    """What a job is around a shard: facts, map and changes as they were committed; a restart makes a new shard."""

    def __init__(self, rules=RULES) -> None:
        self.rules, self.facts, self.map, self.told = rules, {}, {}, {}
        self.changes, self.version = [], 0
        self.restart()

    def restart(self) -> None:
        self.shard = Shard("t", KEY, self.rules, self.facts.items())

    def take(self, *said: Observation | Said | Evidence) -> list:
        batch = [one if isinstance(one, Evidence) else evidence(one) for one in said]
        self.version += len(batch)
        found = self.shard.take(batch, self.version, self.facts.get, lambda: list(self.facts))
        for at, fact in found.facts.items():
            if fact is None:
                self.facts.pop(at, None)
            else:
                self.facts[at] = fact
        for key, entry in found.map.items():
            if entry is None:
                self.map.pop(key, None)
            else:
                self.map[key] = entry
        for change in found.changes:
            for key in change.nids:
                assert self.told.get(key, "") == change.before
                self.told[key] = change.after
        self.changes += found.changes
        return found.changes


def whole(case: Case) -> Known:
    known = Known()
    for one in case.said:
        known.observe(one, case.parsed.priority) if isinstance(one, Observation) else known.rule(one)
    return known


@pytest.mark.parametrize("seed", range(150))
def test_the_map_is_that_of_f_whatever_the_order_the_batches_and_the_restarts(seed):
    case = ranked(drawn(seed))
    dice = random.Random(seed)
    owner = Owner(case.parsed)
    for observed, rulings in arrivals(case, seed):
        owner.take(*observed, *rulings)
        if dice.random() < 0.3:
            owner.restart()
    held, _ = audit.expected(whole(case), case.parsed)
    wanted = {key: (member_id(KEY, one.birth), one.confidence) for key, one in held.items()}
    assert {key: (one.member_id, one.confidence) for key, one in owner.map.items()} == wanted
    assert {key: member for key, member in owner.told.items() if member} == {key: m for key, (m, _) in wanted.items()}
    assert Counter(dict(owner.shard.resolver.holders()).values()) == owner.shard._sizes


@pytest.mark.parametrize("seed", range(50))
def test_facts_are_the_same_whatever_the_order_and_the_batches(seed):
    case, found = ranked(drawn(seed)), []
    for order in range(2):
        owner = Owner(case.parsed)
        for observed, rulings in arrivals(case, order):
            owner.take(*observed, *rulings)
        found.append(owner.facts)
    assert found[0] == found[1]


def test_the_words_for_confidence_are_those_of_the_audit():
    assert CONFIDENCE == audit.BY_CLASS | {ALONE: audit.ALONE, 0: audit.BY_A_FORMER_OWNER}
    assert CONFIDENCE[MUST] == 100


def test_a_change_is_called_what_it_is_and_says_why():
    owner = Owner()
    (new,) = owner.take(seen("B", "card.a", "phone.a"))
    assert (new.kind, set(new.nids), new.before) == ("new", {nid("card.a"), nid("phone.a")}, "")
    owner.take(seen("A", "login.b", "email.b", day=1))
    (merge,) = owner.take(seen("A", "login.b", "phone.a", day=2))
    assert (merge.kind, set(merge.nids)) == ("merge", {nid("login.b"), nid("email.b")})
    assert {(c.a, c.b, c.cls) for c in merge.causes} == {(*sorted((nid("login.b"), nid("phone.a"))), "A")}
    (split,) = owner.take(said("cannot_link", "login.b", "card.a"))
    assert split.kind == "split"
    assert "cannot_link" in {cause.rule for cause in split.causes}
    births = {owner.shard.resolver.holder(key) for key in owner.map}
    other = next(short for short in ("card.a", "phone.a", "login.b", "email.b") if nid(short) not in births)
    (rename,) = owner.take(seen("C", other, day=-5))
    assert (rename.kind, nid(other) in rename.nids) == ("rename", True)
    (erase,) = [c for c in owner.take(said("erase", "phone.a")) if c.kind == "erase"]
    assert (erase.after, erase.nids) == ("", (nid("phone.a"),))
    assert nid("phone.a") not in owner.map


def test_who_has_a_forbidden_pair_alone_is_no_generic_value_after_a_restart():
    owner = Owner()
    owner.take(seen("B", "login.b", "phone.a"), said("cannot_link", "login.b", "phone.a"))
    owner.take(seen("C", "card.c", "device.c"), said("must_link", "phone.a", "card.c"))
    before = dict(owner.shard.resolver.holders())
    owner.restart()
    assert dict(owner.shard.resolver.holders()) == before
    assert before[nid("phone.a")] == before[nid("card.c")]


def test_what_is_known_already_goes_no_further():
    owner = Owner()
    facts = (seen("B", "card.a", "phone.a", name="王芳"), seen("C", "card.a", "device.a"))
    owner.take(*facts)
    told = owner.shard.take([evidence(one) for one in facts], 9, owner.facts.get, list)
    assert (told.facts, told.map, told.changes) == ({}, {}, [])


def test_nothing_of_an_erased_identifier_is_kept_and_it_does_not_come_back_after_a_restart():
    owner = Owner()
    owner.take(
        seen("B", "card.a", "phone.a", name="王芳"), said("cannot_link", "phone.a", "card.z"), said("block", "phone.a")
    )
    owner.take(said("erase", "phone.a"), seen("C", "phone.a", "device.q"))
    for _ in range(2):
        text = repr((owner.facts, owner.map))
        assert nid("phone.a") not in text
        assert nid("phone.a")[6:] not in text
        owner.restart()
        owner.take(seen("C", "phone.a", "card.a", day=9))
    assert nid("card.a") in owner.map


def rule_file(text: str, seq: int, stands: bool = True) -> Evidence:
    word = Ruling(tenant="t", id="rules", seq=seq, kind="rules", at="2026-01-02T00:00:00Z", text=text, stands=stands)
    return Evidence(tenant="t", id="r", at=word.at, source="event.ruling", about="rules", ruling=word)


def test_another_rule_file_changes_what_it_would_have_changed_from_the_start():
    text = Path(oneid.__path__[0], "rules.yml").read_text("utf-8")
    one_email = text.replace("limits: [{most: 4, ever: true}]", "limits: [{most: 1, ever: true}]")
    facts = [seen("B", "login.a", "email.a"), seen("B", "login.a", "email.b", day=1), seen("C", "card.q", "device.q")]
    owner = Owner()
    owner.take(*facts)
    (split,) = owner.take(rule_file(one_email, 1))
    assert split.kind == "split"
    assert [cause.rule for cause in split.causes] == ["limit:email"]
    owner.restart()
    owner.take(seen("B", "login.a", "email.c", day=2))
    fresh = Owner(shard.rule_file.parse(one_email, "test"))
    fresh.take(*facts, seen("B", "login.a", "email.c", day=2))
    assert _members(owner.map) == _members(fresh.map)
    owner.take(rule_file("", 2, stands=False))
    assert len({one.member_id for key, one in owner.map.items() if not key.startswith(("card", "device"))}) == 1


def _members(map_: dict[str, MemberOf]) -> dict[str, str]:
    return {key: one.member_id for key, one in map_.items()}


@pytest.mark.parametrize("word", [rule_file("identifiers: 7", 1), evidence(said("block", "card.a"))])
def test_a_ruling_that_is_none_stops_nobody(word):
    broken = word if word.ruling.kind == "rules" else _with(word, a="not a nid")
    owner = Owner()
    owner.take(broken, seen("B", "card.a", "phone.a"))
    assert len(owner.map) == 2
    owner.restart()


def _with(one: Evidence, **other: str) -> Evidence:
    return msgspec.structs.replace(one, ruling=msgspec.structs.replace(one.ruling, **other))


def test_what_is_kept_is_read_back_as_it_was():
    for seed in range(50):
        case = ranked(drawn(seed))
        owner, known = Owner(case.parsed), Known()
        for one in case.said:
            if isinstance(one, Observation):
                known.observe(one, case.parsed.priority)
            elif one.kind != "erase":
                known.rule(one)
            if not (isinstance(one, Said) and one.kind == "erase"):
                owner.take(one)
        found = kept(owner.facts.items(), case.parsed.identifiers).evidence
        assert (found.identifiers, found.pairs, found.names) == (known.identifiers, known.pairs, known.names)
        assert (found.rulings, found.model) == (known.rulings, known.model)


def test_a_fact_of_a_type_that_the_rules_do_not_name_waits():
    facts = {b"t|i|moon:" + b"0" * 32: IdentityFact(kind="identifier", first=1, weeks=(1,))}
    assert kept(facts.items(), RULES.identifiers).evidence.identifiers == {}
    assert ruling(evidence(said("block", "card.a")).ruling) == said("block", "card.a")
