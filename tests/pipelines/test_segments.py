"""A segment built and exported without a broker: what the topics say is given. Numbers in clear are opened with real keys."""

import csv
import hashlib
import json
import stat
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from centers.segments.definition import Definition
from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings
from connectors.tokens import Tokeniser
from contracts.errors import BadInput, NotReady
from contracts.member_map import MemberOf
from contracts.members import Claim, Consent, Profile, Sums
from oneid.identifiers import nid, normalise
from pipelines.segments import building, exporting
from pipelines.segments.reading import Members, definitions, find

CLOCK = SystemClock()
MANY = 60


class Said(NamedTuple):
    type: str
    value: str


class World:
    """Members `m-000` …, each with a card, every second one with a phone. All are at risk and bought enough."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        self.numbers = {n: f"1380013{n:04}" for n in range(0, MANY, 2)}
        store = Keystore(home, CLOCK)
        tokeniser = Tokeniser(store, "demo", "CN", normalise=normalise, nid=nid)
        tokens = tokeniser.tokens([Said("phone", value) for value in self.numbers.values()])
        store.close()
        self.phones = {n: tokens[Said("phone", value)] for n, value in self.numbers.items()}
        self.owner: dict[str, str] = {}
        self.profiles: dict[str, Profile] = {}
        self.tags = {f"m-{n:03}": {"life_cycle": "at_risk"} for n in range(MANY)}
        for n in range(MANY):
            self.show(n, f"card:{n:032x}", Sums(orders=2, spend={"CNY": 9000}, consents=self.word(n)))
            token = self.phones.get(n)
            if token:
                claims = {"phone": {"pos": {token.nid: Claim(1, 5, 5, False)}}}
                self.show(n, token.nid, Sums(claims=claims), token.cipher)

    def word(self, n: int) -> dict[str, Consent]:
        """Of ten, seven say yes, two no, and one says nothing."""
        return {} if n % 10 == 9 else {"marketing": Consent(7, n % 10 in (7, 8), "web")}

    def show(self, n: int, nid: str, sums: Sums, cipher: str = "") -> None:
        self.owner[nid] = f"m-{n:03}"
        self.profiles[nid] = Profile(tenant="demo", nid=nid, sums=sums, cipher=cipher)

    @property
    def members(self) -> Members:
        found = Members(self.settings)
        entries = {
            nid: MemberOf(tenant="demo", nid=nid, member_id=member, confidence=100, version=3)
            for nid, member in self.owner.items()
        }
        found.directory.__dict__["entries"] = entries
        found.__dict__ |= {
            "profiles": dict(self.profiles),
            "tags": dict(self.tags),
            "tags_known_at": "",
            "map_version": 3,
        }
        return found

    def build(self, by: Definition) -> building.Snapshot:
        return building.build(self.settings, by, CLOCK, self.members)

    def export(self, target: Path, form: str = "csv", **more: str) -> dict[str, object]:
        snapshot = building.fit(self.settings, "win_back")
        made = exporting.exported(self.settings, snapshot, form, CLOCK, name=target.name, members=self.members, **more)
        exporting.written(target, made)
        return made.manifest


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


@pytest.fixture
def by(world: World) -> Definition:
    return find(world.settings, "win_back")


def rows(file: Path) -> list[dict[str, str]]:
    with file.open() as text:
        return list(csv.DictReader(text))


def test_a_build_counts_what_each_clause_lets_pass_and_who_consented(world: World, by: Definition) -> None:
    world.tags["m-000"] = {"life_cycle": "new"}
    del world.tags["m-001"]
    world.show(2, f"card:{2:032x}", Sums(orders=1, spend={"CNY": 9000}, consents=world.word(2)))
    told = world.build(by).manifest
    assert [(c["passed"], c["unknown"]) for c in told["clauses"]] == [(58, 1), (59, 0), (60, 0)]
    assert (told["members"], told["matched"], told["unknown"]) == (60, 57, 1)
    assert told["consent"] == {"given": 39, "refused": 12, "unasked": 6}


def test_an_export_holds_who_consented_and_is_not_held_out_and_nothing_but_their_ids(
    world: World, by: Definition, tmp_path: Path
) -> None:
    built = world.build(by)
    told = world.export(tmp_path / "out.csv")
    held = {row["member_id"] for row in built.members() if row["arm"] == "held_out"}
    yes = {f"m-{n:03}" for n in range(MANY) if n % 10 < 7}
    assert held
    assert [row["member_id"] for row in rows(tmp_path / "out.csv")] == sorted(yes - held)
    assert set(rows(tmp_path / "out.csv")[0]) == {"member_id"}
    assert told["rows"] == built.manifest["exportable"]
    assert told["left_out"] == {
        "held_out": len(held),
        "gone": 0,
        "refused": len({f"m-{n:03}" for n in range(MANY) if n % 10 in (7, 8)} - held),
        "unasked": len({f"m-{n:03}" for n in range(MANY) if n % 10 == 9} - held),
        "unreachable": 0,
    }
    manifest = json.loads((tmp_path / "out.csv.manifest.json").read_bytes())
    assert manifest == told
    assert manifest["sha256"] == hashlib.sha256((tmp_path / "out.csv").read_bytes()).hexdigest()
    assert manifest["hold_out"]["sha256"] == hashlib.sha256("\n".join(sorted(held)).encode()).hexdigest()
    assert (manifest["hold_out"]["percent"], manifest["hold_out"]["seed"]) == (10, "win_back-1")
    ledger = (world.settings.home / "segments" / "win_back" / "exports.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in ledger] == [manifest]


def test_consent_is_read_when_it_is_sent(world: World, by: Definition, tmp_path: Path) -> None:
    world.build(by)
    before = {row["member_id"] for row in rows_of(world, tmp_path / "a.csv")}
    assert {"m-001", "m-002", "m-003"} <= before
    world.show(1, f"card:{1:032x}", Sums(consents={"marketing": Consent(9, True, "web")}))
    # A merge brings an identifier that said no: the other's yes does not widen it.
    world.show(2, "login:2", Sums(consents={"marketing": Consent(1, True, "app")}))
    for held in [one for one, member in world.owner.items() if member == "m-003"]:
        del world.owner[held]
    told = world.export(tmp_path / "b.csv")
    assert before - {row["member_id"] for row in rows(tmp_path / "b.csv")} == {"m-001", "m-002", "m-003"}
    assert told["left_out"]["gone"] == 1  # type: ignore[index]


def rows_of(world: World, target: Path) -> list[dict[str, str]]:
    world.export(target)
    return rows(target)


def test_a_number_in_clear_is_given_to_a_role_that_may_and_to_nobody_else(
    world: World, by: Definition, tmp_path: Path
) -> None:
    world.build(by)
    for role in ("analyst", "nobody", ""):
        with pytest.raises(BadInput, match="may not have a phone"):
            world.export(tmp_path / "x.csv", reveal="phone", role=role)
    assert not (tmp_path / "x.csv").exists()
    with pytest.raises(BadInput, match="may not have a email"):
        world.export(tmp_path / "x.csv", reveal="email", role="marketer")
    plain = world.export(tmp_path / "ids.csv")
    store = Keystore(world.settings.home, CLOCK)
    store.destroy([world.phones[4].nid])
    store.close()
    told = world.export(tmp_path / "sms.csv", reveal="phone", role="marketer")
    found = {row["member_id"]: row["phone"] for row in rows(tmp_path / "sms.csv")}
    assert found["m-000"] == "+8613800130000"
    assert "m-004" not in found  # the key of that number is destroyed
    assert all(int(member[2:]) % 2 == 0 for member in found)
    assert told["left_out"]["unreachable"] == plain["rows"] - len(found)  # type: ignore[index,operator]
    assert (told["role"], told["columns"]) == ("marketer", ["member_id", "phone"])
    assert stat.S_IMODE((tmp_path / "sms.csv").stat().st_mode) == 0o600
    assert "1380013" not in (tmp_path / "sms.csv.manifest.json").read_text()
    stored = [f for f in (world.settings.home / "segments").rglob("*") if f.is_file()]
    assert stored
    assert not any(b"1380013" in file.read_bytes() for file in stored)


def test_who_was_held_out_stays_so_through_builds_and_another_id(world: World, by: Definition) -> None:
    first = {row["member_id"]: row["arm"] for row in world.build(by).members()}
    held = [member for member, arm in first.items() if arm == "held_out"]
    treated = [member for member, arm in first.items() if arm == "treated"]
    for own, member in world.owner.items():
        if member == held[0]:
            world.owner[own] = "m-renamed"
        if member == held[1]:
            world.owner[own] = treated[0]
    world.tags["m-renamed"] = {"life_cycle": "at_risk"}
    again = {row["member_id"]: row["arm"] for row in world.build(by).members()}
    assert again["m-renamed"] == "held_out"
    assert again[treated[0]] == "mixed"
    same = first.keys() & again.keys() - {treated[0]}
    assert {member: first[member] for member in same} == {member: again[member] for member in same}


def test_a_snapshot_is_never_changed_and_parquet_holds_the_same(world: World, by: Definition, tmp_path: Path) -> None:
    first = world.build(by)
    kept = (first.folder / "members.parquet").read_bytes()
    world.tags.clear()
    second = world.build(by)
    assert (second.manifest["snapshot"], second.manifest["matched"]) == (2, 0)
    assert (first.folder / "members.parquet").read_bytes() == kept
    assert building.current(world.settings.home, "win_back").manifest == second.manifest
    snapshot = building.Snapshot(first.folder, first.manifest)
    for form in exporting.FORMATS:
        made = exporting.exported(world.settings, snapshot, form, CLOCK, name="a", members=world.members)
        exporting.written(tmp_path / f"a.{form}", made)
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == rows(tmp_path / "a.csv")


def test_a_home_has_definitions_of_its_own(world: World, tmp_path: Path) -> None:
    folder = world.settings.home / "reference" / "segments"
    folder.mkdir(parents=True)
    released = Path("centers/segments/win_back.yml").read_text("utf-8")
    (folder / "big.yml").write_text(released.replace("segment: win_back", "segment: big"), "utf-8")
    (folder / "other.yml").write_text(released, "utf-8")
    (folder / "broken.yml").write_text("segment: [", "utf-8")
    assert list(definitions(world.settings)) == ["big", "broken", "other", "win_back"]
    assert find(world.settings, "big").segment == "big"
    for name in ("other", "broken", "none", "../x"):
        with pytest.raises(BadInput):
            find(world.settings, name)
    with pytest.raises(NotReady, match="Segment big has not been built"):
        building.fit(world.settings, "big")


def test_what_is_defined_is_listed_with_its_last_build_and_an_older_definition_is_not_exported(
    world: World, by: Definition, tmp_path: Path
) -> None:
    assert [(one["segment"], one["built"]) for one in building.overview(world.settings)] == [("win_back", None)]
    built = world.build(by)
    assert [one["built"] for one in building.overview(world.settings)] == [built.manifest]
    folder = world.settings.home / "reference" / "segments"
    folder.mkdir(parents=True)
    released = Path("centers/segments/win_back.yml").read_text("utf-8")
    (folder / "win_back.yml").write_text(released.replace("version: 1", "version: 2"), "utf-8")
    with pytest.raises(BadInput, match="of version 1, the definition of 2"):
        world.export(tmp_path / "out.csv")
