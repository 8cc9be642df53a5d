import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from pipelines.identity.events_file import decode, load_rules, planned, resolve_file

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "oneid-example.jsonl"
RULES = load_rules(ROOT / "oneid" / "rules.yml")


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


def test_a_plan_under_stricter_rules_is_just_what_resolving_under_them_gives(tmp_path):
    stricter = tmp_path / "stricter.yml"
    text = (ROOT / "oneid" / "rules.yml").read_text()
    stricter.write_text(text.replace("limits: [{most: 5, weeks: 1}]", "limits: [{most: 1, ever: true}]"))
    events = tmp_path / "events.jsonl"
    devices = [
        {"at": f"2026-01-0{i}T00:00:00Z", "class": "C", "identifiers": [
            {"type": "login", "value": "fang"}, {"type": "device", "value": f"86123456789000{i}"}]}
        for i in (1, 2, 3)
    ]  # fmt: skip
    events.write_text("\n".join(json.dumps(event) for event in devices))
    now, then = RULES, load_rules(stricter)
    plan, before, after, refused = planned(events, now, then, as_is=False, region="CN", told=lambda _: None)
    assert (before, after, refused) == (1, 3, 0)
    assert len(plan.splits) == 1
    assert len(plan.splits[0].into) == 3
    done = {}
    for name, rules in (("now", now), ("then", then)):
        out = tmp_path / f"{name}.parquet"
        resolve_file(events, rules, out, as_is=False, region="CN", told=lambda _: None)
        done[name] = dict(pl.read_parquet(out).select("identifier", "member_id").iter_rows())
    moved = {(a, b) for _, a, b in plan.moved}
    assert moved == {(done["now"][i], done["then"][i]) for i in done["now"] if done["now"][i] != done["then"][i]}
