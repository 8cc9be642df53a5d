"""Members without a broker: what is known read back, the words for reasons, erasures that were begun, copies of the keys."""

import re
import sqlite3
from pathlib import Path

import msgspec
import pytest

from connectors import published
from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.errors import BadInput, ZhongtaiError
from contracts.evidence import Evidence as Said
from contracts.evidence import IdentityFact
from contracts.member_map import MemberOf
from contracts.members import Claim, Profile, Seen, Sums
from oneid import reasons
from oneid.facts import Facts, observation
from oneid.identifiers import nid
from oneid.plan import plan
from oneid.resolve import resolve
from oneid.rules import Limit, Rules, parse
from oneid.why import why
from pipelines import key_copies
from pipelines.members import view
from pipelines.members.directory import Directory, Member
from pipelines.members.erasure import Pending
from pipelines.members.known import Known, holders, resolution, tried
from pipelines.profiles import platform_rules
from pipelines.warehouse.run import run
from tests.warehouse.synthetic import Tape, prepared, quiet, receipts, records, unjudged

RULES = platform_rules()
SAMPLE = 400


def hashed(kind: str, n: int) -> str:
    return f"{kind}:{n:032x}"


def said(n: int, cls: str, *nids: str) -> Said:
    return Said(
        tenant="t", id=f"e{n}", at=f"2026-11-{1 + n % 27:02}T10:00:00Z", source="event.order", about=f"o{n}", cls=cls, nids=nids,  # type: ignore[arg-type]
    )  # fmt: skip


def kept(*evidence: Said) -> Known:
    facts: dict[bytes, IdentityFact] = {}
    batch = Facts("t", RULES.priority, facts.get, set())
    for one in evidence:
        batch.observe(observation(one))
    return Known({at: fact for at, fact in batch.changes.items() if fact is not None}, RULES)


MANY = kept(
    *(said(n, "B", hashed("card", n), hashed("phone", n)) for n in range(SAMPLE)),
    *(said(n, "B", hashed("card", n), hashed("phone", SAMPLE + n)) for n in range(0, SAMPLE, 7)),
    *(said(n, "B", hashed("login", n), hashed("card", n)) for n in range(0, SAMPLE, 3)),
    *(said(n, "C", hashed("device", n // 2), hashed("card", n)) for n in range(SAMPLE)),
)


def phones(most: int) -> Rules:
    """The platform's rules, but for how many phones one person may have."""
    limited = msgspec.structs.replace(RULES.identifiers["phone"], limits=(Limit(most=most, ever=True),))
    return msgspec.structs.replace(RULES, identifiers=RULES.identifiers | {"phone": limited})


def test_what_is_known_gives_the_members_under_any_rules(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, tenant="t")
    now, then = (tried(settings, MANY, phones(most)) for most in (2, 1))
    shown = plan(now, then)
    assert len(shown.splits) >= SAMPLE // 7
    assert shown.applied(now.holders) == then.holders == holders(settings, MANY, phones(1))
    assert {move.causes for move in shown.moves} == {("limit:phone",)}


def test_f_over_what_is_connected_says_what_f_says_over_everything() -> None:
    whole = resolve(MANY.evidence(RULES)[0], RULES)
    for a, b in (
        (hashed("card", 0), hashed("phone", SAMPLE)),
        (hashed("card", 2), hashed("card", 3)),
        (hashed("card", 1), hashed("phone", 9)),
    ):
        part, dossier = resolution(MANY, a, b)
        assert why(part, a, b) == why(whole, a, b)
        assert len(dossier.identifiers) < 20


def test_every_rule_that_f_refuses_by_has_words_in_two_languages() -> None:
    source = Path(resolve.__code__.co_filename).read_text()
    named = set(re.findall(r'return "([a-z_]+)"', source))
    assert {"cannot_link", "class", "name", "shared"} <= named
    limits = [f"limit:{type}" for type in RULES.ever] + [
        f"limit:{type}/{weeks}w" for type, of in RULES.windows.items() for weeks, _ in of
    ]
    for rule in (*named, *limits):
        english, chinese = reasons.refused(rule, RULES)
        assert english.isascii() or "×" in english
        assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert "5" in reasons.refused("limit:device/1w", RULES)[0]
    assert reasons.dead(hashed("phone", 1), RULES, blocked=False, generic=False) is None
    assert "nobody" in (reasons.dead(hashed("phone", 1), RULES, blocked=True, generic=False) or ("",))[0]


def directory(settings: Settings, *members: tuple[str, str]) -> Directory:
    """One that has read this map: (nid, member id)."""
    found = Directory(settings)
    found.__dict__["entries"] = {
        nid: MemberOf(tenant="t", nid=nid, member_id=member, confidence=95, version=1) for nid, member in members
    }
    return found


def test_a_member_is_found_by_value_by_type_by_nid_and_by_id(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, tenant="t")
    store = Keystore(tmp_path, SystemClock())
    key = store.tenant_key("t")
    store.close()
    phone, card = (nid(key, kind, spelt) for kind, spelt in (("phone", "+8613511112222"), ("card", "C100")))
    ann, bob = "m-" + "a" * 16, "m-" + "b" * 16
    found = directory(settings, (phone, ann), (card, ann), (hashed("card", 7), bob))
    for text in ("13511112222", "+86 135 1111 2222", "phone:13511112222", "card:c100", "C100", phone, ann):
        assert found.find(text).id == ann
    assert found.find(phone).nid == phone
    assert found.find(ann).nids == (card, phone)
    with pytest.raises(ZhongtaiError) as nobody:
        found.find("13511119999")
    assert "13511119999" not in nobody.value.wrong + nobody.value.do
    with pytest.raises(BadInput):
        found.find("phone:C100")


def test_a_text_that_could_be_several_peoples_needs_its_type(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, tenant="t")
    nids = Directory(settings).nids("C10012345")
    assert {one.partition(":")[0] for one in nids} >= {"card", "login"}
    found = directory(settings, *((one, f"m-{'abcdefgh'[n] * 16}") for n, one in enumerate(nids)))
    with pytest.raises(BadInput) as unclear:
        found.find("C10012345")
    assert "card" in unclear.value.wrong


def test_the_view_adds_up_and_chooses_by_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = hashed("phone", 1), hashed("phone", 2)
    claims = [
        Sums(orders=1, channels={"till": Seen(at, at)}, claims={"phone": {"pos": {nid: Claim(1, at, at, False)}}})
        for nid, at in ((old, 5), (new, 9))
    ]
    profiles = [
        Profile(tenant="t", nid=nid, sums=sums, cipher="") for nid, sums in zip((old, new), claims, strict=True)
    ]
    other = Profile(tenant="t", nid=hashed("card", 3), sums=Sums(orders=50))
    monkeypatch.setattr(view, "newest", lambda *_: [*profiles, other])
    entries = tuple(MemberOf(tenant="t", nid=nid, member_id="m", confidence=95, version=1) for nid in (old, new))
    found = view.view(Settings(home=tmp_path), Member("m", old, entries), RULES, clear=False)
    assert (found.sums.orders, found.sums.channels) == (2, {"till": Seen(5, 9)})
    ((attribute, rule, chosen),) = found.contacts
    assert (attribute, rule, chosen.value, chosen.source) == ("phone", "latest", new, "pos")


def test_an_attribute_is_trusted_by_named_sources_only() -> None:
    text = (Path(resolve.__code__.co_filename).parent / "rules.yml").read_text()
    with pytest.raises(BadInput):
        parse(text.replace("{rule: trusted, sources: [ecommerce, pos]}", "{rule: trusted}"), "x")
    assert RULES.attribute("email").trust == {"ecommerce": 1, "pos": 2}
    assert RULES.attribute("city").rule == "latest"


def test_an_erasure_that_was_begun_is_found_until_it_is_done(tmp_path: Path) -> None:
    pending = Pending(tmp_path)
    assert pending.find(["a"]) == ()
    pending.begin(("a", "b"))
    pending.begin(("c",))
    assert Pending(tmp_path).find(["x", "b"]) == ("a", "b")
    pending.end(("a", "b"))
    assert pending.find(["a"]) == ()
    assert pending.find(["c"]) == ("c",)


def test_copies_of_the_keys_are_remembered_and_renewed(tmp_path: Path) -> None:
    home, vault = tmp_path / "home", tmp_path / "vault"
    store = Keystore(home, SystemClock())
    assert key_copies.renew(home, vault, SystemClock()) == []
    before = store.data_keys(["card:1", "card:2"])
    key_copies.renew(home, vault, SystemClock())
    key_copies.renew(home, vault, SystemClock())
    assert key_copies.copies(home) == [vault]
    assert before["card:1"] is not None
    assert before["card:1"] in (vault / key_copies.KEYS).read_bytes()
    store.destroy(["card:1"])
    assert key_copies.renew(home, vault, SystemClock()) == ["card:1"]
    assert before["card:1"] not in (vault / key_copies.KEYS).read_bytes()
    rows = (
        sqlite3.connect(vault / key_copies.KEYS).execute("SELECT nid FROM data_keys WHERE key IS NOT NULL").fetchall()
    )
    assert rows == [("card:2",)]
    store.close()


def test_after_an_erasure_the_tables_are_published_anew_and_nothing_older_is_left(tmp_path: Path) -> None:
    settings = Settings(home=prepared(tmp_path))
    written = records(receipts(20), [])

    def published_again(count: int) -> int:
        return run(settings, quiet, source=Tape(written[:count]), check=unjudged).version

    first, second = published_again(len(written) // 2), published_again(len(written))
    store = Keystore(tmp_path, SystemClock())
    store.destroy(["card:1"])
    store.close()
    third = published_again(len(written))
    assert third > second > first
    marts = [published.version_of(file) for file in published.marts(tmp_path).glob("marts_*.duckdb")]
    assert marts == [third]
