"""What `receipts-jsonl` takes, and with which code and place it refuses the rest."""

import json
import random
import time
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.pos.quick import quickly
from connectors.pos.receipts_jsonl import decode, partitioning_key
from connectors.strict_json import MAX_DEPTH
from contracts.pos import (
    Discount,
    IdentifierType,
    Kind,
    Line,
    Original,
    PosReceipt,
    ShownIdentifier,
    Tender,
    TenderType,
)
from contracts.refusals import REASONS, Refused
from tests.chaos.fuzz.breed import bred
from tests.pos_examples import PHONE, line, receipt, text

PARTS = (PosReceipt, Line, Discount, Tender, ShownIdentifier, Original)
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "feeds" / "pos-example.jsonl"


def refused(raw: bytes) -> tuple[str, str]:
    decoded = decode(raw)
    assert isinstance(decoded, Refused), decoded
    return tuple(decoded)


def test_every_line_of_the_documented_example_is_a_receipt() -> None:
    kinds = set()
    for raw in EXAMPLE.read_bytes().splitlines():
        decoded = decode(raw)
        assert isinstance(decoded, PosReceipt), decoded
        kinds.add(decoded.kind)
    assert kinds == {"sale", "return", "void"}


def test_the_page_for_integrators_names_every_field_value_and_code() -> None:
    page = EXAMPLE.with_name("pos.md").read_text()
    fields = {f.name for part in PARTS for f in msgspec.structs.fields(part)}
    values = {v for kind in (Kind, TenderType, IdentifierType) for v in get_args(kind)}
    # Other feeds have codes of their own, and pages of their own.
    sources = [
        *(ROOT / "connectors" / "pos").glob("*.py"),
        ROOT / "connectors" / "strict_json.py",
        ROOT / "connectors" / "ingest.py",
    ]
    written = "".join(path.read_text() for path in [*sources, ROOT / "centers" / "receipts" / "accept.py"])
    codes = {code for code in REASONS if f'"{code}"' in written}
    assert len(codes) > 18
    assert [name for name in sorted(fields | values | codes) if f"`{name}`" not in page] == []


@pytest.mark.parametrize(
    "change",
    [
        {"lines": [line("0", 0)]},
        {"lines": [line("0", 500)]},
        {"lines": [line("0.000", -500)]},
        {"lines": [line("-1", -550), line("3", 600)]},
        {"lines": [line("-1", 0)]},
        {"lines": [line("1", 0)], "tenders": []},
        {"kind": "return", "lines": [line("1", 550)]},
        {"kind": "void", "lines": [line("-0", 0)], "tenders": []},
        {"at": "2026-11-22T02:30:00.5Z"},
        {"at": "2024-02-29T23:59:59.999999-11:30"},
        {"identifiers": [{"type": "phone", "value": PHONE}]},
        {"original": {"store": "S1", "till": "1", "number": 0, "business_date": "2026-11-21"}, "kind": "return"},
        {"clerk": "王芳 2号"},
    ],
)
def test_what_tills_really_write_is_taken(change: dict[str, Any]) -> None:
    assert isinstance(decode(text(**change)), PosReceipt)


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"clerk": None}, "missing", "clerk"),
        ({"lines": [line(), line(unit=None)]}, "missing", "lines[2].unit"),
        ({"store": 5}, "wrong_type", "store"),
        ({"lines": [line(), line(), line(unit=7)]}, "wrong_type", "lines[3].unit"),
        ({"lines": {}}, "wrong_type", "lines"),
        ({"number": 1.5}, "wrong_type", "number"),
        ({"at": 5}, "wrong_type", "at"),
        ({"lines": [line(discounts=[{"promotion": "P", "amount_cents": "1"}])]}, "wrong_type",
         "lines[1].discounts[1].amount_cents"),
        ({"remark": "x"}, "unknown_field", "remark"),
        ({"lines": [line(), line(quanity="1")]}, "unknown_field", "lines[2].quanity"),
        ({PHONE: "x"}, "unknown_field", ""),
        ({"kind": "refund"}, "bad_value", "kind"),
        ({"currency": "cny"}, "bad_value", "currency"),
        ({"currency": "CNY\n"}, "bad_value", "currency"),
        ({"store": "S|1"}, "bad_value", "store"),
        ({"store": "S1\n"}, "bad_value", "store"),
        ({"number": -1}, "bad_value", "number"),
        ({"number": 10**400}, "bad_value", "number"),
        ({"lines": [line("1.0000001")]}, "bad_value", "lines[1].quantity"),
        ({"lines": [line("1\n")]}, "bad_value", "lines[1].quantity"),
        ({"lines": [line("1", -5)]}, "bad_value", "lines[1].amount_cents"),
        ({"lines": [line(), line("-1", 5)]}, "bad_value", "lines[2].amount_cents"),
        ({"kind": "return", "lines": [line("-1", 5)]}, "bad_value", "lines[1].quantity"),
        ({"kind": "void", "lines": [line("1", -5)]}, "bad_value", "lines[1].amount_cents"),
        ({"kind": "return", "lines": [line("1", 5)], "tenders": [
            {"type": "cash", "amount_cents": 6}, {"type": "card", "amount_cents": -1}]},
         "bad_value", "tenders[2].amount_cents"),
        ({"original": {"store": "S", "till": "1", "number": 1, "business_date": "2026-02-30"}}, "bad_value",
         "original.business_date"),
        ({"at": "2026-11-22T10:30:00"}, "bad_time", "at"),
        ({"at": "2026-02-29T10:30:00+08:00"}, "bad_time", "at"),
        ({"at": "2026-11-22T10:30:00+08:75"}, "bad_time", "at"),
        ({"at": "2026-11-22T10:30:00+24:00"}, "bad_time", "at"),
        ({"at": "0001-01-01T00:00:00+08:00"}, "bad_time", "at"),
        ({"at": "２０２６-11-22T10:30:00+08:00"}, "bad_time", "at"),
        ({"at": "2026-11-22T10:30:00+08:00\n"}, "bad_time", "at"),
        ({"lines": [], "tenders": []}, "no_lines", "lines"),
        ({"lines": [line(sku=None)]}, "sku_or_barcode", "lines[1]"),
        ({"lines": [line(), line(barcode="69")]}, "sku_or_barcode", "lines[2]"),
        ({"tenders": []}, "tenders_differ", "tenders"),
        ({"tenders": [{"type": "cash", "amount_cents": 399}]}, "tenders_differ", "tenders"),
    ],
)  # fmt: skip
def test_each_fault_has_its_code_and_place(change: dict[str, Any], code: str, place: str) -> None:
    assert refused(text(**change)) == (code, place)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_json"),
        (b"null", "not_json"),
        (b"[]", "not_json"),
        (b"{} {}", "not_json"),
        (text()[:-1], "not_json"),
        (text()[: len(text()) * 2 // 3], "not_json"),
        (text() + b"\x00", "not_json"),
        (b'{"store": "S\\ud800"}', "not_json"),
        (text(clerk="?").replace(b"?", "王芳".encode("gbk")), "not_utf8"),
        (b'{"store": 5, "till": "\xff"}', "not_utf8"),
        (b"[" * 100, "too_deep"),
        (b'{"store":' * 100_000, "too_deep"),
        (b'{"store":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "too_deep"),
        (b'{"store":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}", "wrong_type"),
        (text().replace(b'"number": 17', b'"number": 17, "number": 18'), "written_twice"),
        (text().replace(b'"amount_cents": 400}', b'"amount_cents": 400, "amount_cents": 400}', 1), "written_twice"),
        (text().replace(b'"unit"', b'"\\u0075nit": "each", "unit"'), "written_twice"),
    ],
)
def test_bytes_that_are_no_whole_object_say_so(raw: bytes, code: str) -> None:
    assert refused(raw)[0] == code


def test_brackets_inside_of_texts_do_not_count_as_depth() -> None:
    assert refused(text(clerk="[" * 64 + '\\"' + "{" * 64))[0] == "bad_value"


def test_nulls_and_empty_lists_may_be_written_out() -> None:
    spelt_out = receipt(identifiers=[]) | {"original": None, "lines": [line() | {"barcode": None, "discounts": []}]}
    assert isinstance(decode(json.dumps(spelt_out).encode()), PosReceipt)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert decode(b"\xef\xbb\xbf" + text()) == decode(text())


def test_a_hostile_line_costs_linear_time() -> None:
    began = time.process_time()
    for hostile in (b'{"a":"' + b'\\"' * 500_000, b'"' * 1_000_000, b"[]" * 500_000, b"\\" * 1_000_000):
        decode(hostile)
    assert time.process_time() - began < 5


def test_a_typical_receipt_is_decoded_in_well_under_60_microseconds() -> None:
    raw = text(lines=[line(amount=100 + n, sku=f"SKU{n:06}") for n in range(6)])
    rounds = []
    for _ in range(20):
        began = time.process_time()
        for _ in range(200):
            decode(raw)
        rounds.append((time.process_time() - began) / 200)
    assert min(rounds) < 60e-6


def test_what_can_be_read_goes_by_its_store_and_the_rest_by_its_bytes() -> None:
    assert partitioning_key("t", text(), decode(text())) == b"t|S001"
    broken = partitioning_key("t", b"{", decode(b"{"))
    assert broken == b"t|021fb596db81e6d02bf3d2586ee3981fe519f275c0ac9ca76bbcf2ebb4097d96"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [*sorted(receipt()), "identifiers", "original"]
NEARLY = st.sampled_from(
    [
        "",
        "1",
        "-1",
        "1.5",
        "S1",
        "CNY",
        "sale",
        "return",
        "2026-11-22T10:30:00Z",
        "9999-12-31T23:59:59-08:00",
        PHONE,
        "\n",
    ]
)


@given(st.binary(max_size=400))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    answer_holds(raw)


@given(JSON)
def test_no_json_makes_it_raise(value: Any) -> None:
    answer_holds(json.dumps(value).encode())


@given(st.dictionaries(st.sampled_from(FIELDS), JSON | NEARLY, max_size=3), st.data())
def test_no_change_of_a_good_receipt_makes_it_raise(change: dict[str, Any], data: st.DataObject) -> None:
    whole = receipt() | change
    lines = whole.get("lines")
    if isinstance(lines, list) and lines and isinstance(lines[0], dict):
        names = st.sampled_from([*line(), "discounts", "barcode"])
        lines[0] = line() | data.draw(st.dictionaries(names, JSON | NEARLY, max_size=2))
    raw = json.dumps(whole).encode()
    answer_holds(raw)
    cut = data.draw(st.integers(0, len(raw)))
    answer_holds(raw[:cut] + data.draw(st.binary(max_size=3)) + raw[cut:])


def answer_holds(raw: bytes) -> None:
    """Either a receipt or a known code, the same each time, and no number that could be a phone's in its words."""
    answer = decode(raw)
    assert answer == decode(raw)
    if isinstance(answer, Refused):
        assert answer.code in REASONS
        assert PHONE not in answer.place
    partitioning_key("t", raw, answer)


def test_what_is_read_quickly_is_what_is_read_slowly() -> None:
    """Whatever is done to a good line, the quick reading takes it only if the full one does, and to the same receipt."""
    examples = EXAMPLE.read_bytes().splitlines()
    assert all(quickly(raw) is not None for raw in examples)
    taken = 0
    for n in range(8_000):
        raw = bred(random.Random(n), n % 3_999, examples, as_json=False)
        quick = quickly(raw)
        if quick is not None:
            taken += 1
            assert msgspec.to_builtins(quick) == msgspec.to_builtins(msgspec.json.decode(raw, type=PosReceipt))
    assert 50 < taken < 6_000


@pytest.mark.parametrize(
    "twice",
    [
        b'{"store": "S1", "store" :"S2", ' + text()[1:],
        text()[:-1] + b', "clerk"\t:"bo"}',
        text().replace(b'"number": 17', b'"number": 17, "number" : 18'),
    ],
)
def test_a_field_written_twice_with_space_before_its_colon_is_seen(twice: bytes) -> None:
    assert refused(twice)[0] == "written_twice"
