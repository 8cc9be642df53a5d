"""What an event adds to the profiles of the identifiers on it. Pure.

Whatever is counted counts once, at the event's strongest identifier. What knows no repeats (when and where an identifier was
seen, that it is a way to reach somebody) is said of each.

    event              at the strongest                                       at each
    receipt            a visit, its store, departments, SKUs, promotions      seen at the till
    web shop message   the SKUs of its order                                  seen in the web shop
    order, as known    that it is one, what was paid less what was paid
                       back, departments (of a web order); taken back
                       where it changes
    call               a visit, for a page or a screen; consents              seen on the web or in the app

An order's money follows from all that is known of the order (`centers.orders.join`), so what is rung up at a till for a web
order, is voided or comes back counts as it should, in whatever order the facts came.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from contracts.behaviour import Behaviour
from contracts.members import Claim, Consent, ProfileFact, Seen, Sums, profile_fact_id
from contracts.orders import Order, OrderFact, Snapshot
from contracts.receipts import Receipt, Token
from oneid.evidence import strongest
from oneid.profiles import SMALLEST, ZERO, plus, sku_hash

# The types of identifier that are a way to reach somebody.
CONTACTS = frozenset({"phone", "email"})
VIEWS = frozenset({"page", "screen"})
Departments = Mapping[str, str]  # SKU → department


class Contributor:
    """Says what events add, by the priorities of identifier types: the smallest number is the strongest."""

    def __init__(self, priority: Mapping[str, int]) -> None:
        self._priority = dict(priority)

    def of_receipt(self, receipt: Receipt, departments: Departments) -> list[ProfileFact]:
        """What a receipt adds, but for the money of an order that it names or is."""
        at = _second(receipt.at)
        counted = _plain_return(receipt) if receipt.kind != "sale" and receipt.original_id is None else ZERO
        if receipt.kind != "void":
            counted = plus(counted, Sums(visits=1, stores={receipt.store: 1}))
        if receipt.kind == "sale" and receipt.web_order_id is None:
            sold = [line for line in receipt.lines if line.quantity > 0]
            bought = Sums(
                categories=_categories((line.sku for line in sold), departments),
                coupons=frozenset(one.promotion for line in sold for one in line.discounts),
                skus=_hashes(line.sku for line in sold),
            )
            counted = plus(counted, bought)
        if receipt.kind == "void" and not counted.spend:
            return []
        return self._facts(
            receipt, "event.receipt", receipt.receipt_id, receipt.identifiers, "pos", "till", at, counted
        )

    def of_web_order(self, fact: OrderFact) -> list[ProfileFact]:
        """What a web shop's message adds, but for what follows from the whole order."""
        if fact.snapshot is None or fact.channel != "web":
            return []
        counted = Sums(skus=_hashes(line.sku for line in fact.snapshot.lines))
        return self._facts(
            fact, "event.order", fact.fact_id, fact.snapshot.identifiers, "ecommerce", "web", _second(fact.at), counted
        )

    def of_order(self, old: Order | None, new: Order, fact: OrderFact, departments: Departments) -> list[ProfileFact]:
        """What changes in the sums when `fact` makes of an order what it is now."""
        was, now = self._whole(old, departments), self._whole(new, departments)
        adds: dict[str, Sums] = {}
        for (nid, sums), sign in ((was, -1), (now, 1)):
            adds[nid] = plus(adds.get(nid, ZERO), _times(sums, sign))
        return [
            _fact(fact, "event.order", f"{fact.fact_id} whole", nid, sums)
            for nid, sums in adds.items()
            if nid and sums != ZERO
        ]

    def of_behaviour(self, call: Behaviour) -> list[ProfileFact]:
        in_app = call.kind == "screen" or any(token.type == "device" for token in call.identifiers)
        at = _second(call.at)
        consents = {one.purpose: Consent(at, not one.given, "ecommerce") for one in call.consents}
        counted = Sums(visits=int(call.kind in VIEWS), consents=consents)
        return self._facts(
            call, "event.behaviour", call.event_id, call.identifiers, "ecommerce", "app" if in_app else "web", at, counted
        )  # fmt: skip

    def without(self, snapshot: Snapshot, erased: Iterable[str]) -> Snapshot:
        """The snapshot without erased identifiers. Without any, when its strongest is one: then the order is nobody's.

        It would be another's otherwise: whoever was merely named beside the erased person.
        """
        gone = set(erased)
        if gone.isdisjoint(token.nid for token in shown(snapshot)):
            return snapshot
        if self._strongest(snapshot.identifiers) in gone:
            return msgspec.structs.replace(snapshot, identifiers=(), name_tokens="", receiver=None)
        receiver = snapshot.receiver
        return msgspec.structs.replace(
            snapshot,
            identifiers=tuple(token for token in snapshot.identifiers if token.nid not in gone),
            receiver=receiver if receiver and gone.isdisjoint(t.nid for t in receiver.identifiers) else None,
        )

    def _whole(self, order: Order | None, departments: Departments) -> tuple[str, Sums]:
        """The owner of an order, and what the order as it is known counts."""
        if order is None or order.snapshot is None or order.state == "cancelled":
            return "", ZERO
        web = order.channel == "web"
        sums = Sums(
            orders=1,
            spend={order.currency: order.total_cents - order.refunded_cents},
            categories=_categories((line.sku for line in order.snapshot.lines), departments) if web else {},
        )
        return self._strongest(order.snapshot.identifiers), sums

    def _strongest(self, tokens: Iterable[Token]) -> str:
        known = [token.nid for token in tokens if token.type in self._priority]
        return strongest(known, self._priority) if known else ""

    def _facts(
        self, record: Receipt | OrderFact | Behaviour, source: str, about: str, tokens: tuple[Token, ...], feed: str,
        channel: str, at: int, counted: Sums,
    ) -> list[ProfileFact]:  # fmt: skip
        owner = self._strongest(tokens)
        found = []
        for token in dict.fromkeys(token for token in tokens if token.type in self._priority):
            claims = {token.type: {feed: {token.nid: Claim(1, at, at, False)}}} if token.type in CONTACTS else {}
            seen = Sums(channels={channel: Seen(at, at)}, claims=claims)
            sums = plus(counted, seen) if token.nid == owner else seen
            found.append(_fact(record, source, about, token.nid, sums, token.cipher))
        return found


def shown(snapshot: Snapshot) -> tuple[Token, ...]:
    """Every identifier that an order holds: of who ordered, and of who receives it."""
    return (*snapshot.identifiers, *(snapshot.receiver.identifiers if snapshot.receiver else ()))


def erased(tenant: str, ruling: str, nid: str, at: str) -> ProfileFact:
    """Takes the profile of an identifier away, because a ruling says so."""
    return ProfileFact(
        tenant=tenant,
        fact_id=profile_fact_id(tenant, "event.ruling", ruling, nid),
        nid=nid,
        at=at,
        source="event.ruling",
        about=ruling,
        erased=True,
    )


def _fact(
    record: Receipt | OrderFact | Behaviour, source: str, about: str, nid: str, sums: Sums, cipher: str = ""
) -> ProfileFact:
    return ProfileFact(
        tenant=record.tenant,
        fact_id=profile_fact_id(record.tenant, source, about, nid),
        nid=nid,
        at=record.at,
        source=source,
        about=about.partition(" ")[0],
        sums=sums,
        cipher=cipher,
    )


def _plain_return(receipt: Receipt) -> Sums:
    """Money given back for nobody knows which receipt, or a void of one: no order takes it."""
    return Sums(spend={receipt.currency: receipt.total_cents}) if receipt.web_order_id is None else ZERO


def _hashes(skus: Iterable[str]) -> frozenset[int]:
    return frozenset(sorted(set(map(sku_hash, skus)))[:SMALLEST])


def _categories(skus: Iterable[str], departments: Departments) -> dict[str, int]:
    """One for each department of which something was bought."""
    return dict.fromkeys(sorted({department for sku in skus if (department := departments.get(sku))}), 1)


def _times(sums: Sums, sign: int) -> Sums:
    spend, categories = ({key: sign * n for key, n in counts.items()} for counts in (sums.spend, sums.categories))
    return Sums(orders=sign * sums.orders, spend=spend, categories=categories)


def _second(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp())
