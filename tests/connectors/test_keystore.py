"""Keys are made once, are on disk before they are used, and stay destroyed; tokens hold nothing in clear."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from connectors import tokens
from connectors.feed_cipher import FeedCipher, dead_letter_id
from connectors.keystore import Keystore
from connectors.tokens import Tokeniser, open_, seal
from contracts.errors import Corrupt
from contracts.pos import ShownIdentifier
from contracts.receipts import Token
from oneid.identifiers import nid, normalise
from tests.pos_examples import PHONE, StillClock, dice, text

A, B = "phone:" + "a" * 32, "phone:" + "b" * 32


@pytest.fixture
def keystore(tmp_path: Path) -> Iterator[Keystore]:
    store = Keystore(tmp_path, StillClock())
    yield store
    store.close()


def another(keystore: Keystore) -> Keystore:
    """The same file, as another process would open it."""
    return Keystore(keystore.path.parent.parent, StillClock())


def phone(value: str = PHONE) -> ShownIdentifier:
    return ShownIdentifier(type="phone", value=value)


def tokeniser(keystore: Keystore, tenant: str = "t") -> Tokeniser:
    return Tokeniser(keystore, tenant, "CN", normalise=normalise, nid=nid)


def test_the_same_name_has_the_same_key_for_ever(keystore: Keystore) -> None:
    first = (keystore.tenant_key("t"), keystore.feed_key("t", "pos"), keystore.data_keys([A, B, A]))
    later = another(keystore)
    assert (later.tenant_key("t"), later.feed_key("t", "pos"), later.data_keys([B, A])) == first
    assert (len(first[0]), len(first[1])) == (32, 64)
    assert set(first[2]) == {A, B}
    assert first[2][A] != first[2][B]


def test_other_tenants_and_feeds_have_other_keys(keystore: Keystore) -> None:
    assert keystore.tenant_key("t") != keystore.tenant_key("u")
    assert len({keystore.feed_key(t, f) for t in "tu" for f in ("pos", "web")}) == 4


def test_more_names_than_a_statement_holds_are_one_batch(keystore: Keystore) -> None:
    many = [f"card:{n:032x}" for n in range(2_500)]
    assert keystore.data_keys(many) == another(keystore).find(many)


def test_only_the_owner_can_read_the_store(keystore: Keystore) -> None:
    keystore.data_keys([A])
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in keystore.path.parent.iterdir()}
    assert stat.S_IMODE(keystore.path.parent.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}, modes


def test_every_commit_waits_for_the_disk(keystore: Keystore) -> None:
    assert keystore._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert keystore._db.execute("PRAGMA synchronous").fetchone() == (2,)


RACER = """
import sys, time
from pathlib import Path
from connectors.keystore import Keystore
from tests.pos_examples import StillClock
while time.time() < float(sys.argv[2]): pass
keystore = Keystore(Path(sys.argv[1]), StillClock())
for n in range(40):
    batch = [f"phone:{n:03}{i:029x}" for i in range(25)]
    for name, key in keystore.data_keys(batch).items():
        print(name, key.hex())
print("tenant", keystore.tenant_key("t").hex())
"""


def test_processes_that_meet_the_same_new_identifiers_end_with_the_same_keys(tmp_path: Path) -> None:
    import time

    start = str(time.time() + 2)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path), start],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": "."},
        )
        for _ in range(3)
    ]  # fmt: skip
    said = [racer.communicate(timeout=120) for racer in racers]
    assert [errors for _, errors in said] == [b""] * 3
    assert said[0][0].count(b"\n") == 1001
    assert said[0][0] == said[1][0] == said[2][0]


LEAVER = """
import sys
from pathlib import Path
from connectors.keystore import Keystore
from tests.pos_examples import StillClock
store = Keystore(Path(sys.argv[1]), StillClock())
store.data_keys(["phone:theirs"])
store.close()
"""


def test_a_process_that_leaves_does_not_take_the_log_from_one_that_has_the_store_open_twice(tmp_path: Path) -> None:
    first, second = Keystore(tmp_path, StillClock()), Keystore(tmp_path, StillClock())
    subprocess.run([sys.executable, "-c", LEAVER, str(tmp_path)], check=True, cwd=Path(__file__).parents[2])
    assert first.path.with_name(first.path.name + "-wal").exists()
    nids = [f"phone:{n}" for n in range(200)]
    keys = first.data_keys(nids)
    assert second.find(nids) == keys
    first.close()
    second.close()
    again = Keystore(tmp_path, StillClock())
    assert again.find([*nids, "phone:theirs"]).keys() == {*nids, "phone:theirs"}
    again.close()


def test_a_destroyed_key_is_never_made_again(keystore: Keystore) -> None:
    other = another(keystore)
    other.data_keys([A])
    assert keystore.destroy([A, A]) == 1
    assert keystore.destroy([A]) == 0
    for store in (keystore, other, another(keystore)):
        assert store.data_keys([A])[A] is None
        assert store.find([A]) == {A: None}
        assert store.data_keys([B])[B] is not None


def test_an_identifier_destroyed_before_it_was_met_stays_so(keystore: Keystore) -> None:
    assert keystore.destroy([A]) == 1
    assert keystore.data_keys([A]) == {A: None}


def test_no_byte_of_a_destroyed_key_is_left_in_the_files(keystore: Keystore) -> None:
    names = [f"phone:{n:032x}" for n in range(300)]
    keys = keystore.data_keys(names)
    files = list(keystore.path.parent.iterdir())
    assert any(keys[names[7]] in f.read_bytes() for f in files)  # type: ignore[operator]
    keystore.destroy(names[5:10])
    stored = b"".join(f.read_bytes() for f in keystore.path.parent.iterdir())
    assert not [n for n in names[5:10] if keys[n][:16] in stored or keys[n][-16:] in stored]  # type: ignore[index]
    assert keys[names[11]] in stored  # type: ignore[operator]


def test_what_was_destroyed_since_a_mark_is_told_once(keystore: Keystore) -> None:
    other = another(keystore)
    assert keystore.destroyed_after(0) == (0, [])
    other.destroy([A])
    assert keystore.destroyed_after(0) == (1, [A])
    other.destroy([A, B])
    assert keystore.destroyed_after(1) == (2, [B])
    assert keystore.destroyed_after(2) == (2, [])


def test_a_damaged_store_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "keystore.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(Corrupt, match="damaged") as told:
        Keystore(tmp_path, StillClock())
    assert "backup" in told.value.do


def test_tokens_are_bit_equal_in_every_process(keystore: Keystore) -> None:
    shown = [phone(), phone("+86 138-1234-5678"), ShownIdentifier(type="card", value="6200 1234")]
    found = tokeniser(keystore).tokens(shown)
    assert found == tokeniser(another(keystore)).tokens(shown)
    assert found[shown[0]] == found[shown[1]]
    assert found[shown[2]] != found[shown[0]]


def test_a_value_that_cannot_be_has_no_token_and_no_key(keystore: Keystore) -> None:
    assert tokeniser(keystore).tokens([phone("12")]) == {phone("12"): None}
    assert keystore._db.execute("SELECT count(*) FROM data_keys").fetchone() == (0,)


def test_a_token_opens_with_its_key_and_no_other(keystore: Keystore) -> None:
    token = tokeniser(keystore).tokens([phone()])[phone()]
    assert token is not None
    key = keystore.find([token.nid])[token.nid]
    assert key is not None
    assert open_(key, token) == "+8613812345678"
    with pytest.raises(InvalidTag):
        open_(key, Token("phone", A, token.cipher))
    with pytest.raises(InvalidTag):
        open_(key[::-1], token)


def test_the_cipher_is_aes_siv_of_rfc_5297_in_a_pinned_form() -> None:
    # So that what was sealed years ago opens: key, associated data and encoding may never change.
    assert seal(bytes(range(64)), "phone:00", "+8613812345678") == "rNIfbwNkc0qARQbAxqg_0JLHRmVFRVdFGC1cHx18"


def test_tenants_name_the_same_person_differently(keystore: Keystore) -> None:
    mine, yours = tokeniser(keystore).tokens([phone()]), tokeniser(keystore, "u").tokens([phone()])
    assert mine[phone()].nid != yours[phone()].nid  # type: ignore[union-attr]


def test_a_destroyed_key_wins_over_what_is_remembered(keystore: Keystore) -> None:
    working = tokeniser(keystore)
    before = working.tokens([phone(), phone("13912345678")])
    other = another(keystore)
    other.data_keys([A])
    assert working.tokens([phone()])[phone()] == before[phone()]
    other.destroy([before[phone()].nid])  # type: ignore[union-attr]
    after = working.tokens([phone(), phone("13912345678")])
    assert after[phone()] == Token("phone", before[phone()].nid, "")  # type: ignore[union-attr]
    assert after[phone("13912345678")] == before[phone("13912345678")]


def test_memory_is_bounded(keystore: Keystore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_REMEMBERED", 3)
    working = tokeniser(keystore)
    cards = [ShownIdentifier(type="card", value=f"CARD{n:04}") for n in range(10)]
    first = working.tokens(cards)
    assert len(working._ciphers) == 3
    assert working.tokens(cards) == first


def test_keys_are_durable_before_tokens_are_returned(keystore: Keystore) -> None:
    token = tokeniser(keystore).tokens([phone()])[phone()]
    with sqlite3.connect(f"file:{keystore.path}?mode=ro", uri=True) as look:
        assert look.execute("SELECT count(*) FROM data_keys WHERE nid = ?", (token.nid,)).fetchone() == (1,)  # type: ignore[union-attr]


def test_a_dead_letter_opens_again_and_tells_nothing(keystore: Keystore) -> None:
    raw = text(identifiers=[{"type": "phone", "value": PHONE}])
    cipher = FeedCipher(keystore, "t", "pos")
    id = cipher.id(raw)
    sealed = cipher.encrypt(id, raw)
    assert (id, sealed) == (cipher.id(raw), cipher.encrypt(id, raw))
    assert FeedCipher(another(keystore), "t", "pos").decrypt(id, sealed) == raw
    assert PHONE not in id + sealed
    for stranger in (FeedCipher(keystore, "u", "pos"), FeedCipher(keystore, "t", "web")):
        with pytest.raises(Corrupt, match=id):
            stranger.decrypt(id, sealed)
    with pytest.raises(Corrupt):
        cipher.decrypt(id[::-1], sealed)
    with pytest.raises(Corrupt):
        cipher.decrypt(id, "no base64")


def test_even_nothing_can_be_a_dead_letter(keystore: Keystore) -> None:
    cipher = FeedCipher(keystore, "t", "pos")
    assert cipher.decrypt(cipher.id(b""), cipher.encrypt(cipher.id(b""), b"")) == b""


def test_names_of_dead_letters_are_frozen() -> None:
    assert dead_letter_id(bytes(range(32)), "pos", b"refused") == "51a5bc8584797478ce705defaf0c21e9"


def test_no_clear_phone_is_in_anything_that_is_stored(keystore: Keystore) -> None:
    shown = phone()
    token = tokeniser(keystore).tokens([shown])[shown]
    stored = b"".join(f.read_bytes() for f in keystore.path.parent.iterdir()) + repr(token).encode()
    assert not [form for form in (PHONE, PHONE[1:], "138 1234") if form.encode() in stored]


def test_randomness_comes_in_as_an_argument(tmp_path: Path) -> None:
    one, two = (Keystore(tmp_path / name, StillClock(), dice("seed")) for name in ("one", "two"))
    assert one.tenant_key("t") == two.tenant_key("t")
    assert one.data_keys([A, B]) == two.data_keys([A, B])
