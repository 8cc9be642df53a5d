"""What must be true in the end, judged from the tills' own notes and from the topics, with no code of the outbox or the jobs.

1. Every record that a till was told is safe arrived, or (behaviour, over budget) was declared shed, or (damaged disk) lost.
2. A number stands for one record: what arrived under it is what was appended under it, however often it came.
3. Every receipt that arrived is one `event.receipt`, with its amount; there are no others.
4. Of what waited while the line was down, payments and stock arrived before any behaviour.
5. Numbers of a lane arrived in order.
6. A cursor that a killed process left behind never passed what the broker had by then.
7. The centre knows: no gap is left, and seen, shed and lost make up every number given out.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from connectors import kafka
from connectors.settings import Settings
from tests.chaos.edge.shop import LANES, Plan, payload

RAW = {"raw.pos": "payments", "raw.wms": "stock", "raw.ecommerce": "behaviour"}
TOPICS = (*RAW, "event.receipt", "state.edge")
MOST_LOST = 80  # of a damaged page or two


class Id(NamedTuple):
    store: str
    epoch: str
    lane: str
    seq: int


class Noted(NamedTuple):
    """A cursor as it stood when a process had been killed."""

    at_ms: int
    store: str
    epoch: str
    lane: str
    acked: int


class Witness:
    """Everything of one tenant that arrives from now on."""

    def __init__(self, settings: Settings, tenant: str) -> None:
        self._settings = settings
        self._tenant = tenant.encode() + b"|"
        self._consumer = Consumer(
            settings.librdkafka()
            | {"group.id": f"witness-{tenant}", "enable.auto.commit": False, "isolation.level": "read_committed"}
        )
        self._parts = []
        for topic in TOPICS:
            for part, (_, high) in kafka.spans(self._consumer, topic).items():
                self._parts.append(TopicPartition(topic, part, high))
        self._consumer.assign(self._parts)
        self.first: dict[Id, int] = {}  # when a record first arrived, by the broker's clock
        self.order: dict[Id, int] = {}
        self.digests: dict[Id, set[str]] = defaultdict(set)
        self.receipts: Counter[tuple[str, int, int]] = Counter()  # store, number, amount
        self.edges: dict[tuple[str, str, str], dict[str, Any]] = {}

    def look(self, wait_s: float) -> int:
        """Takes what has come; how many records that were."""
        got = self._consumer.consume(5_000, timeout=wait_s)
        for message in got:
            if not message.error() and (message.key() or b"").startswith(self._tenant):
                self._take(message)
        return len(got)

    def drain(self) -> None:
        """Reads to the ends as they are now. They are asked for apart: here each answer would wait behind a fetch."""
        asking = kafka.reader(self._settings)
        try:
            ends = {(topic, n): end for topic in TOPICS for n, (_, end) in kafka.spans(asking, topic).items()}
        finally:
            asking.close()
        for _ in range(600):
            self.look(0.1)
            at = {(p.topic, p.partition): p.offset for p in self._consumer.position(self._parts)}
            began = {(p.topic, p.partition): p.offset for p in self._parts}
            if all((at[tp] if at[tp] >= 0 else began[tp]) >= end for tp, end in ends.items()):
                return

    def close(self) -> None:
        self._consumer.close()

    def _take(self, message: Any) -> None:
        topic = message.topic()
        if topic in RAW:
            store, epoch, lane, seq = dict(message.headers() or ())["zt_edge"].decode().split("|")
            one = Id(store, epoch, lane, int(seq))
            self.first.setdefault(one, message.timestamp()[1])
            self.order.setdefault(one, message.offset())
            self.digests[one].add(_digest(message.value()))
        else:
            told = json.loads(message.value())
            if topic == "event.receipt":
                self.receipts[told["store"], told["number"], told["total_cents"]] += 1
            else:
                self.edges[told["store"], told["epoch"], told["lane"]] = told


class Shop(NamedTuple):
    """What one shop's till noted, and what was done to its line."""

    plan: Plan
    acknowledged: list[dict[str, Any]]
    swallowed: set[str]


def _digest(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def _numbers(ranges: Iterable[Iterable[int]]) -> set[int]:
    return {n for low, high in ranges for n in range(low, high + 1)}


def complete(witness: Witness, shops: Iterable[Shop]) -> bool:
    """Whether nothing is under way any more: the time to judge. (What never comes is judged after a while.)"""
    for shop in shops:
        given = _given(shop)
        if any(one not in witness.first and not _excused(witness, one) for one in given):
            return False
        edges = [edge for (store, _, _), edge in witness.edges.items() if store == shop.plan.store]
        if not edges or any(edge["gaps"] for edge in edges):
            return False
        top = {(one.epoch, one.lane): 0 for one in given}
        for one in given:
            top[one.epoch, one.lane] = max(top[one.epoch, one.lane], one.seq)
        if any(witness.edges.get((shop.plan.store, *place), {}).get("last", 0) < seq for place, seq in top.items()):
            return False
    return True


def judge(witness: Witness, shops: list[Shop], noted: list[Noted]) -> list[str]:
    """Every violation, in words. Empty: all seven hold."""
    found: list[str] = []
    for shop in shops:
        given = _given(shop)
        found += _all_there(witness, shop, given)
        found += _one_record_a_number(witness, shop, given)
        found += _receipts_once(witness, shop)
        found += _dear_first(witness, shop, given)
        found += _in_order(witness, shop)
        found += _centre_knows(witness, shop, given)
    found += _cursors(witness, shops, noted)
    stray = {store for store, _, _ in witness.receipts} - {shop.plan.store for shop in shops}
    return found + [f"receipts of no shop: {stray}"] * bool(stray)


def _given(shop: Shop) -> dict[Id, int]:
    """Every number that the till was given → which record stands under it."""
    return {
        Id(shop.plan.store, note["epoch"], note["lane"], note["seq"] + i): note["first"] + i
        for note in shop.acknowledged
        for i in range(note["count"])
    }


def _excused(witness: Witness, one: Id) -> bool:
    edge = witness.edges.get((one.store, one.epoch, one.lane), {})
    return one.seq in _numbers(edge.get("shed", ())) | _numbers(edge.get("lost", ()))


def _all_there(witness: Witness, shop: Shop, given: dict[Id, int]) -> list[str]:
    found = []
    refused = [n for n in shop.acknowledged if not n["count"] and n["lane"] != "behaviour"]
    if refused:
        found.append(f"{shop.plan.store}: {len(refused)} commits of dear lanes refused")
    for one in given:
        if one in witness.first:
            continue
        edge = witness.edges.get((one.store, one.epoch, one.lane), {})
        shed, lost = _numbers(edge.get("shed", ())), _numbers(edge.get("lost", ()))
        if one.seq in shed and one.lane == "behaviour":
            continue
        if not (one.seq in lost and shop.plan.damage):
            found.append(f"{one} was acknowledged to the till and never arrived")
    return found


def _one_record_a_number(witness: Witness, shop: Shop, given: dict[Id, int]) -> list[str]:
    store = shop.plan.store
    counts = Counter[str]()
    for lane, count in shop.plan.work:
        counts[lane] += count
    real = {lane: {_digest(payload(store, lane, n)) for n in range(1, counts[lane] + 1)} for lane in LANES}
    found = []
    for one, digests in witness.digests.items():
        if one.store != store:
            continue
        if len(digests) > 1:
            found.append(f"{one} stands for {len(digests)} different records")
        elif not digests <= real[one.lane]:
            found.append(f"{one} is nothing that the till ever appended")
        elif one in given and digests != {_digest(payload(store, one.lane, given[one]))}:
            found.append(f"{one} is another record than the till was told")
    return found


def _receipts_once(witness: Witness, shop: Shop) -> list[str]:
    store = shop.plan.store
    total = sum(count for lane, count in shop.plan.work if lane == "payments")
    by_digest = {_digest(payload(store, "payments", n)): n for n in range(1, total + 1)}
    arrived = {
        by_digest[d]
        for one, digests in witness.digests.items()
        if one.store == store and one.lane == "payments"
        for d in digests
        if d in by_digest
    }
    wanted = Counter({(store, n, 100 + n % 900): 1 for n in arrived})
    real = Counter({place: count for place, count in witness.receipts.items() if place[0] == store})
    if real == wanted:
        return []
    return [f"{store}: receipts missing {list(wanted - real)[:5]}, too many {list(real - wanted)[:5]}"]


def _dear_first(witness: Witness, shop: Shop, given: dict[Id, int]) -> list[str]:
    """Of the backlog: what the till appended while it sent may come later."""
    offline: Counter[str] = Counter()
    for lane, count in shop.plan.offline:
        offline[lane] += count
    dear = [
        witness.first[one]
        for one, n in given.items()
        if one.lane != "behaviour"
        and n <= offline[one.lane]
        and one in witness.first
        and _name(one) not in shop.swallowed
    ]
    cheap = [at for one, at in witness.first.items() if one.store == shop.plan.store and one.lane == "behaviour"]
    if dear and cheap and max(dear) > min(cheap):
        return [f"{shop.plan.store}: behaviour arrived {max(dear) - min(cheap)} ms before the last payment that waited"]
    return []


def _in_order(witness: Witness, shop: Shop) -> list[str]:
    if shop.swallowed or shop.plan.damage:
        return []  # what is sent again comes later
    found = []
    lanes: dict[tuple[str, str], list[Id]] = defaultdict(list)
    for one in witness.order:
        if one.store == shop.plan.store:
            lanes[one.epoch, one.lane].append(one)
    for ids in lanes.values():
        ids.sort(key=witness.order.__getitem__)
        wrong = [b for a, b in pairwise(ids) if b.seq < a.seq]
        found += [f"{wrong[0]} arrived after a later number"] if wrong else []
    return found


def _centre_knows(witness: Witness, shop: Shop, given: dict[Id, int]) -> list[str]:
    found = []
    top: dict[tuple[str, str], int] = defaultdict(int)
    for one in given:
        top[one.epoch, one.lane] = max(top[one.epoch, one.lane], one.seq)
    for (epoch, lane), seq in top.items():
        edge = witness.edges.get((shop.plan.store, epoch, lane))
        if edge is None:
            found.append(f"{shop.plan.store} {epoch} {lane}: the centre never heard of it")
            continue
        seen, shed, lost = (_numbers(edge[word]) for word in ("seen", "shed", "lost"))
        arrived = {i.seq for i in witness.first if i[:3] == (shop.plan.store, epoch, lane)}
        if edge["gaps"] or edge["last"] < seq or seen | shed | lost != set(range(1, edge["last"] + 1)):
            found.append(f"{shop.plan.store} {epoch} {lane}: gaps {edge['gaps'][:3]}, last {edge['last']} of {seq}")
        if seen != arrived:
            found.append(f"{shop.plan.store} {epoch} {lane}: the centre counts {len(seen)}, {len(arrived)} arrived")
        if (shed and lane != "behaviour") or (lost and not shop.plan.damage) or len(lost) > MOST_LOST:
            found.append(f"{shop.plan.store} {epoch} {lane}: {len(shed)} shed, {len(lost)} lost")
    return found


def _cursors(witness: Witness, shops: list[Shop], noted: list[Noted]) -> list[str]:
    swallowed = {name for shop in shops for name in shop.swallowed}
    found = []
    for note in noted:
        for seq in range(1, note.acked + 1):
            one = Id(note.store, note.epoch, note.lane, seq)
            if (
                _name(one) not in swallowed
                and not _excused(witness, one)
                and witness.first.get(one, 1 << 60) > note.at_ms
            ):
                found.append(f"{one}: the cursor stood at {note.acked} when this was not on the broker")
                break
    return found


def _name(one: Id) -> str:
    return f"{one.store}|{one.epoch}|{one.lane}|{one.seq}"
