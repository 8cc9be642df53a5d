import json
import subprocess
import sys
from pathlib import Path

import msgspec
import polars as pl
import pytest

from contracts.errors import BadInput
from oneid.rules import Generic, Limit, Rules
from pipelines.identity import moves_file
from pipelines.identity.events_file import decode, load_rules, planned, resolve_file

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "oneid-example.jsonl"
RULES = load_rules(ROOT / "oneid" / "rules.yml")
DEVICES = [
    {"at": f"2026-01-0{i}T00:00:00Z", "class": "C", "identifiers": [
        {"type": "login", "value": "fang"}, {"type": "device", "value": f"86123456789000{i}"}]}
    for i in (1, 2, 3)
]  # fmt: skip


def resolved(path: Path, out: Path, as_is: bool = False) -> dict[str, str]:
    resolve_file(path, RULES, out, as_is=as_is, region="CN", told=lambda _: None)
    return dict(pl.read_parquet(out).select("identifier", "member_id").iter_rows())


def test_the_example_of_the_documentation_resolves_as_it_says(tmp_path):
    member = resolved(EXAMPLE, tmp_path / "members.parquet")
    assert member["card:C0001"] == member["login:fang"] == member["phone:139 1234 5001"] == member["phone:13912345001"]
    assert member["card:C0002"] == member["erp_customer:K-77"]
    assert member["card:C0003"] == member["phone:13912345002"] != member["card:C0002"]
    assert len(member) == 10


def test_the_order_of_lines_and_repeats_make_no_difference(tmp_path):
    lines = EXAMPLE.read_text().splitlines()
    other = tmp_path / "other.jsonl"
    other.write_text("\n".join([*reversed(lines), lines[2], ""]))
    assert resolved(other, tmp_path / "a.parquet") == resolved(EXAMPLE, tmp_path / "b.parquet")


def test_made_up_values_are_taken_as_they_stand_when_told_so(tmp_path):
    made_up = tmp_path / "made-up.jsonl"
    made_up.write_text(
        '{"at": "2026-01-01T00:00:00Z", "identifiers": [{"type": "phone", "value": "p1"}, {"type": "card", "value": "c"}]}'
    )
    member = resolved(made_up, tmp_path / "a.parquet", as_is=True)
    assert member["phone:p1"] == member["card:c"]


@pytest.mark.parametrize(
    ("line", "code", "place"),
    [
        (b"\xff{}", "not_utf8", ""),
        (b'{"at": ', "not_json", ""),
        (b'{"at": "2026-01-01T00:00:00Z"}', "missing", "identifiers"),
        (b'{"at": "2026-13-01T00:00:00Z", "identifiers": [{"type": "card", "value": "C1"}]}', "bad_time", "at"),
        (
            b'{"at": "2026-01-01T00:00:00Z", "class": "E", "identifiers": [{"type": "card", "value": "C1"}]}',
            "bad_value",
            "class",
        ),
        (
            b'{"at": "2026-01-01T00:00:00Z", "score": 3, "identifiers": [{"type": "card", "value": "C1"}]}',
            "unknown_field",
            "score",
        ),
        (
            b'{"at": "2026-01-01T00:00:00Z", "who": 3, "identifiers": [{"type": "card", "value": "C1"}]}',
            "unknown_field",
            "who",
        ),
    ],
)
def test_a_line_that_is_no_event_is_refused_with_its_reason(line, code, place):
    refused = decode(line)
    assert (refused.code, refused.place) == (code, place)


def test_the_command_tells_refused_lines_by_number_and_ends_with_three(tmp_path):
    events = tmp_path / "events.jsonl"
    bad = '{"at": "2026-01-01T00:00:00Z", "identifiers": [{"type": "phone", "value": "12"}]}'
    events.write_text(EXAMPLE.read_text() + "\n" + bad + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "oneid", "resolve", str(events), "--out", str(tmp_path / "m.parquet")],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 3
    last = {"resolve": "ok", "events": 7, "refused": 1, "identifiers": 10, "members": 3, "blocked": 0}
    assert json.loads(done.stdout) == last
    assert "line 9: identifiers[0].value" in done.stderr
    assert "12" not in done.stderr.replace("line 9", "").split("value:")[1].split("\n")[0]


def read(path: Path) -> dict[str, dict[str, object]]:
    """A file of moves, by identifier as it was written."""
    return {row["identifier"]: row for row in pl.read_parquet(path).iter_rows(named=True)}


def planned_on(events: Path, then: Rules, out: Path) -> dict[str, dict[str, object]]:
    found = planned(events, RULES, then, as_is=False, region="CN", told=lambda _: None)
    moves_file.write(out, found.plan.moves, found.values)
    assert moves_file.read(out) == {move.nid: (move.before, move.after) for move in found.plan.moves}
    return read(out)


def differently_resolved(events: Path, then: Rules, folder: Path) -> dict[str, tuple[object, object]]:
    done = {}
    for name, rules in (("now", RULES), ("then", then)):
        resolve_file(events, rules, folder / name, as_is=False, region="CN", told=lambda _: None)
        done[name] = dict(pl.read_parquet(folder / name).select("identifier", "member_id").iter_rows())
    pairs = {i: (done["now"].get(i), done["then"].get(i)) for i in done["now"].keys() | done["then"].keys()}
    return {i: pair for i, pair in pairs.items() if pair[0] != pair[1]}


def test_a_plan_under_stricter_rules_is_just_what_resolving_under_them_gives(tmp_path):
    stricter = tmp_path / "stricter.yml"
    text = (ROOT / "oneid" / "rules.yml").read_text()
    stricter.write_text(text.replace("limits: [{most: 5, weeks: 1}]", "limits: [{most: 1, ever: true}]"))
    events = tmp_path / "events.jsonl"
    events.write_text("\n".join(json.dumps(event) for event in DEVICES))
    found = planned(events, RULES, load_rules(stricter), as_is=False, region="CN", told=lambda _: None)
    assert (found.plan.members, found.refused_lines) == ((1, 3), 0)
    assert [len(split.into) for split in found.plan.splits] == [3]
    rows = planned_on(events, load_rules(stricter), tmp_path / "moves.parquet")
    assert {i: (row["before"], row["after"]) for i, row in rows.items()} == differently_resolved(
        events, load_rules(stricter), tmp_path
    )
    assert {(row["kind"], *row["causes"]) for row in rows.values()} == {("split", "limit:device")}
    assert {row["type"] for row in rows.values()} == {"device"}


def test_a_value_that_the_other_rules_block_vanishes_in_the_plan(tmp_path):
    blocking = tmp_path / "blocking.yml"
    text = (ROOT / "oneid" / "rules.yml").read_text()
    other = text.replace('pattern: "0+|', 'pattern: "C0001|0+|').replace('"+8613800000000"', '"+8613912345001"')
    blocking.write_text(other)
    rows = planned_on(EXAMPLE, load_rules(blocking), tmp_path / "moves.parquet")
    wanted = differently_resolved(EXAMPLE, load_rules(blocking), tmp_path)
    assert {i: (row["before"], row["after"]) for i, row in rows.items()} == wanted
    gone = {"card:C0001", "phone:139 1234 5001", "phone:13912345001"}
    assert {(rows[i]["kind"], rows[i]["after"], *rows[i]["causes"]) for i in gone} == {("vanish", None, "value")}


def test_rules_that_come_with_the_platform_are_known_by_name(tmp_path):
    assert load_rules(Path("platform")) == RULES
    assert load_rules(Path("tight")) == load_rules(ROOT / "oneid" / "rules-tight.yml")
    with pytest.raises(BadInput, match="cannot be read") as none:
        load_rules(tmp_path / "none.yml")
    assert "tight" in none.value.do


def test_the_rules_to_try_are_the_platforms_but_for_what_they_say_they_tighten():
    tight = load_rules(Path("tight"))
    phone, cookie = Limit(most=1, ever=True), Limit(most=2, weeks=4)
    wanted = dict(RULES.identifiers)
    for type, change in {
        "phone": {"limits": (phone,)}, "email": {}, "device": {}, "cookie": {"limits": (cookie,)}
    }.items():  # fmt: skip
        wanted[type] = msgspec.structs.replace(wanted[type], generic=Generic(anchors=3), **change)
    assert tight == msgspec.structs.replace(RULES, identifiers=wanted)


@pytest.mark.parametrize("bad", [b"", b"no parquet", None])
def test_a_file_that_holds_no_moves_is_told(tmp_path, bad):
    path = tmp_path / "moves.parquet"
    if bad is None:
        pl.DataFrame({"nid": ["card:1"]}).write_parquet(path)
    else:
        path.write_bytes(bad)
    with pytest.raises(BadInput, match="no file of moves"):
        moves_file.read(path)


def test_the_command_writes_the_moves_and_tells_them_in_the_last_line(tmp_path):
    events, out = tmp_path / "events.jsonl", tmp_path / "moves.parquet"
    phones = [
        {"at": f"2026-0{i}-01T00:00:00Z", "identifiers": [
            {"type": "card", "value": "C7001"}, {"type": "phone", "value": f"1391234500{i}"}]}
        for i in (1, 4)
    ]  # fmt: skip
    events.write_text("\n".join(json.dumps(event) for event in [*phones, {"at": "2026-01-01T00:00:00Z"}]))
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "oneid", "plan", "tight", "--events", events, "--out", out],
        check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout) == {
        "plan": "ok", "members_now": 1, "members_then": 2, "merges": 0, "splits": 1, "moved": 1, "moved_members": 1,
        "identifiers_now": 3, "identifiers_then": 3, "appeared": 0, "vanished": 0, "newly_generic": 0,
        "no_longer_generic": 0, "refused": 1,
    }  # fmt: skip
    (row,) = read(out).values()
    assert (row["kind"], row["causes"]) == ("split", ["limit:phone"])
    assert "拆分" in done.stderr
    assert "手机号上限" in done.stderr
