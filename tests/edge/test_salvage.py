"""A disk that lies: what can be read is kept, what cannot is declared, and nothing wrong is ever sent."""

import random
import sqlite3
from pathlib import Path

import pytest
from zhongtai_edge import Config, Outbox
from zhongtai_edge.database import PAGE
from zhongtai_edge.pages import carve

COUNT = 400


def filled(config: Config) -> tuple[dict[int, bytes], str, Path]:
    """An outbox with payments of several sizes, closed and checkpointed: all of it stands in one file."""
    outbox = Outbox(config)
    payloads = {n: bytes([n % 251]) * (50 + n * 37 % 9000) for n in range(1, COUNT + 1)}
    epoch, _ = outbox.append_many("payments", list(payloads.values()))
    outbox.close()
    path = config.home / "outbox-1.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return payloads, epoch, path


def damage(path: Path, dice: random.Random, pages: int) -> None:
    raw = bytearray(path.read_bytes())
    for _ in range(pages):
        at = dice.randrange(1, len(raw) // PAGE) * PAGE
        raw[at : at + PAGE] = dice.randbytes(PAGE)
    path.write_bytes(raw)


@pytest.mark.parametrize("seed", range(12))
def test_random_pages_destroyed(config: Config, seed: int) -> None:
    payloads, epoch, path = filled(config)
    damage(path, random.Random(seed), 4)
    told: list[str] = []
    outbox = Outbox(config, notify=told.append)
    assert "corrupt" in told[0]
    kept = {one.seq: one.payload for one in outbox.unsent(10_000)}
    while rest := outbox.unsent(10_000):
        kept |= {one.seq: one.payload for one in rest}
        outbox.advance(0, epoch, rest[-1].seq)
    lost = {n for _, said in outbox.undeclared() if said.says == "lost" for n in range(said.low, said.high + 1)}
    assert all(payloads[n] == payload for n, payload in kept.items())
    assert len(kept) > COUNT * 0.8
    # Whatever is missing has been declared; with the cursor's own page gone, the end may be unknown.
    assert set(payloads) - set(kept) <= lost | set(range(max(kept) + 1, COUNT + 1))
    new, seq = outbox.append("payments", b"after")
    assert (new != epoch, seq) == (True, 1)


def test_a_flipped_bit_in_a_payload_is_noticed_before_it_is_sent(config: Config) -> None:
    payloads, _, path = filled(config)
    raw = path.read_bytes()
    at = raw.index(payloads[7][:40])
    path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    told: list[str] = []
    outbox = Outbox(config, notify=told.append)
    assert told == []  # SQLite sees nothing wrong
    sent: list[bytes] = []
    while rest := outbox.unsent(10_000):
        sent += [one.payload for one in rest]
        outbox.advance(0, rest[0].epoch, rest[-1].seq)
    assert "checksum" in told[0]
    assert sorted(sent) == sorted(payload for n, payload in payloads.items() if n != 7)


@pytest.mark.parametrize("content", [b"", b"junk", bytes(PAGE * 3)])
def test_a_file_that_is_no_database_any_more(config: Config, content: bytes) -> None:
    _, epoch, path = filled(config)
    path.write_bytes(content)
    outbox = Outbox(config)
    new, seq = outbox.append("payments", b"after")
    assert (new != epoch, seq) == (True, 1)
    assert [one.payload for one in outbox.unsent(10)] == [b"after"]


def test_without_the_first_page_every_record_is_still_found(config: Config) -> None:
    payloads, _, path = filled(config)
    path.write_bytes(bytes(PAGE) + path.read_bytes()[PAGE:])
    outbox = Outbox(config)
    found = {}
    while rest := outbox.unsent(10_000):
        found |= {one.seq: one.payload for one in rest}
        outbox.advance(0, rest[0].epoch, rest[-1].seq)
    assert found == payloads


def test_records_are_found_in_the_write_ahead_log_alone(config: Config) -> None:
    outbox = Outbox(config)
    outbox.append_many("stock", [b"s" * 5000, b"t" * 100])
    log = (config.home / "outbox-1.sqlite-wal").read_bytes()
    assert {one.payload for one in carve(b"", log)} == {b"s" * 5000, b"t" * 100}


@pytest.mark.parametrize("seed", range(20))
def test_carving_garbage_raises_nothing_and_finds_nothing(seed: int) -> None:
    dice = random.Random(seed)
    page = bytearray(dice.randbytes(PAGE * 4))
    page[100] = page[PAGE] = page[PAGE * 2] = 0x0D
    assert list(carve(bytes(page), dice.randbytes(9000))) == []


def test_an_appender_that_was_open_meanwhile_goes_on_in_the_new_database(config: Config) -> None:
    filled(config)
    other = Outbox(config, check=False)
    other.append("payments", b"before")
    other._keeper.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    healer = Outbox(config)
    healer.salvage("asked for")
    epoch, _ = other.append("payments", b"after")
    assert epoch == healer.own_epochs()[-1]
    assert other.verify() == COUNT + 2


def test_a_salvage_that_was_killed_is_done_again(config: Config) -> None:
    _, _, path = filled(config)
    damage(path, random.Random(3), 3)

    class Killed(BaseException):
        pass

    def kill(step: str) -> None:
        if step == "salvage":
            (config.home / "outbox-2.sqlite").write_bytes(b"half made")
            raise Killed

    with pytest.raises(Killed):
        Outbox(config, at=kill)
    outbox = Outbox(config)
    assert (config.home / "current").read_text() == "outbox-2.sqlite"
    assert len(outbox.own_epochs()) == 3  # the one in between was never used
    assert outbox.verify() > COUNT * 0.8
