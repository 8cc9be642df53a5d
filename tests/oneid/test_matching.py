"""Batch matching: what is read from a file, how pairs are judged, and that it finds people on made-up records."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from bench.oneid.members import TUNING, members
from cli.main import app
from contracts.errors import BadInput
from oneid.matching import blocking, posterior
from oneid.matching.clusters import clusters, within
from oneid.matching.comparisons import Comparison, Level, comparisons, level_sql
from oneid.matching.features import FEATURES, features
from oneid.matching.mapping import ROLES, guessed, mapped
from pipelines.matching import files, review
from pipelines.matching.run import THRESHOLDS, blind_threshold, match

DOCS = Path(__file__).parents[2] / "docs"


# ── the file and its mapping ──


def test_obvious_columns_need_no_mapping() -> None:
    assert guessed(["会员编号", "姓名", "手机号", "邮箱", "地址", "出生日期", "性别", "备注"]) == {
        "id": "会员编号", "name": "姓名", "phone": "手机号", "email": "邮箱", "address": "地址", "birth_date": "出生日期",
        "gender": "性别",
    }  # fmt: skip
    febrl = [
        "rec_id",
        "given_name",
        "surname",
        "street_number",
        "address_1",
        "suburb",
        "postcode",
        "date_of_birth",
        "soc_sec_id",
    ]
    assert set(guessed(febrl)) == {
        "id", "given_name", "surname", "street_number", "street", "suburb", "postcode", "birth_date", "id_number"
    }  # fmt: skip


def test_the_mapping_of_the_documentation_is_a_mapping() -> None:
    page = (DOCS / "oneid-matching.md").read_text("utf-8")
    shown = YAML(typ="safe").load(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    columns = [*shown["columns"].values(), "另一列"]
    assert mapped(shown, columns).columns == shown["columns"]
    assert all(f"`{role}`" in page for role in ROLES)


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"columns": {"id": "no", "name": "a"}}, "no column no"),
        ({"columns": {"id": "a", "nick": "b"}}, "no role nick"),
        ({"columns": {"name": "b"}}, "id"),
        ({"columns": {"id": "a"}}, "anything of a person"),
        ({"rows": {}}, "columns"),
        ([1], "columns"),
        (None, "id"),
    ],
)
def test_a_mapping_that_does_not_fit_is_told(mapping: object, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        mapped(mapping, ["a", "b"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_file_is_read_in_its_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes("编号,姓名\r\n1,张伟\r\n2,李娜\r\n".encode(encoding))
    table = files.read(path)
    assert (table.columns, table.rows) == (["编号", "姓名"], [["1", "张伟"], ["2", "李娜"]])
    assert table.encoding == encoding


@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        (b"", "auto", "is empty"),
        (b"id,name\n", "auto", "no records"),
        (b"id,name\n1,a,b\n", "auto", "3 fields"),
        (b"id,id\n1,a\n", "auto", "two columns"),
        (b"\x00\x01", "auto", "NUL"),
        ("id,name\n1,张伟\n".encode("gb18030"), "utf-8", "not text in utf-8"),
        (b"id,name\n1,a\n", "klingon", "no encoding"),
        (b"PAR1 not really", "auto", "Parquet"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, content: bytes, encoding: str, says: str) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=says):
        files.read(path, encoding)


def test_ids_must_tell_records_apart_and_are_not_echoed(tmp_path: Path) -> None:
    table = files.Table(["id", "name"], [["secret", "a"], ["secret", "b"]], "utf-8")
    with pytest.raises(BadInput, match="records 1 and 2") as told:
        files.records(table, None, tmp_path)
    assert "secret" not in told.value.wrong + told.value.do


# ── features and levels ──


def test_a_record_is_read_into_its_features() -> None:
    read = features(
        {"name": "張偉先生", "phone": "138****1234", "email": "Zhang@QQ.com", "address": "深圳南山区科苑路15号阳光花园3栋2单元501",
         "birth_date": "1990年2月1日"}, "CN",
    )  # fmt: skip
    assert set(read) == set(FEATURES)
    assert (read["n_full"], read["n_sur"], read["g"]) == ("张伟", "zan", "m")
    assert (read["p_full"], read["p_ends"], read["p_open"]) == ("+86138****1234", "1381234", "+86138****1234")
    assert (read["e_full"], read["e_local"]) == ("zhang@qq.com", "zhang")
    assert (read["a_city"], read["a_area"], read["a_number"], read["a_home"]) == ("深圳", "南山区", "15", "3/2/501")
    assert (read["d_full"], read["d_swapped"], read["d_year"]) == ("19900201", "19900102", "1990")


@pytest.mark.parametrize(
    "text", ["1990-02-01", "1990/2/1", "19900201", "01/02/1990", "1990-02-01 00:00:00", "1990.02.01"]
)
def test_a_birth_date_is_read_in_any_form(text: str) -> None:
    assert features({"birth_date": text}, "CN")["d_full"] == "19900201"


@pytest.mark.parametrize("text", ["", "无", "N/A", "null", "-", "未知", "\u200b"])
def test_a_field_that_says_nothing_is_missing(text: str) -> None:
    assert not any(features({"name": text, "phone": text, "address": text, "birth_date": text}, "CN").values())


def level(name: str, a: dict[str, str], b: dict[str, str]) -> str:
    """The label of the level at which two records stand, by DuckDB."""
    import duckdb

    present = set(FEATURES)
    comparison = next(c for c in comparisons(present, True, 1000) if c.name == name)
    sides = {"l": features(a, "CN"), "r": features(b, "CN")}
    values = {f"{f}_{side}": v for side, read in sides.items() for f, v in read.items()}
    counts = {
        f"{c}_{side}": int(c[0] == "f")
        for c in re.findall(r"\b([fx]_\w+)_[lr]\b", level_sql(comparison))
        for side in "lr"
    }
    con = duckdb.connect()
    columns = ", ".join(f"${k}::varchar as {k}" for k in values) + "".join(f", {v} as {k}" for k, v in counts.items())
    place = con.execute(f"with r as (select {columns}) select {level_sql(comparison)} from r", values).fetchone()[0]
    return "" if place < 0 else comparison.levels[place].label


@pytest.mark.parametrize(
    ("name", "a", "b", "label"),
    [
        ("name", {"name": "张伟"}, {"name": "張偉"}, "same, rare"),
        ("name", {"name": "张伟"}, {"name": "章玮"}, "sounds the same, rare"),
        ("name", {"name": "张伟"}, {"name": "Wei Zhang"}, "sounds the same, rare"),
        ("name", {"name": "张伟"}, {"name": "张先生"}, "surname known, same"),
        ("name", {"name": "张晓明"}, {"name": "阿明"}, "nickname fits"),
        ("name", {"name": "张晓明"}, {"name": "张晓红"}, "one character apart"),
        ("name", {"name": "张伟"}, {"name": "张娜"}, "surname same, given name other"),
        ("name", {"name": "张伟"}, {"name": "李娜"}, "other"),
        ("name", {"name": "张伟"}, {"name": ""}, ""),
        ("phone", {"phone": "13812341234"}, {"phone": "+86 138 1234 1234"}, "same"),
        ("phone", {"phone": "13812341234"}, {"phone": "138****1234"}, "masked, fits"),
        ("phone", {"phone": "13812341234"}, {"phone": "138****1235"}, "other"),
        ("phone", {"phone": "13812341234"}, {"phone": "13812341243"}, "a digit apart"),
        ("email", {"email": "Li@qq.com"}, {"email": "li@QQ.com"}, "same"),
        ("email", {"email": "liwei@qq.com"}, {"email": "liwei@163.com"}, "same before the @"),
        ("birth_date", {"birth_date": "1990-02-01"}, {"birth_date": "1990-01-02"}, "day and month exchanged"),
        ("birth_date", {"birth_date": "1990-02-01"}, {"birth_date": "1990-02-07"}, "a digit apart"),
        ("address", {"address": "阳光花园3栋2单元501"}, {"address": "深圳南山区阳光花园3栋2单元501室"}, "same home"),
        ("address", {"address": "科苑路15号"}, {"address": "深圳南山区科苑路15号"}, "same house, home not said"),
        ("address", {"address": "深圳南山区科苑路15号"}, {"address": "广州天河区体育西路3号"}, "other"),
        ("gender", {"gender": "男"}, {"name": "张先生"}, "same"),
    ],
)  # fmt: skip
def test_at_which_level_two_records_stand(name: str, a: dict[str, str], b: dict[str, str], label: str) -> None:
    assert level(name, a, b) == label
    assert level(name, b, a) == label


def test_keys_use_only_what_is_there_and_stay_within_the_budget() -> None:
    made = blocking.keys({"p_full", "p_open", "d_full", "n_full"})
    assert {p.partition(":")[0] for k in made for p in k.parts} <= {"p_full", "d_full", "n_full"}
    chosen = blocking.within_budget([(k, 10) for k in made], 25)
    assert chosen == made[:2]


# ── the model ──


def test_the_model_finds_the_shares_of_three_kinds_without_labels() -> None:
    rng = np.random.default_rng(1)
    chosen = [
        Comparison("phone", "", (Level("same", "x", 0.9, True), Level("other", "", 0.1, True))),
        Comparison(
            "name", "", (Level("same", "x", 0.8), Level("surname", "x", 0.1, True), Level("other", "", 0.1, True))
        ),
        Comparison("birth", "", (Level("same", "x", 0.9), Level("other", "", 0.1))),
    ]
    person, family, stranger = 4_000, 3_000, 93_000
    true = [([0.8, 0.2], [0.95, 0.03, 0.02], [0.97, 0.03]), ([0.7, 0.3], [0.002, 0.8, 0.198], [0.001, 0.999]),
            ([0.001, 0.999], [0.002, 0.05, 0.948], [0.001, 0.999])]  # fmt: skip
    drawn = np.concatenate(
        [
            np.stack([rng.choice(len(p), n, p=p) for p in kind], axis=1)
            for n, kind in zip((person, family, stranger), true, strict=True)
        ]
    )
    patterns, counts = np.unique(drawn, axis=0, return_counts=True)
    strangers = [np.bincount(drawn[:, c], minlength=len(chosen[c].levels)) / len(drawn) for c in range(3)]
    model = posterior.fit(patterns, counts.astype(float), strangers, chosen, 1000, float(len(drawn)))
    assert model.shares[posterior.PERSON] == pytest.approx(0.04, rel=0.1)
    assert 0.01 < model.shares[posterior.FAMILY] < 0.04
    sure = posterior.posterior(np.array([[0, 0, 0], [0, 1, 1], [1, 2, 1]]), model)
    assert sure[0, posterior.PERSON] > 0.99
    assert sure[1, posterior.FAMILY] > 0.9
    assert sure[2, posterior.STRANGERS] > 0.99


def test_the_threshold_follows_from_the_models_own_word() -> None:
    sure = [(i, i + 1, 0.999) for i in range(0, 200, 2)]
    assert blind_threshold(sure)[0] == THRESHOLDS[0]
    doubtful = [(i, i + 1, 0.7) for i in range(200, 220, 2)]
    threshold, pairs = blind_threshold(sure + doubtful)
    assert 0.7 < threshold < 0.75
    assert set(pairs) == {(a, b) for a, b, _ in sure}
    assert blind_threshold([(1, 2, 0.6)])[1] == {}


def test_persons_are_joined_by_what_speaks_for_it_in_sum() -> None:
    chain = [(1, 2, 0.99), (2, 3, 0.99), (1, 3, 0.9)]
    assert clusters(chain, 0.5) == {1: 1, 2: 1, 3: 1}
    assert clusters([(1, 2, 0.0), (1, 3, 0.999), (2, 3, 0.999)], 0.5) != {1: 1, 2: 1, 3: 1}
    assert clusters([(1, 2, 1.0), (1, 3, 0.001), (2, 3, 0.001)], 0.5) == {1: 1, 2: 1, 3: 3}
    against = [(1, 2, 0.999), (3, 4, 0.999), (2, 3, 0.7), (1, 4, 0.001), (1, 3, 0.001)]
    assert clusters(against, 0.5) == {1: 1, 2: 1, 3: 3, 4: 3}
    assert clusters(list(reversed(against)), 0.5) == clusters(against, 0.5)


def test_pairs_that_follow_have_the_weakest_link_of_the_best_chain() -> None:
    scored = [(1, 2, 0.99), (2, 3, 0.9)]
    assert within({1: 1, 2: 1, 3: 1}, scored, 0.5) == {(1, 2): 0.99, (1, 3): 0.9, (2, 3): 0.9}


# ── all together ──


def measured(found: set[tuple[int, int]], true: set[tuple[int, int]]) -> tuple[float, float]:
    right = len(found & true)
    return right / len(found), right / len(true)


def test_it_finds_people_and_keeps_families_apart() -> None:
    made = members(TUNING[0], 300)
    found = match(made.records)
    precision, recall = measured({(a, b) for a, b, _ in found.pairs}, made.pairs)
    assert precision >= 0.97
    assert recall >= 0.85


def test_the_command_matches_a_file_and_writes_pairs_and_uncertain_ones(tmp_path: Path) -> None:
    made = members(TUNING[1], 100)
    path, out, review = tmp_path / "会员.csv", tmp_path / "pairs.parquet", tmp_path / "review.parquet"
    with path.open("w", encoding="gb18030", newline="") as file:
        writer = csv.DictWriter(file, list(made.records[0]))
        writer.writeheader()
        writer.writerows(made.records)
    ran = CliRunner().invoke(app, ["oneid", "match", str(path), "--out", str(out), "--review", str(review)])
    assert ran.exit_code == 0, ran.output
    last = json.loads(ran.stdout.splitlines()[-1])
    pairs = pq.read_table(out)
    assert pairs.column_names == ["id_a", "id_b", "probability"]
    assert (last["records"], last["pairs"], last["encoding"]) == (len(made.records), pairs.num_rows, "gb18030")
    assert pairs.schema.metadata[b"model"].decode() == last["model"]
    place = {record["id"]: i for i, record in enumerate(made.records)}
    found = {(place[a], place[b]) for a, b in zip(pairs["id_a"].to_pylist(), pairs["id_b"].to_pylist(), strict=True)}
    precision, recall = measured(found, made.pairs)
    assert precision >= 0.95
    assert recall >= 0.8
    assert min(pairs["probability"].to_pylist()) >= last["threshold"]
    assert pq.read_table(review).num_rows == last["uncertain"]


@pytest.mark.parametrize("rows", [["1,张伟"], ["1,张伟", "2,张伟"], ["1,", "2,", "3,"], ["1,张伟", "2,李娜", "3,"]])
def test_a_tiny_file_ends_well(tmp_path: Path, rows: list[str]) -> None:
    path, out = tmp_path / "m.csv", tmp_path / "p.parquet"
    path.write_text("id,name\n" + "\n".join(rows) + "\n", "utf-8")
    ran = CliRunner().invoke(app, ["oneid", "match", str(path), "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    assert pq.read_table(out).num_rows == json.loads(ran.stdout.splitlines()[-1])["pairs"]


# ── people decide ──


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A matched file, and its uncertain pairs."""
    made, folder = members(TUNING[2], 150), tmp_path_factory.mktemp("review")
    path = folder / "members.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(made.records[0]))
        writer.writeheader()
        writer.writerows(made.records)
    run("match", path, "--out", folder / "pairs.parquet", "--review", folder / "open.parquet")
    return path, folder / "open.parquet"


def run(*words: object, status: int = 0) -> dict[str, object]:
    ran = CliRunner().invoke(app, ["oneid", *map(str, words)])
    assert ran.exit_code == status, ran.output
    return json.loads(ran.stdout.splitlines()[-1])


def pairs(path: Path) -> set[tuple[str, str]]:
    table = pq.read_table(path)
    return set(zip(table["id_a"].to_pylist(), table["id_b"].to_pylist(), strict=True))


def test_an_answer_holds_against_the_model_until_it_is_taken_back(reviewed: tuple[Path, Path], tmp_path: Path) -> None:
    path, queue = reviewed
    answers, matched, out = tmp_path / "said.jsonl", path.with_name("pairs.parquet"), tmp_path / "pairs.parquet"
    first = next(iter(review.questions(queue)[0]))
    doubted = (first.a, first.b)
    assert doubted not in pairs(matched)
    asked = len(review.questions(queue)[0])
    assert run("review", "list", queue, "--records", path, "--answers", answers)["open"] == asked
    assert run("review", "answer", queue, 1, "same", "--by", "wang", "--answers", answers)["kind"] == "must_link"
    assert run("review", "list", queue, "--answers", answers)["open"] == asked - 1
    run("match", path, "--out", out, "--answers", answers)
    assert doubted in pairs(out)
    assert run("review", "answer", queue, 1, "unsure", "--by", "li", "--answers", answers)["stands"] is False
    assert review.in_force(review.answers(answers)) == {}
    assert [x.by for x in review.answers(answers)] == ["wang", "li"]


def test_two_records_that_are_said_to_differ_are_not_joined_by_others(reviewed: tuple[Path, Path]) -> None:
    path, _ = reviewed
    given = files.records(files.read(path), None, path)
    found = pq.read_table(path.with_name("pairs.parquet"))
    a, b = (given.ids.index(found[name][0].as_py()) for name in ("id_a", "id_b"))
    again = {(x, y) for x, y, _ in match(given.records, said={(a, b): False}).pairs}
    assert (a, b) not in again
    assert len(again) >= found.num_rows - 5


def test_answers_to_nothing_are_told(reviewed: tuple[Path, Path], tmp_path: Path) -> None:
    path, queue = reviewed
    for words in (["review", "answer", queue, 99_999, "same"], ["review", "answer", queue, 1, "perhaps"],
                  ["review", "answer", queue, 1, "unsure"], ["review", "answer", path, 1, "same"]):  # fmt: skip
        ran = CliRunner().invoke(app, ["oneid", *map(str, words), "--by", "wang", "--answers", str(tmp_path / "x")])
        assert isinstance(ran.exception, BadInput)


def test_matched_records_become_evidence_that_the_resolver_takes(reviewed: tuple[Path, Path], tmp_path: Path) -> None:
    path, _ = reviewed
    said, out, members_ = tmp_path / "said.jsonl", tmp_path / "p.parquet", tmp_path / "members.parquet"
    last = run("match", path, "--out", out, "--events", said, "--model-version", 7)
    assert out.read_bytes() == path.with_name("pairs.parquet").read_bytes()  # the same file, mapping and seed
    facts = [json.loads(line) for line in said.read_text("utf-8").splitlines()]
    scored = [fact for fact in facts if fact["class"] == "D"]
    assert len(scored) == last["pairs"]
    assert {fact["model"] for fact in scored} == {7}
    assert all(0 <= fact["score"] <= 20 for fact in scored)
    assert not any("*" in identifier["value"] for fact in facts for identifier in fact["identifiers"])
    found = run("resolve", said, "--out", members_)
    assert (found["refused"], found["events"]) == (0, len(facts))
