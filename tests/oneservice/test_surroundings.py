"""What is read around a member gives what F over everything gives, and says of everything left out why."""

import random
import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from contracts.evidence import IdentityFact, Ruling
from contracts.wire import encode
from oneid.dossier import generic, in_force, live
from oneid.evidence import CLASSES, Evidence, Observation, mark
from oneid.facts import Facts, kept
from oneid.resolve import Resolution, persons
from oneid.rules import parse
from oneservice.live import surroundings
from oneservice.live.fact_store import FactStore
from oneservice.live.surroundings import Around, around

RULES = parse((files("oneid") / "rules.yml").read_text("utf-8"), "oneid/rules.yml")
TENANT = "t"
DAY = 86_400
COUNTS = {"card": 40, "phone": 14, "device": 6, "login": 10, "email": 6}


def nid(type: str, n: int) -> str:
    return f"{type}:{n:032x}"


class Log:
    """Facts as the resolver keeps them, and their store."""

    def __init__(self, folder: Path) -> None:
        self.facts: dict[bytes, IdentityFact] = {}
        self._erased: set[str] = set()
        self._seq = 0
        self.store = FactStore(folder, TENANT)

    def see(self, *nids: str, cls: str = "B", at: int = 20_000 * DAY, model: int = 0, score: int = 0) -> None:
        said = self._facts()
        said.observe(Observation(at, CLASSES[cls], tuple(dict.fromkeys(nids)), "", model, score))
        self._take(said)

    def rule(self, kind: str, a: str, b: str = "") -> None:
        self._seq += 1
        said = self._facts()
        word = Ruling(
            tenant=TENANT, id=f"{kind}|{a}|{b}", seq=self._seq, kind=kind, at="2026-11-20T10:00:00Z", a=a, b=b, by="ana"
        )  # type: ignore[arg-type]
        said.rule(word)
        if kind == "erase":
            said.forget({a}, list(self.facts))
        self._take(said)

    def around(self, *nids: str) -> Around:
        return around(self.store, nids, lambda _: RULES)

    def _facts(self) -> Facts:
        return Facts(TENANT, RULES.priority, self.facts.get, self._erased)

    def _take(self, said: Facts) -> None:
        for at, fact in said.changes.items():
            if fact is None:
                self.facts.pop(at, None)
            else:
                self.facts[at] = fact
        changes = [(at, None if fact is None else encode(fact)) for at, fact in said.changes.items()]
        self.store.apply(0, changes, self._seq)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path)
    yield made
    made.store.close()


def happen(log: Log, dice: random.Random) -> None:
    """Anything that can be said of who is who, at random."""

    def any_nid() -> str:
        type = dice.choice(list(COUNTS))
        return nid(type, dice.randrange(COUNTS[type]))

    what = dice.random()
    if what < 0.04:
        log.rule(dice.choice(["cannot_link", "must_link"]), *sorted({any_nid(), any_nid(), any_nid()})[:2])
    elif what < 0.06:
        log.rule(dice.choice(["block", "erase"]), any_nid())
    elif what < 0.16:
        a, b = any_nid(), any_nid()
        log.see(a, b, cls="D", model=dice.randrange(1, 3), score=dice.randrange(4, 20), at=dice.randrange(1, 400) * DAY)
    else:
        log.see(
            *(any_nid() for _ in range(dice.randrange(1, 4))), cls=dice.choice("ABC"), at=dice.randrange(1, 400) * DAY
        )


def whole(log: Log) -> tuple[Resolution, Evidence]:
    evidence = kept(log.facts.items(), RULES.identifiers).evidence
    return persons(live(evidence, RULES), RULES), evidence


@pytest.mark.parametrize("seed", range(12))
def test_it_is_what_f_over_everything_gives(log: Log, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(dice.choice([30, 90, 200])):
        happen(log, dice)
    answer, evidence = whole(log)
    said = in_force(evidence.rulings.values())
    nobodys = generic(evidence, RULES, said)
    members: dict[str, list[str]] = {}
    for one in evidence.identifiers:
        members.setdefault(answer.births[answer.now(one)], []).append(one)
    for nids in members.values():
        found = log.around(*nids)
        own = {answer.now(one) for one in nids}
        assert {one: found.answer.births[one] for one in own} == {one: answer.births[one] for one in own}
        decided = [one for one in answer.decisions if not own.isdisjoint(one.edge[:2])]
        assert sorted(found.decisions[: len(decided)]) == sorted(decided)
        # Every pair at the member's identifiers is told once: decided, or left out with a reason that is true.
        left = {one.edge[:2]: one.rule for one in found.decisions[len(decided) :]}
        held = set(nids) - answer.cuts.keys()  # what a recycled number saw before belongs to its former owner
        touching = {ends for ends in evidence.pairs if not held.isdisjoint(ends)}
        assert len(left) == len(found.decisions) - len(decided)
        assert len(touching - left.keys()) <= len(decided)
        for ends, rule in left.items():
            reasons = {
                "cannot_link": ends in said.cannot,
                "blocked": not said.blocked.isdisjoint(ends),
                "generic": not nobodys.isdisjoint(ends),
                "superseded": evidence.pairs[ends].model < evidence.model if ends in evidence.pairs else False,
            }
            assert reasons[rule]
        assert found.whole


def test_a_kiosk_is_told_and_not_walked_through(log: Log) -> None:
    kiosk, mine = nid("device", 1), nid("card", 1)
    for n in range(1, 60):
        log.see(kiosk, nid("card", n), cls="C")
        log.see(nid("card", n), nid("phone", n))
    found = log.around(mine)
    assert found.dead == {kiosk: "generic"}
    assert [(one.edge.a, one.rule) for one in found.decisions if one.rule] == [(mine, "generic")]
    assert len(found.answer.births) < 6  # the other cards were not read
    # Asked for itself it shows everybody who stood at it.
    assert len(log.around(kiosk).decisions) == 59


def test_who_forbade_is_told_also_before_there_was_any_evidence(log: Log) -> None:
    log.see(nid("card", 1))
    log.see(nid("card", 2))
    log.rule("cannot_link", nid("card", 1), nid("card", 2))
    found = log.around(nid("card", 1))
    assert [(one.rule, one.edge.cls) for one in found.decisions] == [("cannot_link", 0)]
    assert [word.by for word in found.rulings.values()] == ["ana"]


def test_what_only_an_older_model_scored_is_told(log: Log) -> None:
    log.see(nid("card", 1), nid("phone", 1), cls="D", model=1, score=20)
    log.see(nid("card", 2), nid("phone", 2), cls="D", model=2, score=20)
    assert [one.rule for one in log.around(nid("card", 1)).decisions] == ["superseded"]
    assert [one.rule for one in log.around(nid("card", 2)).decisions] == [""]


def test_more_than_can_be_read_is_cut_and_said(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(40):
        log.see(nid("shop_customer", n), nid("erp_customer", n))
        log.see(nid("erp_customer", n), nid("shop_customer", n + 1))
    monkeypatch.setattr(surroundings, "MOST_FACTS", 30)
    found = log.around(nid("shop_customer", 0))
    assert not found.whole
    assert 0 < len(found.decisions) < 80


def test_an_erased_identifier_is_in_no_answer_and_in_no_row(log: Log) -> None:
    log.see(nid("card", 1), nid("phone", 1))
    log.rule("erase", nid("phone", 1))
    assert log.around(nid("card", 1)).decisions == ()
    held = [at for at in log.facts if nid("phone", 1).encode() in at]
    assert held == []
    assert log.store.count() == len(log.facts)
    assert any(mark(nid("phone", 1)).encode() in at for at in log.facts)


def test_the_file_has_no_name_and_goes_with_the_store(tmp_path: Path) -> None:
    store = FactStore(tmp_path, TENANT)
    store.apply(3, [(b"t|m", encode(IdentityFact(kind="model", model=2)))], 7)
    assert (list(tmp_path.iterdir()), store.places, store.count()) == ([], {3: 7}, 1)
    store.apply(3, [(b"t|m", None)], 9)
    assert (store.places, store.count()) == ({3: 9}, 0)
    store.close()
    with pytest.raises(sqlite3.ProgrammingError):
        store.count()
