"""Members compared with the people behind them: shares, since who is who cannot always be known from what was shown.

An identifier's owners are those who have it; who uses another's for lack of an own (the head's card, the family's computer)
owns it together with that one. Kiosks, assistants' phones and mistyped numbers are nobody's, and do not count.

| share | of | that |
|---|---|---|
| over-merged | members | hold what only one person owns, of two people |
| precision | pairs of identifiers of one member, each of which only one person ever owned | one person owns both of |
| recall | pairs of a person's own identifiers that what the person showed links | are one member's |

A link counts for recall when both its ends are the person's and nobody else's at the same time: what only a shared phone links
cannot be known. A number with two owners in turn must be with one of them.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.evidence import Evidence
from contracts.member_map import MemberOf
from oneid.identifiers import nid, normalise
from pipelines.newest import newest

# Column of people.csv → type of identifier.
COLUMNS = {
    "phone": "phone",
    "card": "card",
    "email": "email",
    "login": "login",
    "union_id": "wechat_unionid",
    "open_id": "wechat_openid",
    "device": "device",
    "cookie": "cookie",
    "cookie2": "cookie",
}
MOST_OVER_MERGED, LEAST_PRECISION, LEAST_RECALL = 0.0030, 0.992, 0.987


class Truth(NamedTuple):
    """`owners` of each nid, several in turn or at once; `at_once` are the nids whose owners have them at the same time."""

    owners: dict[str, frozenset[str]]
    at_once: frozenset[str]


class Score(NamedTuple):
    """Shares are of 1. `seen` are the identifiers that somebody showed; `largest` is the size of the largest member."""

    seen: int
    members: int
    over_merged: float
    precision: float
    recall: float
    largest: int

    @property
    def good(self) -> bool:
        return (
            self.over_merged <= MOST_OVER_MERGED and self.precision >= LEAST_PRECISION and self.recall >= LEAST_RECALL
        )


def verify_members(settings: Settings, folder: Path) -> Score:
    """Compares `state.member_map` with the people in `folder` (people.csv and shown.csv, as docs/twin.md has them)."""
    truth = read_truth(settings, folder)
    member_of = {entry.nid: entry.member_id for entry in newest(settings, "state.member_map", MemberOf)}
    shown = (said.nids for said in newest(settings, "event.identity", Evidence) if said.ruling is None)
    return score(truth, member_of, shown)


def read_truth(settings: Settings, folder: Path) -> Truth:
    """Who owns what, by nid. Raises `BadInput` when a file is missing."""
    key = Keystore(settings.home, SystemClock()).tenant_key(settings.tenant)
    owners: dict[str, set[str]] = defaultdict(set)
    at_once: set[str] = set()
    in_turn: set[str] = set()

    def named(type: str, value: str) -> str | None:
        spelt = normalise(type, value, settings.phone_region)
        return nid(key, type, spelt) if spelt else None

    for row in _rows(folder / "people.csv"):
        for column, type in COLUMNS.items():
            if row[column] and (found := named(type, row[column])):
                owners[found].add(row["person"])
                if row["takes_up"] and column == "phone":
                    in_turn.add(found)
    for row in _rows(folder / "shown.csv"):
        found = named(row["type"], row["value"])
        if found and row["type"] == "shop_customer":
            owners[found].add(row["person"])
        if found and row["whose"] == "family":
            owners[found].add(row["person"])
            at_once.add(found)
    at_once |= {one for one, people in owners.items() if len(people) > 1 and one not in in_turn}
    return Truth({one: frozenset(people) for one, people in owners.items()}, frozenset(at_once))


def _rows(file: Path) -> Iterable[dict[str, str]]:
    if not file.is_file():
        raise BadInput(f"There is no {file}.", "Give the folder `people` of a world that `zhongtai twin make` made.")
    with file.open(encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)


def score(truth: Truth, member_of: Mapping[str, str], shown: Iterable[tuple[str, ...]]) -> Score:
    """`shown`: the identifiers that each event showed together."""
    members: dict[str, list[str]] = defaultdict(list)
    for one, member in member_of.items():
        members[member].append(one)
    over = wrong = right = 0
    for nids in members.values():
        owners = [truth.owners.get(one, frozenset()) for one in nids]
        single = Counter(next(iter(people)) for people in owners if len(people) == 1)
        several = [
            people for one, people in zip(nids, owners, strict=True) if len(people) > 1 and one not in truth.at_once
        ]
        over += len(single) > 1
        count = sum(single.values())
        same = sum(n * (n - 1) // 2 for n in single.values())
        right += same + sum(single[person] for people in several for person in people)
        wrong += count * (count - 1) // 2 - same
        wrong += sum(count - sum(single[person] for person in people) for people in several)
    found = total = 0
    for part in _reachable(truth, shown):
        together = Counter(member_of.get(one, one) for one in part)
        total += len(part) * (len(part) - 1) // 2
        found += sum(n * (n - 1) // 2 for n in together.values())
    return Score(
        seen=len(member_of),
        members=len(members),
        over_merged=over / max(1, len(members)),
        precision=right / max(1, right + wrong),
        recall=found / max(1, total),
        largest=max(map(len, members.values()), default=0),
    )


def _reachable(truth: Truth, shown: Iterable[tuple[str, ...]]) -> Iterable[list[str]]:
    """The identifiers of one person alone, as far as they were shown together with one another."""
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def find(node: tuple[str, str]) -> tuple[str, str]:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for nids in shown:
        by_person: dict[str, list[str]] = defaultdict(list)
        for one in nids:
            for person in truth.owners.get(one, ()) if one not in truth.at_once else ():
                by_person[person].append(one)
        for person, mine in by_person.items():
            for one in mine:
                parent[find((person, mine[0]))] = find((person, one))
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for node in list(parent):
        if len(truth.owners[node[1]]) == 1:
            groups[find(node)].append(node[1])
    return [part for part in groups.values() if len(part) > 1]
