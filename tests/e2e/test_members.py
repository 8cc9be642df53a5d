"""Members on the real broker with the real worker: shown, explained, cut, joined, ruled anew, and erased for good."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from cryptography.exceptions import InvalidTag
from ruamel.yaml import YAML

import oneid
from connectors import kafka
from connectors.keystore import Keystore
from connectors.settings import Settings
from connectors.tokens import open_
from contracts.member_map import MemberChange, MemberOf
from contracts.orders import Order
from contracts.receipts import Token
from contracts.topics import TOPICS
from pipelines.newest import newest
from tests.installation import Installation, Said, running
from tests.pos_examples import StillClock, line, receipt
from tests.shopify_examples import delivery, order

pytestmark = pytest.mark.kafka
PRODUCTS = [{"sku": "WATER", "base_unit": "each", "units": {"each": "1"}, "department": "DRINKS"}]
PHONE, EMAIL, CARD = "13511112222", "anna.planted@shop-mail.cn", "C1001"
CUSTOMER = {"email": EMAIL, "phone": PHONE, "first_name": "植植", "last_name": "种"}
RECEIVER = {"name": "种莎莎", "address1": "种植路 77 号", "city": "上海"}
PLANTED = [PHONE, EMAIL, "anna.planted", CARD, "种植植", "植植", "种莎莎", "种植路"]
RULES = Path(oneid.__path__[0]) / "rules.yml"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("members") / "home"
    (home / "reference").mkdir(parents=True)
    (home / "reference" / "products-1.jsonl").write_text("\n".join(map(json.dumps, PRODUCTS)))
    with running(home) as installation:
        send(installation, *RECEIPTS)
        web = home.parent / "web.jsonl"
        web.write_bytes(delivery("orders/create", order(customer=CUSTOMER, shipping_address=RECEIVER)) + b"\n")
        installation.zhongtai("ingest", "ecommerce", "--format", "shopify", web)
        installation.settle()
        yield installation


def at_till(number: int, *identifiers: tuple[str, str], **change: Any) -> dict[str, Any]:
    shown = [{"type": type, "value": value} for type, value in identifiers]
    return receipt(number=number, identifiers=shown, **change)


RECEIPTS = [
    at_till(1, ("card", CARD), ("phone", PHONE)),
    at_till(2, ("card", "C1002"), ("phone", "13511113333")),
    at_till(3, ("card", "C1003"), ("phone", "13511114444")),
    at_till(4, ("card", "C1003"), ("phone", "13511115555"), at="2026-06-01T10:30:00+08:00"),
    at_till(5, ("card", CARD), lines=[line("1", 250)]),
]


def send(place: Installation, *receipts: dict[str, Any]) -> None:
    file = place.home.parent / f"receipts-{receipts[0]['number']}.jsonl"
    file.write_text("\n".join(map(json.dumps, receipts)) + "\n")
    place.zhongtai("ingest", "pos", file)


def member(place: Installation, *arguments: object, expect: int = 0) -> Said:
    return place.zhongtai("member", *arguments, expect=expect)


def shown(place: Installation, identifier: str) -> dict[str, Any]:
    return member(place, "show", identifier).last


def messages(settings: Settings, topic: str) -> Iterator[bytes]:
    """Everything of each record, as bytes."""
    for _, records, _ in kafka.read(settings, topic):
        for record in records:
            headers = [part for name, value in record.headers() or () for part in (name.encode(), value or b"")]
            yield b" ".join([record.key() or b"", record.value() or b"", *headers])


def topics_but_raw() -> list[str]:
    return [topic.name for topic in TOPICS if not topic.name.startswith("raw.")]


def files(place: Installation, under: str = "") -> Iterator[tuple[str, bytes]]:
    """Every file of a folder of the home but Kafka's: its bytes, and where those are compressed, all values that stand in it."""
    for file in (place.home / under).rglob("*"):
        name = str(file.relative_to(place.home))
        if not file.is_file() or name.startswith("kafka/"):
            continue
        yield name, file.read_bytes()
        if file.suffix == ".parquet":
            yield name, repr(pl.read_parquet(file).to_dicts()).encode()
        if file.suffix == ".duckdb":
            with duckdb.connect(str(file), read_only=True) as opened:
                for schema, table in opened.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
                    rows = opened.execute(f'SELECT * FROM "{schema}"."{table}"').fetchall()
                    yield f"{name} {schema}.{table}", repr(rows).encode()


def holding(read: list[tuple[str, bytes]], values: list[bytes], under: str = "") -> list[str]:
    """Where in what `files` read, below a folder, one of these values stands."""
    return [name for name, text in read if name.startswith(under) and any(value in text for value in values)]


def planted(place: Installation, read: list[tuple[str, bytes]]) -> list[str]:
    """Where a clear value stands outside `raw.*`: topics, lake, tables, logs, keys."""
    clear = [value.encode() for value in PLANTED]
    found = [t for t in topics_but_raw() if any(value in m for m in messages(place.settings, t) for value in clear)]
    return found + holding(read, clear)


def ciphers(settings: Settings, nids: set[str]) -> set[Token]:
    """The ciphertexts of these identifiers, wherever they stand in topics."""
    found: set[Token] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("nid") in nids and value.get("cipher"):
                found.add(Token(value["nid"].partition(":")[0], value["nid"], value["cipher"]))
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    for topic in topics_but_raw():
        for _, records, _ in kafka.read(settings, topic):
            for record in records:
                if record.value():
                    walk(json.loads(record.value()))
    return found


def opens(home: Path, tokens: set[Token]) -> int:
    store = Keystore(home, StillClock())
    try:
        keys = store.find(token.nid for token in tokens)
        return sum(_opens(keys.get(token.nid), token) for token in tokens)
    finally:
        store.close()


def _opens(key: bytes | None, token: Token) -> bool:
    try:
        return key is not None and bool(open_(key, token))
    except InvalidTag:
        return False


def live(place: Installation) -> dict[str, str]:
    return {one.nid: one.member_id for one in newest(place.settings, "state.member_map", MemberOf)}


def test_a_member_is_shown_from_all_sides(place: Installation) -> None:
    found = shown(place, PHONE)
    assert (found["identifiers"], found["orders"], found["visits"]) == (3, 3, 2)
    assert found["spend_cents"] == {"CNY": 400 + 250 + 1200}
    assert shown(place, f"card:{CARD}") == shown(place, found["member"]) == found
    whole = member(place, "show", CARD, "--json").last
    assert whole["profile"]["categories"] == {"DRINKS": 3}
    assert PHONE not in json.dumps(whole)
    clear = member(place, "show", CARD, "--json", "--clear").last
    assert {one.get("value") for one in clear["identifiers"]} == {CARD, EMAIL, "+86" + PHONE}
    assert [c["attribute"] for c in clear["contacts"]] == ["email", "phone"]
    tables = member(place, "show", CARD)
    assert "画像" in tables.out
    assert "会员卡" in tables.out
    assert PHONE not in tables.out


def test_who_is_nobody_is_not_found_and_not_repeated(place: Installation) -> None:
    said = member(place, "show", "13511119999", expect=1)
    assert "13511119999" not in said.err


def test_why_two_identifiers_are_one_persons_or_not(place: Installation) -> None:
    said = member(place, "why", CARD, EMAIL)
    assert (said.last["why"], said.last["refused"]) == ("together", [])
    assert said.last["path"] >= 2
    apart = member(place, "why", CARD, "C1002")
    assert apart.last == {"why": "apart", "path": 0, "refused": []}


def test_an_unmerge_parts_the_profiles_exactly_and_is_taken_back(place: Installation) -> None:
    whole = shown(place, CARD)
    done = member(place, "unmerge", CARD, PHONE, "--because", "two sisters", "--by", "ann")
    assert (done.last["together"], len(done.last["members"])) == (False, 2)
    card, phone = shown(place, CARD), shown(place, PHONE)
    assert (card["orders"], card["spend_cents"], card["visits"]) == (2, {"CNY": 650}, 2)
    assert (phone["orders"], phone["spend_cents"], phone["visits"]) == (1, {"CNY": 1200}, 0)
    why = member(place, "why", CARD, PHONE)
    assert why.last["why"] == "apart"
    member(place, "unmerge", CARD, PHONE, "--because", "again", expect=2)
    back = member(place, "allow", CARD, PHONE, "--because", "one sister")
    assert back.last["together"]
    assert shown(place, CARD) == whole


def test_of_several_words_on_a_pair_the_latest_holds(place: Installation) -> None:
    assert member(place, "merge", CARD, "C1002", "--because", "both shown").last["together"]
    assert shown(place, CARD)["member"] == shown(place, "C1002")["member"]
    assert not member(place, "forbid", CARD, "C1002", "--because", "father and son", "--by", "ann").last["together"]
    why = member(place, "why", CARD, "C1002")
    assert why.last["refused"] == ["cannot_link"]
    assert "father and son" in why.out
    assert not member(place, "allow", CARD, "C1002", "--because", "as before").last["together"]
    assert member(place, "why", CARD, "C1002").last["refused"] == []
    member(place, "allow", CARD, "C1002", "--because", "nothing is left", expect=2)


def moves(file: Path) -> dict[str, tuple[str, str, str]]:
    """A plan's file: identifier → its member before and after, "" for none, and what becomes of it."""
    rows = pl.read_parquet(file).iter_rows(named=True)
    return {row["nid"]: (row["before"] or "", row["after"] or "", row["kind"]) for row in rows}


def told(settings: Settings, since: int) -> dict[str, tuple[str, str, str]]:
    """The same, as the events of changes after a version of the map tell it."""
    words = {"new": "appear", "erase": "vanish"}
    changes = [one for one in newest(settings, "event.member_change", MemberChange) if one.version > since]
    return {nid: (one.before, one.after, words.get(one.kind, one.kind)) for one in changes for nid in one.nids}


def version(place: Installation) -> int:
    return max(one.version for one in newest(place.settings, "state.member_map", MemberOf))


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str, str]]:
    both = {nid: (before.get(nid, ""), after.get(nid, "")) for nid in before.keys() | after.keys()}
    return {nid: (was, now) for nid, (was, now) in both.items() if was != now}


def test_rules_that_are_applied_give_exactly_what_the_plan_showed(place: Installation, tmp_path: Path) -> None:
    """With the rules that come to try, and with some that drop a type; the platform's own bring everything back, ids included."""
    written = YAML()
    without = written.load(RULES.read_text())
    del without["identifiers"]["email"]
    without["blocked"] = [one for one in without["blocked"] if one["type"] != "email"]
    with (tmp_path / "no-email.yml").open("w") as file:
        written.dump(without, file)
    first = live(place)
    file = tmp_path / "moves.parquet"
    for rules, kinds in (
        ("tight", {"split"}),
        (tmp_path / "no-email.yml", {"merge", "vanish"}),
        ("platform", {"appear"}),
    ):
        before, since = live(place), version(place)
        shown = place.zhongtai("oneid", "plan", rules, "--out", file).last
        planned = moves(file)
        assert {kind for _, _, kind in planned.values()} >= kinds
        assert shown["moved"] + shown["appeared"] + shown["vanished"] == len(planned) > 0
        assert live(place) == before, "a plan changes nothing"

        done = place.zhongtai("oneid", "apply", rules, "--plan", file, "--because", "to try", "--yes").last
        assert (done["taken"], done["different"], done["moved"]) == (True, 0, shown["moved"])
        assert differences(before, live(place)) == {nid: (was, now) for nid, (was, now, _) in planned.items()}
        assert told(place.settings, since) == planned
        assert place.zhongtai("oneid", "audit").last["audit"] == "equal"
    assert live(place) == first
    again = place.zhongtai("oneid", "plan", "platform", "--out", tmp_path / "again.parquet").last
    assert (again["moved"], again["appeared"], again["vanished"], moves(tmp_path / "again.parquet")) == (0, 0, 0, {})
    stale = place.zhongtai("oneid", "apply", "platform", "--plan", file, "--because", "again", "--yes", expect=2)
    assert "Nothing was applied" in stale.err


@pytest.mark.timeout(600)
def test_who_is_erased_is_gone_everywhere_and_for_good(place: Installation, tmp_path: Path) -> None:
    settings, home = place.settings, place.home
    place.zhongtai("run")
    place.zhongtai("backup", tmp_path / "backup", "--keys", tmp_path / "vault")
    mine = {one["nid"] for one in member(place, "show", CARD, "--json").last["identifiers"]}
    nids = [nid.encode() for nid in mine]
    sealed = ciphers(settings, mine)
    assert {token.nid for token in sealed} == mine
    assert opens(home, sealed) == len(sealed)
    read = list(files(place))
    assert planted(place, read) == []
    assert holding(read, nids, "lake/"), "what the lake holds is read"
    assert [name for name in holding(read, [b"WATER"], "marts/") if name.endswith("dwd_trade_receipt_line")]
    assert holding(read, nids, "marts/") == [], "what is published tells of receipts who showed something, and not what"
    assert holding(read, [token.cipher.encode() for token in sealed]) == [], "ciphers stand in topics only"
    shutil.copytree(tmp_path / "vault", tmp_path / "old vault")

    assert "--yes" in member(place, "erase", PHONE, "--because", "request 4711", expect=2).err
    done = member(place, "erase", PHONE, "--because", "request 4711", "--yes").last
    assert (done["erased"], done["keys"], done["copies_left"]) == (len(mine), len(mine), 0)

    assert opens(home, sealed) == 0
    assert holding(list(files(place, "marts")), nids) == []
    member(place, "show", CARD, expect=1)
    late = at_till(9, ("card", CARD), ("phone", PHONE), at="2026-11-21T10:30:00+08:00")
    send(place, late, at_till(10, ("card", "C1002")))
    place.settle()
    place.zhongtai("run")
    member(place, "show", CARD, expect=1)
    member(place, "show", PHONE, expect=1)
    assert shown(place, "C1002")["orders"] == 2

    states = [topic.name for topic in TOPICS if topic.name.startswith("state.")] + ["log.resolve_members"]
    assert {"state.member_map", "state.profile", "state.order", "state.tag"} <= set(states)
    for topic in states:
        held = [key for key, value in _newest(settings, topic) if any(n in key + value for n in nids)]
        assert held == [], topic
    assert len(newest(settings, "state.order", Order)) == 8, "the orders stay"
    assert len([f for f in (home / "marts").rglob("marts_*") if f.is_file()]) <= 2
    read = list(files(place))
    assert holding(read, nids, "marts/") == []
    assert opens(home, ciphers(settings, mine)) == 0
    assert planted(place, read) == []

    # A backup from before, with the copy of the keys that the erasure has renewed; and with one that nobody renewed.
    place.zhongtai("backup", tmp_path / "later", "--keys", tmp_path / "vault")
    for name, keys in (("new", "vault"), ("newer", "old vault")):
        restored = Installation(tmp_path / name)
        restored.zhongtai("restore", tmp_path / "backup", "--keys", tmp_path / keys)
        assert opens(restored.home, sealed) == 0, keys
    again = place.zhongtai("rebuild").last
    assert again["different"] == 0


def _newest(settings: Settings, topic: str) -> list[tuple[bytes, bytes]]:
    values: dict[bytes, bytes | None] = {}
    for _, records, _ in kafka.read(settings, topic):
        values |= {record.key(): record.value() for record in records}
    return [(key, value) for key, value in values.items() if value is not None]
