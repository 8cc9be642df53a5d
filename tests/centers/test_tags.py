"""Where members stand, by plain sums over everything that was ever said; and the moments on the way."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings, strategies
from ruamel.yaml import YAML

from centers.tags.keeping import Keeper, in_time
from centers.tags.life_cycle import DAY_S, Definition, Recency, definition, plus, stands
from contracts.errors import BadInput
from contracts.instants import spelt
from contracts.tags import Tag, TagChange, TagInput, TagMemory

DESCRIBED: dict[str, Any] = YAML(typ="safe").load((files("centers.tags") / "life_cycle.yml").read_text("utf-8"))
BY = definition(DESCRIBED, "life_cycle.yml")
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
PEOPLE = ("ann", "bo", "cai")
NIDS = tuple(f"card:{n}" for n in range(5))


def at(days: float) -> str:
    return spelt((BEGIN + timedelta(days=days)).replace(microsecond=0))


def second(days: float) -> int:
    return int((BEGIN + timedelta(days=days)).timestamp())


class Log:
    """What the job would hold and have sent, its inputs in batches of `size`."""

    def __init__(self, by: Definition = BY) -> None:
        self.by = by
        self.memory: dict[bytes, TagMemory] = {}
        self.tags: dict[bytes, Tag] = {}
        self.changes: list[TagChange] = []

    def take(self, *inputs: TagInput) -> None:
        keeper = Keeper(self.by, self.memory.get)
        for one in inputs:
            keeper.take(one)
        self._apply(keeper)

    def tick(self, days: float) -> None:
        keeper = Keeper(self.by, self.memory.get)
        keeper.pass_hour(at(days), set(self.memory))
        self._apply(keeper)

    def _apply(self, keeper: Keeper) -> None:
        for held, new in ((self.memory, keeper.told.memory), (self.tags, keeper.told.tags)):
            for k, value in new.items():
                held.pop(k, None) if value is None else held.__setitem__(k, value)  # type: ignore[func-returns-value]
        self.changes += keeper.told.changes

    @property
    def values(self) -> dict[str, str]:
        return {tag.member_id: tag.value for tag in self.tags.values()}

    def told(self, member: str) -> list[tuple[str, str, str, str]]:
        return [(c.before, c.after, c.at, c.reason) for c in self.changes if c.member_id == member]


def bought(nid: str, days: float, purchases: int = 1) -> TagInput:
    return TagInput(tenant="t", id=f"{nid} {days}", at=at(days), nids=(nid,), purchases=purchases)


def is_of(member: str, *nids: str, days: float = 0, change: Any = "new") -> TagInput:
    return TagInput(tenant="t", id=f"{member} {days}", at=at(days), nids=nids, change=change, after=member)


def test_a_member_is_new_then_active_then_at_risk_then_lost_without_doing_anything() -> None:
    log = Log()
    log.take(is_of("ann", "card:1"), bought("card:1", 0))
    for hour in range(24 * 40):
        log.tick(hour / 24)
        if hour == 24 * 5:
            log.take(bought("card:1", 5))
    assert log.told("ann") == [
        ("", "new", at(0), "purchase"),
        ("new", "active", at(7), "time"),
        ("active", "at_risk", at(15), "time"),
        ("at_risk", "lost", at(26), "time"),
    ]
    assert log.values == {"ann": "lost"}


def test_who_comes_back_is_active_since_then() -> None:
    log = Log()
    log.take(is_of("ann", "card:1"), bought("card:1", 0))
    log.tick(30)
    log.take(bought("card:1", 30.01))
    assert log.told("ann")[-1] == ("lost", "active", at(30.01), "purchase")


def test_a_merge_leaves_one_member_with_the_sum_and_a_split_parts_it_again() -> None:
    log = Log()
    log.take(is_of("ann", "card:1"), bought("card:1", 0), is_of("bo", "card:2"), bought("card:2", 12))
    log.tick(13)
    assert log.values == {"ann": "at_risk", "bo": "new"}
    log.take(is_of("ann", "card:2", days=13, change="merge"))
    assert log.values == {"ann": "active"}
    assert log.told("bo")[-1] == ("new", "", at(13), "merge")
    log.take(is_of("bo", "card:2", days=13, change="split"))
    assert log.values == {"ann": "at_risk", "bo": "new"}
    assert [reason for *_, reason in log.told("ann")][-2:] == ["merge", "split"]


def test_an_erased_identifier_leaves_nothing_behind() -> None:
    log = Log()
    log.take(is_of("ann", "card:1"), bought("card:1", 0))
    log.take(TagInput(tenant="t", id="e", at=at(1), nids=("card:1",), change="erase", after=""))
    assert (log.memory, log.tags) == ({}, {})
    assert log.told("ann")[-1] == ("new", "", at(1), "erase")


def test_a_purchase_before_its_member_is_known_counts_when_the_member_is() -> None:
    log = Log()
    log.take(bought("card:1", 0))
    assert log.values == {}
    log.take(is_of("ann", "card:1", days=1))
    assert log.values == {"ann": "new"}


def test_purchases_that_were_undone_do_not_count_in_whatever_order() -> None:
    for order in ((1, -1), (-1, 1)):
        log = Log()
        log.take(is_of("ann", "card:1"), *(bought("card:1", n, purchases) for n, purchases in enumerate(order)))
        assert log.values == {}


def test_a_till_whose_clock_is_years_ahead_makes_nobody_active_for_years() -> None:
    recorded = BEGIN + timedelta(days=3)
    assert in_time(bought("card:1", 1500), recorded).at == at(3)
    assert in_time(bought("card:1", 2.5), recorded).at == at(2.5)


def test_a_purchase_after_days_without_a_tick_is_judged_at_its_own_time() -> None:
    log = Log()
    log.tick(0)
    log.take(is_of("ann", "card:1"), bought("card:1", 3))
    assert log.told("ann") == [("", "new", at(3), "purchase")]


def test_another_definition_looks_at_everybody_at_the_next_hour() -> None:
    log = Log()
    log.take(is_of("ann", "card:1"), bought("card:1", 0))
    log.tick(5)
    log.by = definition(DESCRIBED | {"version": 2, "new_days": 2, "at_risk_days": 3}, "own")
    log.tick(5.01)  # not another hour
    assert log.values == {"ann": "new"}
    log.tick(5.1)
    assert log.told("ann")[-1] == ("new", "at_risk", at(3), "definition")


def test_the_same_tick_again_changes_nothing() -> None:
    log = Log()
    log.take(is_of("ann", "card:1"), bought("card:1", 0))
    log.tick(8)
    before = (dict(log.memory), dict(log.tags), list(log.changes))
    log.tick(8)
    assert (log.memory, log.tags, log.changes) == before


@given(seed=strategies.integers(0, 10**9))
@settings(max_examples=150, deadline=None)
def test_whatever_happened_members_stand_where_the_sums_say_and_the_changes_lead_there(seed: int) -> None:
    dice = random.Random(seed)
    history = [_event(dice, n / 4) for n in range(dice.randrange(1, 60))]
    one, many = Log(), Log()
    batch: list[TagInput] = []
    for day, event in enumerate(history):
        if event is None:
            many.take(*batch)
            batch = []
            one.tick(day / 4)
            many.tick(day / 4)
        else:
            one.take(event)
            batch.append(event)
    many.take(*batch)
    end = len(history) / 4 + dice.randrange(30)
    for log in (one, many):
        log.tick(end)
    assert (one.memory, one.tags, one.changes) == (many.memory, many.tags, many.changes)
    assert one.values == _by_sums([event for event in history if event], one)
    now: dict[str, str] = defaultdict(str)
    for change in one.changes:
        assert now[change.member_id] == change.before != change.after
        now[change.member_id] = change.after
    assert {member: value for member, value in now.items() if value} == one.values
    assert len({change.id for change in one.changes}) == len(one.changes)


def _event(dice: random.Random, day: float) -> TagInput | None:
    kind = dice.choice(("buy", "buy", "buy", "undo", "hand", "erase", "tick"))
    nid = dice.choice(NIDS)
    if kind == "hand":
        return is_of(dice.choice(PEOPLE), *dice.sample(NIDS, 2), days=day, change="move")
    if kind == "erase":
        return TagInput(tenant="t", id=f"e{day}", at=at(day), nids=(nid,), change="erase", after="")
    return None if kind == "tick" else bought(nid, day - dice.randrange(20), 1 if kind == "buy" else -1)


def _by_sums(history: list[TagInput], log: Log) -> dict[str, str]:
    owner: dict[str, str] = {}
    sums: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for event in history:
        for nid in event.nids:
            if event.change is None:
                sums[nid].append((event.purchases, int(datetime.fromisoformat(event.at).timestamp())))
            elif event.change == "erase":
                owner.pop(nid, None)
                sums.pop(nid, None)
            else:
                owner[nid] = event.after
    now = int(datetime.fromisoformat(log.memory[b"tick"].at).timestamp())
    found = {}
    for member in set(owner.values()):
        of = [one for nid in owner if owner[nid] == member for one in sums[nid]]
        days = [moment for purchases, moment in of if purchases > 0]
        if sum(purchases for purchases, _ in of) > 0:
            age, known = (now - max(days)) / DAY_S, (now - min(days)) / DAY_S
            late = "lost" if age >= 21 else "at_risk" if age >= 10 else ""
            found[member] = late or ("new" if known < 7 else "active")
    return found


@given(strategies.lists(strategies.tuples(strategies.integers(-3, 3), strategies.integers(1, 99)), max_size=6))
def test_recency_adds_up_in_any_order(parts: list[tuple[int, int]]) -> None:
    made = [Recency(n, moment, moment) if n > 0 else Recency(n) for n, moment in parts]
    shuffled = random.Random(1).sample(made, len(made))
    sums = [Recency(), Recency()]
    for n, order in enumerate((made, shuffled)):
        for part in order:
            sums[n] = plus(sums[n], part)
    assert sums[0] == sums[1]


def test_where_somebody_stands_holds_until_it_is_due() -> None:
    for days in range(40):
        found = stands(BY, Recency(2, second(0), second(3)), second(days))
        assert found.since <= second(days)
        assert not found.due or stands(BY, Recency(2, second(0), second(3)), found.due).value != found.value
        assert not found.due or stands(BY, Recency(2, second(0), second(3)), found.due - 1).value == found.value


@pytest.mark.parametrize(
    "wrong",
    [{"at_risk_days": 30}, {"new_days": 0}, {"version": 0}, {"days": 3}, {"tag": "other"}, {"values": {}}],
)
def test_a_definition_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="own"):
        definition(DESCRIBED | wrong, "own")
