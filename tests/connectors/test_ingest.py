"""Files go to `raw.pos` line by line as they are, and are counted as the job will count them."""

import hashlib
import io
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from centers.receipts import marks
from cli.judging import receipts_jsonl
from connectors import feeds
from connectors.feed_cipher import FeedCipher
from connectors.feeds import Number
from connectors.ingest import STDIN, Ingestion, files
from connectors.keystore import Keystore
from connectors.sent import Sent
from connectors.settings import Settings
from contracts.dead_letters import DeadLetter
from contracts.errors import BadInput, NotReady
from contracts.products import Product, Products
from contracts.receipts import receipt_id
from contracts.wire import decoder
from tests.pos_examples import PHONE, REFERENCE, StillClock, line, text

SECRET = text(number=99, identifiers=[{"type": "phone", "value": PHONE}])


class Handed(NamedTuple):
    topic: str
    key: bytes
    by: bytes
    value: bytes
    headers: dict[str, bytes]


class Post:
    """A sender that keeps what it is given, and breaks after so many records."""

    def __init__(self) -> None:
        self.records: list[Handed] = []
        self.breaks_after = 10**9
        self.settled = 0

    def send(self, topic: str, *, key: bytes, partitioned_by: bytes, value: bytes, headers: Any) -> None:
        if len(self.records) >= self.breaks_after:
            raise NotReady("Kafka did not take a record.")
        self.records.append(Handed(topic, key, partitioned_by, value, dict(headers)))

    def settle(self) -> None:
        self.settled = len(self.records)


class Shop:
    """One installation: what it knows and has sent is kept in its home from one ingestion to the next."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.post = Post()
        self.products = REFERENCE

    def ingest(self, *found: Path, stdin: bytes = b"") -> tuple[int, int, int]:
        settings = Settings(home=self.home, tenant="t")
        keystore = Keystore(self.home, StillClock())
        sent = Sent(self.home, ("cluster", "t", "pos"), marks, StillClock())
        form = receipts_jsonl(settings, self.products)
        cipher = FeedCipher(keystore, "t", "pos")
        one = Ingestion("t", form, self.post, sent, cipher=cipher, clock=StillClock())  # type: ignore[arg-type]
        try:
            for path in found:
                one.file(path, io.BytesIO(stdin), lambda _: None)
        finally:
            sent.close()
            keystore.close()
        self.counts = one.counts
        return (one.counts.accepted, one.counts.refused, one.counts.duplicates)

    def sent(self) -> list[bytes]:
        """The values sent since the last time this was asked."""
        values = [record.value for record in self.post.records]
        self.post.records.clear()
        return values


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "home")


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: bytes, name: str = "day.jsonl", end: bytes = b"\n") -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(one + end for one in lines))
        return path

    return write


def test_every_line_is_sent_as_it_is_and_blank_ones_are_not(shop: Shop, file: Callable[..., Path]) -> None:
    lines = (text(number=1) + b"  ", b"", b"no receipt", b" \t", text(number=2, clerk="王芳"))
    assert shop.ingest(file(*lines, end=b"\r\n")) == (2, 1, 0)
    assert [r.headers["zt_line"] for r in shop.post.records] == [b"1", b"3", b"5"]
    assert shop.sent() == [lines[0], lines[2], lines[4]]


def test_a_last_line_without_its_end_is_a_line(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl").write_bytes(text(number=1) + b"\n" + text(number=2))
    assert shop.ingest(tmp_path / "cut.jsonl") == (2, 0, 0)


def test_headers_say_what_it_is_when_it_was_and_where_it_stood(shop: Shop, file: Callable[..., Path]) -> None:
    shop.ingest(file(text(), b"{"))
    good, bad = shop.post.records
    assert good.headers == {
        "ce_specversion": b"1.0",
        "ce_id": receipt_id("t", "S001", "1", "2026-11-22", 17).encode(),
        "ce_source": b"/feeds/pos",
        "ce_type": b"raw.pos",
        "ce_time": b"2026-11-22T02:30:00Z",
        "zt_format": b"receipts-jsonl",
        "zt_file": b"day.jsonl",
        "zt_line": b"1",
    }
    assert (good.key, good.by) == (b"t|S001", b"t|S001")
    assert "ce_time" not in bad.headers
    assert hashlib.sha256(b"{").hexdigest().encode() in bad.key
    assert bad.headers["ce_id"] not in bad.key


def test_refused_goes_before_duplicate_and_duplicate_before_accepted(shop: Shop, file: Callable[..., Path]) -> None:
    good, bad = text(number=1), text(number=2, lines=[line(unit="pallet")])
    assert shop.ingest(file(good, good, bad, bad, text(number=3))) == (2, 2, 1)
    faults = shop.counts.reasons["unknown_unit"]
    assert (faults.count, faults.first, faults.place) == (2, ("day.jsonl", 3), "lines[1].unit")


def test_a_receipt_of_an_earlier_file_or_call_is_a_duplicate_and_is_sent(shop: Shop, file: Callable[..., Path]) -> None:
    one, two, three = (text(number=n) for n in (1, 2, 3))
    assert shop.ingest(file(one, two, name="a.jsonl"), file(two, three, name="b.jsonl")) == (3, 0, 1)
    assert shop.ingest(file(three, one, name="c.jsonl")) == (0, 0, 2)
    assert shop.sent() == [one, two, two, three, three, one]


def test_a_file_that_was_sent_is_counted_and_not_sent_again(shop: Shop, file: Callable[..., Path]) -> None:
    lines = (text(number=1), b"{", text(number=2))
    shop.ingest(file(*lines))
    shop.sent()
    assert shop.ingest(file(*lines, name="renamed.jsonl")) == (0, 1, 2)
    assert shop.sent() == []


def test_what_a_new_product_file_makes_good_is_sent_from_a_file_that_was_sent(
    shop: Shop, file: Callable[..., Path]
) -> None:
    pear = text(number=2, lines=[line(sku="PEAR")])
    path = file(text(number=1), pear, b"{")
    assert shop.ingest(path) == (1, 2, 0)
    shop.sent()
    shop.products = Products(8, {**REFERENCE.by_sku, "PEAR": Product("PEAR", "each", {"each": 1})}, {})
    assert shop.ingest(path) == (1, 1, 1)
    assert shop.sent() == [pear]
    assert shop.ingest(path) == (0, 1, 2)
    assert shop.sent() == []


def test_an_interrupted_file_is_sent_whole_the_next_time(shop: Shop, file: Callable[..., Path]) -> None:
    path = file(*(text(number=n) for n in range(5)))
    shop.post.breaks_after = 3
    with pytest.raises(NotReady):
        shop.ingest(path)
    shop.post.breaks_after = 10**9
    shop.sent()
    assert shop.ingest(path) == (5, 0, 0)
    assert len(shop.sent()) == 5


def test_a_file_is_marked_only_when_kafka_has_acknowledged_it(shop: Shop, file: Callable[..., Path]) -> None:
    class Silent(Post):
        def settle(self) -> None:
            raise NotReady("no acknowledgement")

    path = file(text())
    shop.post = Silent()
    with pytest.raises(NotReady):
        shop.ingest(path)
    shop.post = Post()
    assert shop.ingest(path) == (1, 0, 0)
    assert shop.post.settled == 1


def test_another_cluster_tenant_or_feed_has_seen_nothing(tmp_path: Path) -> None:
    scopes = [("a", "t", "pos"), ("b", "t", "pos"), ("a", "u", "pos"), ("a", "t", "web")]
    for scope in scopes:
        sent = Sent(tmp_path, scope, marks, StillClock())
        assert not sent.file("content")
        sent.keep("content", "day.jsonl")
        assert sent.file("content")


def test_two_at_once_lose_none_of_each_others_receipts(shop: Shop, file: Callable[..., Path], tmp_path: Path) -> None:
    shop.ingest(file(text(number=5)))
    first, second = (Sent(shop.home, ("cluster", "t", "pos"), marks, StillClock()) for _ in range(2))
    one, two = (Number("S001", "1", "2026-11-22", n) for n in (1, 2))
    assert first.add(one)
    assert second.add(two)
    first.keep("1", "1")
    second.keep("2", "2")
    assert shop.ingest(file(*(text(number=n) for n in (1, 2, 5)), name="all.jsonl")) == (0, 0, 3)


def test_a_record_without_a_number_is_known_by_its_mark_in_its_own_scope(tmp_path: Path) -> None:
    first, other = (Sent(tmp_path, ("cluster", "t", feed), marks, StillClock()) for feed in ("ecommerce", "wms"))
    assert [first.add(mark) for mark in (b"a" * 16, b"b" * 16, b"a" * 16)] == [True, True, False]
    first.keep("content", "day.jsonl")
    again = Sent(tmp_path, ("cluster", "t", "ecommerce"), marks, StillClock())
    assert [again.add(mark) for mark in (b"b" * 16, b"c" * 16)] == [False, True]
    assert other.add(b"a" * 16)


def test_standard_input_is_a_file(shop: Shop, file: Callable[..., Path]) -> None:
    assert shop.ingest(STDIN, stdin=text(number=1) + b"\n") == (1, 0, 0)
    assert shop.ingest(file(text(number=1))) == (0, 0, 1)
    assert shop.post.records[0].headers["zt_file"] == b"-"


def test_a_line_that_kafka_would_not_take_becomes_a_dead_letter(shop: Shop, file: Callable[..., Path]) -> None:
    huge = SECRET[:-1] + b" " * (1 << 20) + b"}"
    assert shop.ingest(file(text(), huge, text(number=18))) == (2, 1, 0)
    record = shop.post.records[1]
    letter = decoder(DeadLetter)(record.value)
    assert (record.topic, letter.code, letter.status) == ("dlq.pos", "too_large", "refused")
    assert (letter.origin.topic, letter.origin.file, letter.origin.line) == ("", "day.jsonl", 2)
    assert record.key == f"t|{letter.id}".encode()
    assert PHONE.encode() not in record.value
    cipher = FeedCipher(Keystore(shop.home, StillClock()), "t", "pos")
    assert cipher.decrypt(letter.id, letter.cipher) == huge


def test_a_line_too_large_even_for_a_dead_letter_is_named_without_its_bytes(
    shop: Shop, file: Callable[..., Path]
) -> None:
    assert shop.ingest(file(os.urandom(17 << 20).replace(b"\n", b" "))) == (0, 1, 0)
    letter = decoder(DeadLetter)(shop.post.records[0].value)
    assert (letter.cipher, letter.origin.line) == ("", 1)


def test_what_is_no_file_of_lines_is_bad_input(
    shop: Shop, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "LONGEST_READ", 1000)
    with pytest.raises(BadInput, match=r"day.jsonl:2 is longer"):
        shop.ingest(file(text(), b"x" * 1001))
    assert shop.ingest(file(text(), b"x" * 1000)) == (1, 1, 0)


def test_a_file_that_changes_while_it_is_read_is_not_marked_as_sent(shop: Shop, file: Callable[..., Path]) -> None:
    path = file(text(number=1))

    class Writing(Post):
        def send(self, topic: str, **record: Any) -> None:
            super().send(topic, **record)
            if len(self.records) == 1:
                path.write_bytes(text(number=1) + b"\n" + text(number=2) + b"\n")

    shop.post = Writing()
    with pytest.raises(BadInput, match="changed while it was read"):
        shop.ingest(path)
    shop.post = Post()
    assert shop.ingest(path) == (2, 0, 0)


def test_a_file_is_never_held_whole(shop: Shop, file: Callable[..., Path]) -> None:
    path = file(*(text(number=n) for n in range(20_000)))
    shop.ingest(file(text(), name="warm.jsonl"))

    class Nowhere(Post):
        def send(self, topic: str, **_: Any) -> None:
            pass

    shop.post = Nowhere()
    tracemalloc.start()
    try:
        assert sum(shop.ingest(path)) == 20_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20 < path.stat().st_size


def test_a_folder_stands_for_its_jsonl_files_by_name(file: Callable[..., Path], tmp_path: Path) -> None:
    b, a, _ = file(name="b.jsonl"), file(name="a.jsonl"), file(name="notes.txt")
    assert files([tmp_path, STDIN], (".jsonl",)) == [a, b, STDIN]
    for nothing in (tmp_path / "none.jsonl", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(BadInput):
            files([nothing], (".jsonl",))
