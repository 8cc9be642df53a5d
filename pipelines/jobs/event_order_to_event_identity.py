"""`event.order` → `event.identity`: what web orders say of their customers, and of who receives them."""

from collections.abc import Iterator

from connectors.settings import Settings
from contracts.orders import OrderFact
from contracts.receipts import Token
from oneid.showing import of_order
from pipelines.batch import Job
from pipelines.identity.showing import showing


def _tokens(fact: OrderFact) -> Iterator[Token]:
    if fact.snapshot:
        yield from fact.snapshot.identifiers
        yield from fact.snapshot.receiver.identifiers if fact.snapshot.receiver else ()


def job(settings: Settings) -> Job:
    return showing(settings, "show_orders", "event.order", OrderFact, _tokens, of_order)
