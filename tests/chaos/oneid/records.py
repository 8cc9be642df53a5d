"""Random histories of records through the steps of the jobs: each profile equals a rebuild from the log, bit for bit.

Receipts, messages about web orders, calls, stewards' cuts and erasures come in a random order and in batches of a random
size, some of the records late, after their owner was erased. The rebuild adds up, in another order, what the log holds without
what was erased, with each order joined from all its facts at once. Now and then the jobs and the resolver are made again from
what they stored.
"""

import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, TypeVar

from centers.orders import join
from centers.orders.receipts import fact
from contracts.behaviour import Behaviour
from contracts.keys import key
from contracts.members import Profile, ProfileFact, Sums
from contracts.orders import Order, OrderFact, OrderLine, Refund, Snapshot
from contracts.receipts import Origin, Receipt, ReceiptLine, Token
from contracts.wire import Record, decoder, encode
from oneid.contributions import Contributor, erased
from oneid.evidence import CLASSES, Evidence, Observation, Ruling
from oneid.profiles import total, written
from oneid.resolve import resolve
from oneid.resolver import Resolver
from pipelines.batch import Run, State
from pipelines.jobs import event_order_to_state_order as orders
from pipelines.jobs import event_profile_fact_to_state_profile as profiles
from pipelines.profiles import platform_rules
from tests.chaos.oneid.restarts import Log, points

RULES = platform_rules()
SAYS = Contributor(RULES.priority)
DEPARTMENTS = {f"sku{n}": f"D{n % 3}" for n in range(9)}
TYPES = ("card", "phone", "login", "device", "email")
NOWHERE = Origin("", 0, 0)
Said = Receipt | OrderFact | Behaviour
R = TypeVar("R", bound=Record)


def history(seed: int) -> tuple[list[Said | Ruling], random.Random]:
    """Records and rulings in the order in which they come."""
    dice = random.Random(f"records {seed}")
    tokens = [_token(kind, n) for kind in TYPES for n in range(3)]
    steps: list[Said | Ruling] = []
    for n in range(dice.randint(2, 8)):
        shown = tuple(dice.sample(tokens, dice.randint(0, 3)))
        steps += dice.choice((_at_till, _web_order, _calls))(dice, n, shown)
    for n in range(dice.randint(0, 3)):
        a, b = (token.nid for token in dice.sample(tokens, 2))
        kind: Any = dice.choice(("erase", "erase", "cannot_link"))
        steps.append(Ruling(f"{kind}-{n}", 1, kind, a, b if kind == "cannot_link" else ""))
    dice.shuffle(steps)
    return steps, dice


def _token(kind: str, n: int) -> Token:
    nid = f"{kind}:{n:016x}{TYPES.index(kind):016x}"
    return Token(kind, nid, f"cipher of {nid}")


def _moment(dice: random.Random) -> str:
    return f"2026-11-{dice.randint(1, 28):02}T{dice.randint(0, 23):02}:{dice.randint(0, 59):02}:00Z"


def _skus(dice: random.Random) -> list[str]:
    return dice.sample(sorted(DEPARTMENTS), dice.randint(1, 4))


def _at_till(dice: random.Random, n: int, shown: tuple[Token, ...]) -> list[Said]:
    sold = _receipt(dice, n, "sale", shown)
    found: list[Said] = [sold]
    if dice.random() < 0.4:
        kind, original = dice.choice(("return", "void")), dice.choice((sold.receipt_id, sold.receipt_id, None))
        found.append(_receipt(dice, n + 100, kind, dice.choice(((), shown)), original_id=original))
    return found


def _receipt(dice: random.Random, n: int, kind: Any, shown: tuple[Token, ...], **change: Any) -> Receipt:
    sign = 1 if kind == "sale" else -1
    lines = tuple(
        ReceiptLine(i, sku, sign, "each", sign * dice.randint(1, 900)) for i, sku in enumerate(_skus(dice), 1)
    )
    given = {
        "tenant": "t", "receipt_id": f"r{n}", "kind": kind, "store": f"S{dice.randrange(3)}", "till": "1", "clerk": "c",
        "number": n,
        "business_date": "2026-11-22", "at": _moment(dice), "currency": dice.choice(("CNY", "HKD")),
        "total_cents": sum(line.amount_cents for line in lines), "lines": lines, "tenders": (), "identifiers": shown,
        "products_version": 1, "received_at": "2026-11-30T03:00:00Z", "origin": NOWHERE,
    }  # fmt: skip
    return Receipt(**given | change)


def _web_order(dice: random.Random, n: int, shown: tuple[Token, ...]) -> list[Said]:
    found: list[Said] = []
    for version in range(dice.randint(1, 3)):
        tokens = shown[: dice.randint(0, len(shown))] if version == 0 else shown
        found.append(_message(dice, n, version, snapshot=_snapshot(dice, version, tokens)))
    if dice.random() < 0.5:
        at = _moment(dice)
        found.append(_message(dice, n, 7, refunds=(Refund("b", at, at, "CNY", dice.randint(1, 400)),)))
    if dice.random() < 0.2:
        found.append(_message(dice, n, 8, cancelled_at="2026-11-28T10:00:00Z"))
    if dice.random() < 0.3:
        found.append(_receipt(dice, n + 200, "sale", shown[:1], web_order_id=f"o{n}"))
    return found


def _message(dice: random.Random, n: int, part: int, **says: Any) -> OrderFact:
    return OrderFact(
        tenant="t", fact_id=f"f{n} {part}", order_id=f"o{n}", channel="web", source="shopify", shop="shop", kind="updated",
        version=f"2026-11-22T10:00:0{part}Z", at=_moment(dice), known_at="2026-11-30T03:00:00Z", origin=NOWHERE, **says,
    )  # fmt: skip


def _snapshot(dice: random.Random, version: int, tokens: tuple[Token, ...]) -> Snapshot:
    lines = tuple(OrderLine(i, str(i), 1, sku, 1, "each", 100) for i, sku in enumerate(_skus(dice), 1))
    return Snapshot(
        version=f"2026-11-22T10:00:0{version}Z", rank=0, number="1", placed_at="2026-11-22T10:00:00Z", payment="paid",
        currency="CNY", total_cents=dice.randint(500, 900), shipping_cents=0, tax_cents=0, other_cents=0, lines=lines,
        identifiers=tokens,
    )  # fmt: skip


def _calls(dice: random.Random, n: int, shown: tuple[Token, ...]) -> list[Said]:
    return [
        Behaviour(
            tenant="t", event_id=f"e{n} {i}", kind=dice.choice(("page", "screen", "track", "identify")), name="x",
            at=_moment(dice), received_at="2026-11-30T03:00:00Z", identifiers=shown, origin=NOWHERE,
        )
        for i in range(dice.randint(1, 3))
    ]  # fmt: skip


class Live:
    """The steps of the jobs, with topics between them. Erasing is what `zhongtai member erase` does."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.gone: set[str] = set()
        self.orders = _state(Order, None)
        self.profiles = _state(Profile, None)
        self._keep_orders = orders.prepared(SAYS, lambda: self.gone, lambda: DEPARTMENTS), orders.stepping(SAYS)
        self._keep_profiles = profiles.prepared(lambda: self.gone), profiles.step

    def restart(self) -> None:
        """As workers that have nothing but what is stored."""
        self.orders = _state(Order, self.orders)
        self.profiles = _state(Profile, self.profiles)

    def take(self, records: Iterable[Said]) -> None:
        facts: list[Record] = []
        about_orders: list[Record] = []
        for record in records:
            if isinstance(record, OrderFact):
                about_orders.append(record)
            elif isinstance(record, Receipt):
                facts += SAYS.of_receipt(record, DEPARTMENTS)
                about_orders.append(fact(record, NOWHERE))
            else:
                facts += SAYS.of_behaviour(record)
        facts += self._run(self._keep_orders, self.orders, about_orders)
        self._dice.shuffle(facts)
        self._run(self._keep_profiles, self.profiles, facts)

    def erase(self, nid: str) -> None:
        """Keys first; then the erasure is told, and the orders that hold the identifier forget it."""
        self.gone.add(nid)
        self._run(self._keep_profiles, self.profiles, [erased("t", f"erase|{nid}", nid, "2026-11-30T03:00:00Z")])
        forget: list[Record] = []
        for own in sorted(self.orders.keys()):
            order = self.orders.get(own)
            if order and order.snapshot and any(token.nid == nid for token in order.snapshot.identifiers):
                forget.append(_forgetting(order, nid))
        self._run(self._keep_profiles, self.profiles, self._run(self._keep_orders, self.orders, forget))

    def _run(self, job: tuple[Any, Any], state: State[Any], records: list[Any]) -> list[Record]:
        prepare, step = job
        sent: list[Record] = []
        while records:
            size = self._dice.randint(1, len(records))
            some, records = records[:size], records[size:]
            effects = step(state, prepare(_run_of(some)))
            state.change(effects.changes)
            state.take()
            sent += [output.record for output in effects.outputs]
        return sent


def _state(kind: type[R], before: State[R] | None) -> State[R]:
    """A state of what another one holds, in bytes."""
    held = {at: before.get(at) for at in sorted(before.keys())} if before is not None else {}
    return State(decoder(kind), {at: encode(value) for at, value in held.items() if value is not None})


def _forgetting(order: Order, nid: str) -> OrderFact:
    return OrderFact(
        tenant="t", fact_id=f"forget {order.order_id} {nid}", order_id=order.order_id, channel=order.channel, source=order.source,
        shop=order.shop, kind="updated", version=order.placed_at, at="2026-11-30T03:00:00Z", known_at="2026-11-30T03:00:00Z",
        origin=NOWHERE, forgets=(nid,),
    )  # fmt: skip


def _run_of(records: list[Record]) -> Run:
    n = len(records)
    return Run("x", 0, 0, n, list(range(n)), [b""] * n, [encode(r) for r in records], [0] * n, [()] * n)


def rebuilt(records: Iterable[Said], gone: set[str]) -> dict[str, Sums]:
    """What each identifier gathered, from the log alone."""
    adds: list[ProfileFact] = []
    of_order: dict[str, list[OrderFact]] = defaultdict(list)
    for record in records:
        if isinstance(record, Behaviour):
            adds += SAYS.of_behaviour(record)
            continue
        if isinstance(record, Receipt):
            adds += SAYS.of_receipt(record, DEPARTMENTS)
        said = fact(record, NOWHERE) if isinstance(record, Receipt) else record
        of_order[said.order_id].append(said)
        adds += SAYS.of_web_order(said)
    for facts in of_order.values():
        whole: Order | None = None
        for said in reversed(facts):
            whole = join.add(whole, said)
        assert whole is not None
        adds += SAYS.of_order(None, whole, facts[0], DEPARTMENTS)
    parts: dict[str, list[Sums]] = defaultdict(list)
    for add in reversed(adds):
        parts[add.nid].append(add.sums)
    return {nid: total(some) for nid, some in parts.items() if nid not in gone}


def differences(seed: int) -> list[str]:
    steps, dice = history(seed)
    live, resolver, log = Live(dice), Resolver(RULES), Log(RULES)
    restarts = points(f"records {seed}", len(steps))
    taken: list[Said] = []
    seen: list[Observation] = []
    rulings: list[Ruling] = []
    batch = 0
    while steps:
        size = dice.randint(1, 4)
        some, steps = steps[:size], steps[size:]
        for step in some:
            if isinstance(step, Ruling):
                rulings.append(step)
                resolver.apply([], [step])
                log.take([], [step])
                if step.kind == "erase":
                    live.erase(step.a)
        new = [step for step in some if not isinstance(step, Ruling)]
        live.take(new)
        taken += new
        shown = [one for one in map(_observed, new) if one.nids]
        seen += shown
        resolver.apply(shown)
        log.take(shown)
        batch += 1
        if batch in restarts:
            live.restart()
            resolver = log.restarted()
    again = rebuilt(taken, live.gone)
    standing = _standing(live)
    found = []
    if {n: written(s) for n, s in standing.items() if s != Sums()} != {
        n: written(s) for n, s in again.items() if s != Sums()
    }:
        found.append(f"records {seed}: what an identifier gathered differs from its rebuild")
    now = dict(resolver.holders())
    if _by_member(now, standing) != _by_member(_resolved(seen, rulings), again):
        found.append(f"records {seed}: a member's profile differs from its rebuild")
    if any(nid.encode() in encode(live.orders.get(own)) for own in sorted(live.orders.keys()) for nid in live.gone):
        found.append(f"records {seed}: an order still holds an erased identifier")
    return found


def _standing(live: Live) -> dict[str, Sums]:
    found = {own: live.profiles.get(own) for own in sorted(live.profiles.keys())}
    assert all(value is not None and own == key("t", value.nid) for own, value in found.items())
    return {value.nid: value.sums for value in found.values() if value is not None}


def _observed(record: Said) -> Observation:
    tokens = (
        (record.snapshot.identifiers if record.snapshot else ())
        if isinstance(record, OrderFact)
        else record.identifiers
    )
    return Observation(1_795_000_000, CLASSES["B"], tuple(sorted({token.nid for token in tokens})))


def _resolved(seen: list[Observation], rulings: list[Ruling]) -> dict[str, str]:
    evidence = Evidence()
    for said in rulings:
        evidence.rule(said)
    for one in reversed(seen):
        evidence.observe(one, RULES.priority)
    answer = resolve(evidence, RULES)
    holders = {nid: answer.holder(nid) for one in seen for nid in one.nids}
    return {nid: holder for nid, holder in holders.items() if holder}


def _by_member(holders: dict[str, str], sums: dict[str, Sums]) -> dict[str, bytes]:
    members: dict[str, list[str]] = defaultdict(list)
    for nid, holder in holders.items():
        members[holder].append(nid)
    return {
        member: written(total(sums[nid] for nid in sorted(nids) if nid in sums)) for member, nids in members.items()
    }
