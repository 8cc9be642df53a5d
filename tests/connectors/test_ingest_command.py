"""`zhongtai ingest` on a real broker: what arrives, where, and what the command says and returns."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from cli import ingest as command
from connectors import sender
from connectors.ingest import longest_sent
from connectors.kafka import read
from connectors.settings import Settings
from contracts.dead_letters import DeadLetter
from contracts.errors import BadInput, NotReady
from contracts.keys import partition
from contracts.topics import BY_NAME
from contracts.wire import decoder
from tests.pos_examples import REFERENCE_LINES, text

LONGEST_SENT = longest_sent(BY_NAME["raw.pos"])


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: bytes) -> Path:
        path = tmp_path / "day.jsonl"
        path.write_bytes(b"".join(one + b"\n" for one in lines))
        return path

    return write


@pytest.fixture
def installation(kafka_broker: Settings, tenant: str, tmp_path: Path) -> Settings:
    """A home of its own with a product file, on the shared broker."""
    (tmp_path / "home" / "reference").mkdir(parents=True)
    products = tmp_path / "home" / "reference" / "products-3.jsonl"
    products.write_text("".join(json.dumps(one) + "\n" for one in REFERENCE_LINES))
    return msgspec.structs.replace(kafka_broker, home=tmp_path / "home", tenant=tenant, kafka=kafka_broker.bootstrap)


def run(settings: Settings, *arguments: str, stdin: bytes = b"") -> Any:
    app = typer.Typer()
    app.command()(command.ingest)
    env = {"ZHONGTAI_HOME": str(settings.home), "ZHONGTAI_TENANT": settings.tenant, "ZHONGTAI_KAFKA": settings.kafka}
    return CliRunner().invoke(app, arguments, env=env, input=stdin)


def raw(settings: Settings, topic: str = "raw.pos") -> Iterator[Any]:
    for _, messages, _ in read(settings, topic):
        yield from (m for m in messages if m.key().startswith(f"{settings.tenant}|".encode()))


@pytest.mark.kafka
def test_lines_reach_kafka_in_the_partition_of_their_store(installation: Settings, file: Callable[..., Path]) -> None:
    lines = [text(number=n, store=f"S{n % 7}") for n in range(500)] + [b"{", "{王".encode("gbk")]
    done = run(installation, "pos", "--format", "receipts-jsonl", str(file(*lines)))
    assert (done.exit_code, json.loads(done.stdout.splitlines()[-1])) == (
        3,
        {"accepted": 500, "refused": 2, "duplicates": 0},
    )
    assert "not_utf8" in done.stderr
    assert "day.jsonl:502" in done.stderr
    arrived = list(raw(installation))
    assert sorted(m.value() for m in arrived) == sorted(lines)
    for m in arrived:
        assert m.partition() == partition(m.key(), BY_NAME["raw.pos"].partitions)
    for store in range(7):
        # The order of a file is kept within a store.
        mine = [json.loads(m.value())["number"] for m in arrived if m.key().endswith(f"|S{store}".encode())]
        assert mine == sorted(mine)


@pytest.mark.kafka
def test_repeating_the_command_sends_nothing(installation: Settings, file: Callable[..., Path]) -> None:
    path = file(*(text(number=n) for n in range(50)))
    assert run(installation, "pos", str(path)).exit_code == 0
    again = run(installation, "pos", str(path))
    assert (again.exit_code, json.loads(again.stdout)) == (0, {"accepted": 0, "refused": 0, "duplicates": 50})
    assert len(list(raw(installation))) == 50


@pytest.mark.kafka
def test_the_largest_line_fits_into_kafka_and_the_next_larger_is_a_dead_letter(
    installation: Settings, file: Callable[..., Path]
) -> None:
    # Random digits in a text: lz4 saves little, so the limit has to hold for what cannot be compressed.
    noise = os.urandom(LONGEST_SENT).hex().encode()
    fits = b'{"store":"' + noise
    lines = [fits[:LONGEST_SENT], fits[: LONGEST_SENT + 1], text()]
    done = run(installation, "pos", str(file(*lines)))
    assert json.loads(done.stdout) == {"accepted": 1, "refused": 2, "duplicates": 0}
    assert sorted(len(m.value()) for m in raw(installation)) == sorted(len(one) for one in (lines[0], lines[2]))
    (letter,) = (decoder(DeadLetter)(m.value()) for m in raw(installation, "dlq.pos"))
    assert (letter.code, letter.origin.line) == ("too_large", 2)


@pytest.mark.kafka
def test_standard_input_reaches_kafka(installation: Settings) -> None:
    assert run(installation, "pos", "-", stdin=text() + b"\n").exit_code == 0
    assert [m.value() for m in raw(installation)] == [text()]


def test_what_cannot_be_used_is_told_before_anything_is_sent(tmp_path: Path, file: Callable[..., Path]) -> None:
    nowhere = Settings(home=tmp_path / "home", kafka="127.0.0.1:9")
    for arguments, told in (
        (("web", str(file())), "no feed web"),
        (("pos", "--format", "csv", str(file())), "no format csv"),
        (("pos", str(tmp_path / "none")), "no file"),
        (("pos", str(file())), "no product file"),
    ):
        done = run(nowhere, *arguments)
        assert isinstance(done.exception, BadInput)
        assert told in str(done.exception)
        assert done.exception.exit_status == 2


def test_a_silent_kafka_is_told_in_plain_words(
    tmp_path: Path, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "ANSWER_MS", 500)
    (tmp_path / "home" / "reference").mkdir(parents=True)
    (tmp_path / "home" / "reference" / "products-1.jsonl").write_text(json.dumps(REFERENCE_LINES[0]))
    done = run(Settings(home=tmp_path / "home", kafka="127.0.0.1:9"), "pos", str(file(text())))
    assert isinstance(done.exception, NotReady)
    assert str(done.exception) == "Kafka does not answer."
