"""What an event says of who is who: which identifiers it shows together, and how much that means. Pure.

| event | together | class |
|---|---|---|
| receipt | what was shown at the till | C: merely seen together |
| web order | the customer's number, e-mail, phone and name | B: declared |
| | the receiver's phone and name | B |
| | the customer and the receiver's phone, if it is another | C |
| call, logged in | the account, its device and cookie; an alias with what it gives up | A: a log-in |
| | the account and what its owner said: e-mail, phone, card, name | B |
| call of somebody unknown | device and cookie | C |
| | the same and what was typed in: e-mail, phone, card, name | B |
| ruling | nothing: it is a steward's own word | |

The same event gives the same evidence with the same ids, in any process and replay. `nobodys` are nids whose values the rules
block; no evidence names them. A moment outside the years that evidence can count in gives none.
"""

from collections.abc import Container, Iterable

from contracts.behaviour import Behaviour
from contracts.evidence import Evidence, Ruling, evidence_id
from contracts.identity import EvidenceClass
from contracts.orders import OrderFact
from contracts.receipts import Receipt, Token

ACCOUNTS = frozenset({"login", "wechat_openid", "wechat_unionid"})
PLACES = frozenset({"device", "cookie"})
# Seconds since 1970 stand in 32 bits, days in 16.
EARLIEST, LATEST = "1970-01-02", "2106-01-01"
NOBODY: frozenset[str] = frozenset()


def of_receipt(receipt: Receipt, nobodys: Container[str] = NOBODY) -> list[Evidence]:
    said = _Said(receipt.tenant, "event.receipt", receipt.receipt_id, receipt.at, nobodys)
    return said.list(said.together("shown", "C", receipt.identifiers))


def of_order(fact: OrderFact, nobodys: Container[str] = NOBODY) -> list[Evidence]:
    """What a web order's snapshot says. The evidence is of when the order was placed: later messages say nothing newer of it.

    What a till sold is an order too, but its receipt speaks for itself.
    """
    order = fact.snapshot
    if order is None or fact.channel != "web":
        return []
    said = _Said(fact.tenant, "event.order", fact.fact_id, order.placed_at, nobodys)
    customer = said.together("customer", "B", order.identifiers, order.name_tokens)
    if order.receiver is None:
        return said.list(customer)
    receiver = said.together("receiver", "B", order.receiver.identifiers, order.receiver.name_tokens)
    if receiver and customer and not set(receiver.nids) <= set(customer.nids):
        both = said.together("both", "C", (*order.identifiers, *order.receiver.identifiers))
        return said.list(customer, receiver, both)
    return said.list(customer, receiver)


def of_behaviour(call: Behaviour, nobodys: Container[str] = NOBODY) -> list[Evidence]:
    said = _Said(call.tenant, "event.behaviour", call.event_id, call.at, nobodys)
    every = (*call.identifiers, *((call.previous,) if call.previous else ()))
    shown = [token for token in every if token.nid not in nobodys]
    accounts = [token for token in shown if token.type in ACCOUNTS]
    contacts = [token for token in shown if token.type not in ACCOUNTS | PLACES]
    places = [token for token in shown if token.type in PLACES]
    known = bool(accounts) or call.kind == "alias"
    seen = said.together("seen", "A" if known else "C", [*accounts, *places], "" if contacts else call.name_tokens)
    if not contacts:
        return said.list(seen)
    told = said.together("told", "B", [*(accounts or places), *contacts], call.name_tokens)
    return said.list(seen if len(accounts) + len(places) > 1 else None, told)


def of_ruling(word: Ruling) -> list[Evidence]:
    about = f"{word.id}|{word.seq}"
    id = evidence_id(word.tenant, "event.ruling", about, "")
    return [Evidence(tenant=word.tenant, id=id, at=word.at, source="event.ruling", about=about, ruling=word)]


class _Said:
    """The evidence of one event, piece by piece."""

    def __init__(self, tenant: str, source: str, about: str, at: str, nobodys: Container[str]) -> None:
        self._tenant, self._source, self._about, self._at, self._nobodys = tenant, source, about, at, nobodys

    def together(self, part: str, cls: EvidenceClass, shown: Iterable[Token], name: str = "") -> Evidence | None:
        nids = tuple(dict.fromkeys(token.nid for token in shown if token.nid not in self._nobodys))
        if not nids or not EARLIEST <= self._at < LATEST:
            return None
        id = evidence_id(self._tenant, self._source, self._about, part)
        return Evidence(
            tenant=self._tenant,
            id=id,
            at=self._at,
            source=self._source,
            about=self._about,
            cls=cls,
            nids=nids,
            name=name,
        )

    @staticmethod
    def list(*found: Evidence | None) -> "list[Evidence]":
        return [one for one in found if one is not None]
