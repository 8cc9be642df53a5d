"""One member and the shops, as the live view holds them, and what F says of the identifiers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

from connectors.clock import SystemClock
from connectors.keystore import Keystore
from contracts.evidence import Ruling
from contracts.keys import key
from contracts.masters import Store
from contracts.member_map import MemberOf
from contracts.members import Consent, Profile, Seen, Sums
from contracts.receipts import Origin
from contracts.stock import StockLevel
from contracts.wire import Record, encode
from oneid.evidence import CLASSES
from oneid.identifiers import nid
from oneid.resolve import Decision, Edge, Resolution
from oneid.rules import parse
from oneservice.live.surroundings import Around
from oneservice.live.view import Change, Run, View
from tests.warehouse.synthetic import TENANT

PHONE = "138 0013 8000"
MEMBER = "m-abcdefghijklmnop"
CROWDED = "m-qrstuvwxyzabcdef"  # has one card, and very much around it
STRANGER, SISTER = "card:" + "c" * 32, "card:" + "d" * 32
KIOSK, NOBODYS = "device:" + "e" * 32, "phone:" + "f" * 32
MS = 1_795_000_000_000
RULES = parse((files("oneid") / "rules.yml").read_text("utf-8"), "oneid/rules.yml")
# On whose clock each shop lives; of S6 and S8 nobody knows.
CLOCKS = {f"S{n}": ("Asia/Shanghai", 4) for n in range(6)} | {"S7": ("America/New_York", 4)}
SUMS = Sums(
    orders=5,
    visits=7,
    spend={"CNY": 12_345},
    channels={"till": Seen(1_790_000_000, 1_795_000_000)},
    stores={"S1": 4, "S2": 1},
    categories={"GROCERY": 3},
    consents={"marketing": Consent(1_794_000_000, False, "app")},
)


def live(home: Path) -> None:
    """Fills the live view of a home: a member with a phone, a card and a device, the stock of P1, and shops."""
    store = Keystore(home, SystemClock())
    tenant_key = store.tenant_key(TENANT)
    store.close()
    values = {"phone": "+8613800138000", "card": "C0001", "device": "a" * 31 + "b"}
    nids = [nid(tenant_key, type, value) for type, value in values.items()]
    members = [MemberOf(tenant=TENANT, nid=one, member_id=MEMBER, confidence=95, version=1) for one in nids]
    crowd = nid(tenant_key, "card", "C0002")
    alone = MemberOf(tenant=TENANT, nid=crowd, member_id=CROWDED, confidence=99, version=2)
    level = StockLevel(
        tenant=TENANT, sku="P1", location="S1", on_hand=41, unit="each", movements=3, as_of="2026-11-20T10:00:00Z"
    )
    view = View(home / "service" / "live.sqlite")
    _fill(view, "state.member_map", [((one.nid,), one, one.member_id) for one in (*members, alone)])
    _fill(view, "state.profile", [((nids[0],), Profile(tenant=TENANT, nid=nids[0], sums=SUMS), None)])
    _fill(view, "state.stock_level", [(("P1", "S1"), level, None)])
    _fill(view, "state.store", [((shop,), _shop(shop, *clock), None) for shop, clock in CLOCKS.items()])
    view.close()


def _shop(shop: str, zone: str, day_cut_hour: int) -> Store:
    at = "2026-11-01T00:00:00Z"
    return Store(
        tenant=TENANT, change="upsert", source="csv", version=(1,), at=at, known_at=at, origin=Origin("raw.erp", 0, 1),
        store=shop, name=shop, kind="store", organisation="O1", zone=zone, day_cut_hour=day_cut_hour,
        currency="CNY", gln="", opened_on="", closed_on="",
    )  # fmt: skip


def _fill(view: View, topic: str, records: list[tuple[tuple[str, ...], Record, str | None]]) -> None:
    now = datetime.now(UTC)
    view.begin(topic, "c/1")
    view.apply([Run(topic, 0, [Change(key(TENANT, *parts), encode(one), MS, also) for parts, one, also in records], 9)])
    view.complete(topic, now)
    view.shown(topic, now)


def reasons(nids: Sequence[str]) -> Around:
    """The first identifier is joined with each of the others; with a stranger's card by nothing but a refused edge.

    A kiosk's device stands beside it, a blocked phone, and a card that a steward keeps apart.
    """
    if len(nids) == 1:
        return crowded(nids[0])
    first, *others = nids
    joined = [Decision(Edge(first, one, CLASSES["B"], 1, 1_790_000_000), "") for one in others]
    refused = Decision(Edge(STRANGER, first, CLASSES["C"], 2, 1_794_000_000), "name")
    left = [
        Decision(Edge(KIOSK, first, CLASSES["C"], 2, 1_793_000_000), "generic"),
        Decision(Edge(first, NOBODYS, CLASSES["B"], 2, 1_792_000_000), "blocked"),
        Decision(Edge(SISTER, first, CLASSES["A"], 0, 1_791_000_000), "cannot_link"),
    ]
    births = dict.fromkeys(nids, first) | {STRANGER: STRANGER}
    word = Ruling(
        tenant=TENANT, id="cannot_link|1", seq=1, kind="cannot_link", at="2026-11-20T10:00:00Z", a=SISTER, b=first,
        by="ana", reason="two sisters",
    )  # fmt: skip
    decisions = (refused, *joined, *left)
    dead = {KIOSK: "generic", NOBODYS: "blocked"}
    return Around(Resolution(births, {}, list(decisions)), RULES, decisions, dead, {(SISTER, first): word})


def crowded(card: str, joined: int = 95, refused: int = 40) -> Around:
    """A card with more devices and strangers around it than can be drawn."""
    times = [1_790_000_000 + 86_400 * n for n in range(max(joined, refused))]
    names = [blake2b(b"%d" % n, digest_size=16).hexdigest() for n in range(joined + refused)]
    edges = [Decision(Edge(f"card:{names[n]}", card, CLASSES["C"], 2, times[n]), "class") for n in range(refused)]
    edges += [Decision(Edge(card, f"device:{names[-1 - n]}", CLASSES["A"], 0, times[n]), "") for n in range(joined)]
    births = {card: card} | {one.edge.b: card for one in edges if not one.rule}
    return Around(Resolution(births, {}, edges), RULES, tuple(edges), whole=False)
