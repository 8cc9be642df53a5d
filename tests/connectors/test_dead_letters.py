"""What was refused can be listed, looked at and sent back in its mended form; nothing of it shows by itself."""

import base64
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from cli.dlq import app
from connectors.dead_letters import letters, repairs
from connectors.feed_cipher import FeedCipher
from connectors.kafka import read
from connectors.keystore import Keystore
from connectors.sender import Sender
from connectors.settings import Settings
from contracts.dead_letters import DeadLetter
from contracts.errors import BadInput
from contracts.keys import key
from contracts.receipts import Origin, receipt_id
from contracts.wire import encode, headers
from tests.pos_examples import PHONE, REFERENCE_LINES, StillClock, receipt, text

UNPAID = text(tenders=[], identifiers=[{"type": "phone", "value": PHONE}])
CUT = text(number=18)[:-20]
MENDED = receipt(identifiers=[{"type": "phone", "value": PHONE}])


@pytest.fixture
def installation(kafka_broker: Settings, tenant: str, tmp_path: Path) -> Settings:
    (tmp_path / "home" / "reference").mkdir(parents=True)
    products = tmp_path / "home" / "reference" / "products-3.jsonl"
    products.write_text("".join(json.dumps(one) + "\n" for one in REFERENCE_LINES))
    return msgspec.structs.replace(kafka_broker, home=tmp_path / "home", tenant=tenant, kafka=kafka_broker.bootstrap)


def run(settings: Settings, *arguments: str) -> Any:
    env = {"ZHONGTAI_HOME": str(settings.home), "ZHONGTAI_TENANT": settings.tenant, "ZHONGTAI_KAFKA": settings.kafka}
    return CliRunner().invoke(app, arguments, env=env)


def cipher(settings: Settings) -> FeedCipher:
    return FeedCipher(Keystore(settings.home, StillClock()), settings.tenant, "pos")


def bury(settings: Settings, *refused: tuple[bytes, str, str], repaired_by: str | None = None) -> list[str]:
    """Writes dead letters as the job does: a repair under a key of its own."""
    ids = []
    with Sender(settings) as sender:
        for n, (raw, code, place) in enumerate(refused, 1):
            id = cipher(settings).id(raw)
            letter = DeadLetter(
                tenant=settings.tenant, feed="pos", id=id, status="repaired" if repaired_by else "refused",
                code=code, place=place, cipher=cipher(settings).encrypt(id, raw),
                refused_at=f"2026-11-22T12:00:0{n}Z", origin=Origin("raw.pos", 0, n, "=day.jsonl", n),
                repaired_by=repaired_by,
            )  # fmt: skip
            by = key(settings.tenant, id)
            own = key(settings.tenant, id, "repaired") if repaired_by else by
            sender.send(
                "dlq.pos", key=own, partitioned_by=by, value=encode(letter),
                headers=headers(DeadLetter, id, "/feeds/pos", letter.refused_at),
            )  # fmt: skip
            ids.append(id)
    return ids


def repair_file(path: Path, *pairs: tuple[bytes, object]) -> str:
    written = [{"original": base64.b64encode(raw).decode(), "repaired": mended} for raw, mended in pairs]
    path.write_text("".join(json.dumps(one) + "\n" for one in written))
    return str(path)


def raw_records(settings: Settings) -> list[Any]:
    mine = f"{settings.tenant}|".encode()
    return [m for _, messages, _ in read(settings, "raw.pos") for m in messages if m.key().startswith(mine)]


def last(done: Any) -> Any:
    assert done.exception is None or done.exit_code == 3, done.exception
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.kafka
def test_a_record_refused_twice_is_one_dead_letter(installation: Settings) -> None:
    bury(
        installation,
        (UNPAID, "tenders_differ", "tenders"),
        (CUT, "not_json", ""),
        (UNPAID, "unknown_sku", "lines[1].sku"),
    )
    found = letters(installation, "pos")
    assert [(one.refused.code, one.status) for one in found.values()] == [
        ("not_json", "refused"),
        ("unknown_sku", "refused"),
    ]


@pytest.mark.kafka
def test_another_tenants_dead_letters_are_not_ours(installation: Settings) -> None:
    bury(installation, (CUT, "not_json", ""))
    assert letters(msgspec.structs.replace(installation, tenant="nobody-else"), "pos") == {}


@pytest.mark.kafka
def test_a_repair_stands_though_the_bytes_are_refused_again(installation: Settings) -> None:
    (id,) = bury(installation, (UNPAID, "tenders_differ", "tenders"))
    bury(installation, (UNPAID, "tenders_differ", "tenders"), repaired_by="the receipt")
    bury(installation, (UNPAID, "tenders_differ", "tenders"))
    letter = letters(installation, "pos")[id]
    assert (letter.status, letter.repaired_by) == ("repaired", "the receipt")
    assert letter.refused.status == "refused"


@pytest.mark.kafka
def test_the_list_tells_reason_and_place_in_two_languages_and_no_value(installation: Settings) -> None:
    ids = bury(installation, (UNPAID, "tenders_differ", "tenders"), (CUT, "not_json", ""))
    bury(installation, (CUT, "not_json", ""), repaired_by="r")
    rows = json.loads(run(installation, "list", "--format", "json").stdout)
    assert {row["id"]: (row["code"], row["place"], row["status"]) for row in rows} == {
        ids[0]: ("tenders_differ", "tenders", "refused"),
        ids[1]: ("not_json", "", "repaired"),
    }
    assert {row["reason_zh"] for row in rows} >= {"付款合计与明细合计不一致。"}
    table = run(installation, "list").stdout
    assert all(id in table for id in ids)
    assert ids[1] not in run(installation, "list", "--open").stdout
    assert PHONE not in table + json.dumps(rows)


@pytest.mark.kafka
def test_a_file_name_is_no_formula_in_the_csv(installation: Settings) -> None:
    bury(installation, (CUT, "not_json", ""))
    (row,) = csv.DictReader(io.StringIO(run(installation, "list", "--format", "csv").stdout))
    assert (row["file"], row["line"]) == ("'=day.jsonl", "1")


@pytest.mark.kafka
def test_bytes_show_only_to_who_asks_and_holds_the_keys(installation: Settings, tmp_path: Path) -> None:
    (id,) = bury(installation, (UNPAID, "tenders_differ", "tenders"))
    shown = run(installation, "show", id[:8])
    assert id in shown.stdout
    assert PHONE not in shown.stdout
    assert run(installation, "show", id, "--reveal").stdout_bytes == UNPAID
    stranger = run(msgspec.structs.replace(installation, home=tmp_path / "other"), "show", id, "--reveal")
    assert "does not open" in str(stranger.exception)
    assert isinstance(run(installation, "show", "f" * 32).exception, BadInput)


@pytest.mark.kafka
def test_no_byte_of_a_dead_letter_is_in_clear(installation: Settings) -> None:
    bury(installation, (UNPAID, "tenders_differ", "tenders"))
    kept = [m for _, messages, _ in read(installation, "dlq.pos") for m in messages]
    mine = [m for m in kept if m.key().startswith(installation.tenant.encode())]
    assert len(mine) == 1
    assert PHONE.encode() not in mine[0].value() + repr(mine[0].headers()).encode() + mine[0].key()


@pytest.mark.kafka
def test_a_mended_record_goes_back_and_names_what_it_repairs(installation: Settings, tmp_path: Path) -> None:
    (id,) = bury(installation, (UNPAID, "tenders_differ", "tenders"))
    done = run(installation, "replay", "--with", repair_file(tmp_path / "mended.jsonl", (UNPAID, MENDED)))
    assert (done.exit_code, last(done)) == (0, {"replayed": 1, "already": 0, "refused": 0, "unknown": 0})
    (record,) = raw_records(installation)
    assert json.loads(record.value()) == MENDED
    assert record.key() == f"{installation.tenant}|S001".encode()
    said = dict(record.headers())
    assert said["zt_repairs"] == id.encode()
    assert said["ce_id"] == receipt_id(installation.tenant, "S001", "1", "2026-11-22", 17).encode()
    assert (said["zt_file"], said["zt_line"], said["zt_format"]) == (b"mended.jsonl", b"1", b"receipts-jsonl")


@pytest.mark.kafka
def test_what_is_repaired_is_skipped_unless_it_is_asked_for(installation: Settings, tmp_path: Path) -> None:
    bury(installation, (UNPAID, "tenders_differ", "tenders"))
    bury(installation, (UNPAID, "tenders_differ", "tenders"), repaired_by="r")
    mended = repair_file(tmp_path / "mended.jsonl", (UNPAID, MENDED))
    assert last(run(installation, "replay", "--with", mended)) == {
        "replayed": 0, "already": 1, "refused": 0, "unknown": 0,
    }  # fmt: skip
    assert raw_records(installation) == []
    assert last(run(installation, "replay", "--with", mended, "--again"))["replayed"] == 1


@pytest.mark.kafka
def test_what_is_no_dead_letter_or_still_not_good_is_not_sent(installation: Settings, tmp_path: Path) -> None:
    bury(installation, (UNPAID, "tenders_differ", "tenders"), (CUT, "not_json", ""))
    mended = repair_file(
        tmp_path / "mended.jsonl",
        (UNPAID, MENDED | {"tenders": []}),
        (b"never refused", MENDED),
        (CUT, MENDED | {"lines": [{"sku": "WATER", "unit": "pallet", "quantity": "1", "amount_cents": 400}]}),
    )
    done = run(installation, "replay", "--with", mended)
    assert (done.exit_code, last(done)) == (3, {"replayed": 0, "already": 0, "refused": 2, "unknown": 1})
    assert "mended.jsonl:3 unknown_unit lines[1].unit" in done.stderr
    assert PHONE not in done.output
    assert raw_records(installation) == []


@pytest.mark.kafka
def test_a_bad_line_in_the_repair_file_sends_nothing(installation: Settings, tmp_path: Path) -> None:
    bury(installation, (UNPAID, "tenders_differ", "tenders"))
    path = Path(repair_file(tmp_path / "mended.jsonl", (UNPAID, MENDED)))
    path.write_text(path.read_text() + '{"original": "!"}\n')
    done = run(installation, "replay", "--with", str(path))
    assert isinstance(done.exception, BadInput)
    assert "mended.jsonl:2" in str(done.exception)
    assert raw_records(installation) == []


@pytest.fixture
def written() -> Callable[..., list[tuple[bytes, bytes]]]:
    def parse(*lines: str) -> list[tuple[bytes, bytes]]:
        return [(r.original, r.repaired) for r in repairs([one.encode() for one in lines], "mended.jsonl")]

    return parse


def test_a_repair_may_quote_the_original_as_text(written: Callable[..., Any]) -> None:
    assert written('{"original_text": "王{", "repaired": {"a": 1}}', "", '{"original": "e+4=", "repaired": {}}') == [
        ("王{".encode(), b'{"a": 1}'),
        (b"\x7b\xee", b"{}"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        '{"repaired": {}}',
        '{"original": "e+4="}',
        '{"original": "e+4=", "original_text": "{", "repaired": {}}',
        '{"original": "e+4", "repaired": {}}',
        '{"original": "e+4=", "repaired": {}, "by": "anna"}',
    ],
)
def test_what_is_no_repair_is_bad_input_with_its_line(written: Callable[..., Any], line: str) -> None:
    with pytest.raises(BadInput, match=r"mended.jsonl:2 is no repair"):
        written("", line)
