"""Members compared with the people behind them; `oneid.scoring` says what is counted."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.evidence import Evidence
from contracts.member_map import MemberOf
from oneid import scoring
from oneid.identifiers import nid, normalise
from oneid.scoring import Score
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


class Truth(NamedTuple):
    """`owners` of each nid, several in turn or at once; `at_once` are the nids whose owners have them at the same time."""

    owners: dict[str, frozenset[str]]
    at_once: frozenset[str]


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
    in_turn = {one: who for one, who in truth.owners.items() if len(who) > 1 and one not in truth.at_once}
    return scoring.score(truth.owners, in_turn, member_of, scoring.reachable(truth.owners, _own(truth, shown)))


def _own(truth: Truth, shown: Iterable[tuple[str, ...]]) -> Iterable[tuple[str, list[str]]]:
    """Who shows is not told in an event: each part of it is of each person whom it belongs to."""
    for nids in shown:
        by_person: dict[str, list[str]] = defaultdict(list)
        for one in nids:
            for person in truth.owners.get(one, ()) if one not in truth.at_once else ():
                by_person[person].append(one)
        yield from by_person.items()
