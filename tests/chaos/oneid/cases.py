"""Random evidence: a few identifiers that have all the troubles there are, and the orders in which it may arrive."""

import random
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from oneid.evidence import DAY_S, Observation, Ruling
from oneid.names import name_tokens
from oneid.rules import Rules, parse

KEY = b"chaos"
# In clear, so that the oracle can judge names by itself: (family, given); an empty given name is not known.
NAMES = {
    tokens: name
    for name in [("张", "伟"), ("张", "芳"), ("张", ""), ("李", "娜"), ("李", "强"), ("王", "磊"), ("", "")]
    if name[0] and (tokens := name_tokens(name[0] + (name[1] or "先生"), KEY))
}
TYPES = ("login", "card", "open_id", "phone", "email", "device", "cookie")
FIRST_DAY = 18_000


@dataclass(frozen=True)
class Case:
    """`said` holds events and rulings; `rules` is what the oracle reads, as written."""

    seed: int
    rules: dict[str, Any]
    said: tuple[Observation | Ruling, ...]

    @property
    def parsed(self) -> Rules:
        return parsed(repr(self.rules))


_parsed: dict[str, Rules] = {}


def parsed(written: str) -> Rules:
    """The rules as the product reads them: a Python literal of this shape is also YAML."""
    if written not in _parsed:
        _parsed[written] = parse(written.replace("True", "true").replace("False", "false"), "chaos")
    return _parsed[written]


def nid(type: str, number: int) -> str:
    return f"{type}:{sha256(f'{type}{number}'.encode()).hexdigest()[:32]}"


def drawn(seed: int) -> Case:
    dice = random.Random(seed)
    rules = _rules(random.Random(seed % 97))  # not too many, since each is parsed once
    people = dice.choice((2, 3, 4, 6))
    nids = [nid(type, i) for type in TYPES for i in range(dice.randint(1, people))]
    nids = dice.sample(nids, min(len(nids), dice.randint(3, 18)))
    names = list(NAMES)
    span = dice.choice((3, 20, 200, 1500))
    said: list[Observation | Ruling] = []
    for _ in range(dice.randint(2, 40)):
        cls = dice.choice((4, 3, 3, 2, 2, 1)) if dice.random() < 0.8 else 3
        count = 2 if cls == 1 else dice.choice((1, 2, 2, 2, 3, 4, 5, 6))
        at = (FIRST_DAY + dice.randrange(span)) * DAY_S + dice.randrange(3) * 1000
        shown = tuple(dice.sample(nids, min(count, len(nids))))
        name = dice.choice(names) if cls != 1 and dice.random() < 0.35 else ""
        said.append(
            Observation(at, cls, shown, name, *((dice.randint(1, 2), dice.randint(-5, 20)) if cls == 1 else ()))
        )
    if dice.random() < 0.5:
        together = [s.nids for s in said if isinstance(s, Observation) and len(s.nids) > 1]
        said += [_ruling(dice, nids, together) for _ in range(dice.randint(1, 5))]
    if any(isinstance(s, Ruling) and s.kind == "erase" for s in said):
        # Of two words with one sequence the greater text counts; of a word on an erased identifier the text is not kept.
        said = [s._replace(seq=100 * s.seq + i) if isinstance(s, Ruling) else s for i, s in enumerate(said)]
    return Case(seed, rules, tuple(said))


def _ruling(dice: random.Random, nids: list[str], together: list[tuple[str, ...]]) -> Ruling:
    """A word on any two identifiers, or, as stewards mostly give it, on two that an event showed together."""
    kind: Any = dice.choice(("cannot_link", "cannot_link", "must_link", "block", "erase"))
    a, b = dice.sample(dice.choice(together) if together and dice.random() < 0.5 else (*nids, nid("card", 99)), 2)
    number = dice.randrange(3)
    stands = kind == "erase" or dice.random() < 0.75
    return Ruling(f"{kind}-{number}", dice.randint(1, 3), kind, a, b if kind.endswith("link") else "", stands)


def _rules(dice: random.Random) -> dict[str, Any]:
    priorities = list(range(1, len(TYPES) + 1))
    if dice.random() < 0.3:
        dice.shuffle(priorities)
    found: dict[str, Any] = {}
    for type, priority in zip(TYPES, priorities, strict=True):
        rule: dict[str, Any] = {"title": {"en": type, "zh": type}, "priority": priority, "limits": []}
        if type in {"login", "card", "open_id"}:
            rule["anchor"] = True
            most = 1 if type != "open_id" else dice.choice((1, 2, 3))
            if dice.random() < 0.9:
                rule["limits"].append({"most": most, "ever": True})
        else:
            if dice.random() < 0.6:
                rule["limits"].append({"most": dice.randint(1, 3), "ever": True})
            if dice.random() < 0.6:
                rule["limits"].append({"most": dice.randint(1, 2), "weeks": dice.choice((1, 4, 52))})
            if dice.random() < 0.5:
                rule["generic"] = {"anchors": dice.randint(1, 4)}
            if type in {"phone", "email"} and dice.random() < 0.7:
                rule["tenancy"] = {"silent_days": dice.choice((2, 30, 120))}
            rule["shared"] = dice.random() < 0.6
            rule["together"] = dice.random() < 0.4
        found[type] = rule
    return {"version": 1, "identifiers": found, "names": {"exclusive": dice.random() < 0.85}, "blocked": []}


def arrivals(case: Case, seed: int) -> list[tuple[list[Observation], list[Ruling]]]:
    """The case in another order, with repeats, in batches of another size."""
    dice = random.Random(f"{case.seed} {seed}")
    said = list(case.said) + dice.sample(case.said, dice.randint(0, len(case.said)))
    dice.shuffle(said)
    batches = []
    while said:
        size = dice.choice((1, 2, 5, 1000))
        batch, said = said[:size], said[size:]
        batches.append(([s for s in batch if isinstance(s, Observation)], [s for s in batch if isinstance(s, Ruling)]))
    return batches
