"""`zhongtai-edge` as a shop's technician meets it, and the wheel that is carried to the shop."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from zhongtai_edge import Config, Outbox, main, watching

ROOT = Path(__file__).parents[2]
INIT = ("init", "--store", "S001", "--tenant", "demo", "--kafka", "127.0.0.1:1")


class Said:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def last(self) -> dict[str, Any]:
        return json.loads(self.out.splitlines()[-1])


def run(home: Path, *arguments: str, stdin: bytes = b"") -> Said:
    command = [sys.executable, "-m", "zhongtai_edge", "--home", str(home), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, cwd=ROOT / "edge", timeout=60)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_init_append_status_verify(tmp_path: Path) -> None:
    assert run(tmp_path, *INIT).status == 0
    assert run(tmp_path, "append", stdin=b'{"n": 1}\n\n{"n": 2}\r\n').last == {"appended": 2}
    assert run(tmp_path, "append", "--lane", "stock", "--whole", stdin=b"<a>\n</a>").last == {"appended": 1}
    status = run(tmp_path, "status")
    assert status.status == main.WAITING
    assert [status.last["lanes"][lane]["waiting"] for lane in ("payments", "stock", "behaviour")] == [2, 1, 0]
    assert run(tmp_path, "verify").last == {"records": 3, "corrupt": False}
    assert run(tmp_path, *INIT).status == 0  # settings may be written again
    held = Outbox(Config.read(tmp_path)).unsent(9)
    assert [one.payload for one in held] == [b'{"n": 1}', b'{"n": 2}']


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("status",), 2, "no outbox"),
        ((*INIT[:2], "a|b", *INIT[3:]), 2, "store is missing or cannot be"),
        ((*INIT[:-1], "nowhere"), 2, "no host:port"),
        ((*INIT, "--rate", "0"), 2, "rate is no number above 0"),
    ],
)
def test_what_cannot_be_is_told_with_what_to_do(
    tmp_path: Path, arguments: tuple[str, ...], status: int, told: str
) -> None:
    said = run(tmp_path, *arguments)
    assert (said.status, told in said.err, "→" in said.err) == (status, True, True)


def test_an_outbox_belongs_to_one_shop_and_full_and_unknown_things_are_told(tmp_path: Path) -> None:
    run(tmp_path, *INIT, "--budget-mb", "0.15")
    assert "another tenant or store" in run(tmp_path, "init", "--store", "S002", *INIT[3:]).err
    full = run(tmp_path, "append", stdin=b"\n".join([b"x" * 1000] * 600))
    assert (full.status, "NOT taken" in full.err) == (5, True)
    assert "invalid choice" in run(tmp_path, "append", "--lane", "gossip").err


def test_a_corrupt_outbox_is_told_and_salvaged(tmp_path: Path) -> None:
    run(tmp_path, *INIT)
    run(tmp_path, "append", stdin=b"\n".join([b'{"n": %d, "x": "%s"}' % (n, b"y" * 300) for n in range(100)]))
    path = tmp_path / "outbox-1.sqlite"
    raw = path.read_bytes()
    at = raw.index(b'{"n": 50')
    path.write_bytes(raw[:at] + b"X" + raw[at + 1 :])
    found = run(tmp_path, "verify")
    assert (found.status, found.last) == (main.CORRUPT, {"corrupt": True})
    mended = run(tmp_path, "verify", "--salvage")
    assert (mended.status, mended.last) == (0, {"records": 99, "corrupt": False})
    assert run(tmp_path, "status").last["lanes"]["payments"]["lost"] == 1


def test_help_teaches(tmp_path: Path) -> None:
    assert "Exit status" in run(tmp_path, "--help").out
    for command in ("init", "append", "run", "watch", "status", "verify"):
        assert len(run(tmp_path, command, "--help").out) > 200


def test_a_watched_folder_is_taken_line_by_line_once(tmp_path: Path, config: Config) -> None:
    folder = tmp_path / "till"
    folder.mkdir()
    day = folder / "day.jsonl"
    day.write_bytes(b"1\n2\nhalf")
    outbox = Outbox(config)
    told: list[str] = []

    def take() -> list[bytes]:
        watching.take(outbox, folder, "payments", "", told.append)
        batch = outbox.unsent(99)
        if batch:
            outbox.advance(0, batch[0].epoch, batch[-1].seq)
        return [one.payload for one in batch]

    assert take() == [b"1", b"2"]
    assert take() == []
    day.write_bytes(b"1\n2\nhalf of it\n\n3\n" + b"x" * (1 << 20) + b"\n4\n")  # the same file, grown
    assert take() == [b"half of it", b"3", b"4"]
    assert "longer than Kafka takes" in told[0]
    (folder / "new").write_bytes(b"5\n")
    (folder / "new").replace(day)  # another file under the same name
    assert take() == [b"5"]


def test_the_wheel_holds_the_outbox_and_nothing_else(tmp_path: Path) -> None:
    uv = ROOT / ".venv" / "bin" / "uv"
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", tmp_path, ROOT / "edge"], check=True, timeout=240)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as zipped:
        names = zipped.namelist()
        metadata = zipped.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"zhongtai_edge"}
    assert [line for line in metadata.splitlines() if line.startswith("Requires-Dist")] == [
        "Requires-Dist: kafka-python>=3.0.12"
    ]
