"""`raw.ecommerce` → `event.order`: the web shops' messages about orders, each taken once. What is refused goes to `dlq.ecommerce`.

What is written in another format is left to the job that reads it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from centers.orders.accept import accept
from connectors.ecommerce import segment, shopify
from connectors.settings import Settings
from contracts.dead_letters import DeadLetter
from contracts.keys import key
from contracts.orders import OrderFact, OrderMarks
from contracts.receipts import Token
from contracts.refusals import Refused
from contracts.web import Shown, WebFact
from contracts.wire import headers
from pipelines.batch import Effects, Job, Output, Run, State, Table
from pipelines.intake import Desk, Intake, Raw, by_desk, dead

FEED = "ecommerce"
MARK = 16


class Taken(NamedTuple):
    """A raw record, read: a fact or a dead letter; and the dead letter that it repairs, when it is a repaired form."""

    record: OrderFact | DeadLetter
    repaired: DeadLetter | None = None


def step(state: State[OrderMarks], events: Sequence[Taken]) -> Effects:
    """Each fact of an order once; dead letters as often as they come, since their key collapses them."""
    changes: dict[bytes, OrderMarks] = {}
    outputs: list[Output] = []
    for record, repaired in events:
        if isinstance(record, DeadLetter):
            outputs.append(dead(record))
            continue
        order = key(record.tenant, record.order_id)
        old = changes.get(order) or state.get(order)
        seen = old.seen if old else b""
        mark = UUID(record.fact_id).bytes
        if mark not in _marks(seen):
            changes[order] = OrderMarks(
                tenant=record.tenant, order_id=record.order_id, seen=b"".join(sorted({*_marks(seen), mark}))
            )
            outputs.append(_event(record))
        if repaired is not None:
            outputs.append(dead(repaired))
    return Effects(changes, outputs)


def _marks(seen: bytes) -> list[bytes]:
    return [seen[i : i + MARK] for i in range(0, len(seen), MARK)]


def _event(fact: OrderFact) -> Output:
    return Output(
        "event.order",
        key(fact.tenant, fact.order_id, fact.fact_id),
        key(fact.tenant, fact.order_id),
        fact,
        headers(OrderFact, fact.fact_id, "/feeds/ecommerce", fact.at),
    )


class Reader:
    """Steps 2 and 3 of the protocol for web orders."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def prepare(self, run: Run) -> list[Taken]:
        """Every order message of the run, in its order: a fact, or a dead letter. Keys of its tokens are durable."""
        decoded = [(desk, one, _decode(one)) for desk, one in self._intake.records(run) if one.format != segment.FORMAT]
        shown = by_desk((desk, s) for desk, _, said in decoded for s in _shown(said))
        tokens = {desk: desk.tokens(mine) for desk, mine in shown.items()}
        return [self._take(desk, one, said, tokens.get(desk, {})) for desk, one, said in decoded]

    def _take(self, desk: Desk, one: Raw, said: WebFact | Refused, tokens: dict[Shown, Token]) -> Taken:
        fact = (
            said
            if isinstance(said, Refused)
            else accept(
                desk.tenant,
                said,
                self._intake.products,
                tokens,
                known_at=one.at,
                origin=one.origin,
                names={name: desk.name_tokens(name) for name in _names(said)},
            )
        )
        if isinstance(fact, Refused):
            return Taken(desk.refuse(one, fact))
        return Taken(fact, desk.repaired(one, fact.fact_id))


def _decode(one: Raw) -> WebFact | Refused:
    return shopify.decode(one.value, one.headers) if one.format == shopify.FORMAT else Refused("unknown_format")


def _shown(said: WebFact | Refused) -> Iterator[Shown]:
    """Every identifier in clear that a message tells."""
    if isinstance(said, WebFact):
        yield from said.snapshot.shown if said.snapshot else ()
        yield from (said.receiver.phone,) if said.receiver and said.receiver.phone else ()


def _names(said: WebFact) -> set[str]:
    return {said.customer, said.receiver.name if said.receiver else ""} - {""}


def job(settings: Settings) -> Job:
    return Job(
        name="accept_orders",
        inputs=("raw.ecommerce",),
        prepare=Reader(Intake(FEED, settings)).prepare,
        step=step,
        state=Table("log.accept_orders", OrderMarks),
        slow=True,  # it decodes at length, and makes keys durable
    )
