"""`event.order` → `state.order`: join the facts about each order, whatever order they came in.

What an order adds to its owner's profile follows from the order, so what changes of it goes to `event.profile_fact` from here.
"""

from collections.abc import Callable, Sequence, Set
from typing import Any, NamedTuple

import msgspec

from centers.orders import join
from connectors.erased import Erased
from connectors.settings import Settings
from contracts.keys import key
from contracts.orders import Order, OrderFact
from contracts.wire import decoder
from oneid.contributions import Contributor, Departments
from pipelines.batch import Effects, Job, Output, Run, State, Table
from pipelines.profiles import Products, contributor, output

_decode = decoder(OrderFact)


class Told(NamedTuple):
    """A fact, what of it may be kept, and the departments of products as they are now."""

    fact: OrderFact
    kept: OrderFact
    departments: Departments


def stepping(says: Contributor) -> Callable[[State[Order], Sequence[Any]], Effects]:
    def step(state: State[Order], events: Sequence[Told]) -> Effects:
        changes: dict[bytes, Order] = {}
        outputs: list[Output] = []
        for fact, kept, departments in events:
            own = key(fact.tenant, fact.order_id)
            old = changes.get(own) or state.get(own)
            order = join.add(old, kept)
            if fact.forgets and order.snapshot:
                order = msgspec.structs.replace(order, snapshot=says.without(order.snapshot, fact.forgets))
            changes[own] = order
            adds = says.of_order(old, order, fact, departments) + says.of_web_order(fact)
            outputs += map(output, adds)
        return Effects(changes, outputs)

    return step


def prepared(
    says: Contributor, erased: Callable[[], Set[str]], departments: Callable[[], Departments]
) -> Callable[[Run], list[Told]]:
    """Steps 2 and 3 of the protocol: the facts, and the same without identifiers that are erased."""

    def prepare(run: Run) -> list[Told]:
        gone, known = erased(), departments()
        facts = [_decode(value) for value in run.values]
        return [Told(fact, _spared(says, fact, gone), known) for fact in facts]

    return prepare


def _spared(says: Contributor, fact: OrderFact, gone: Set[str]) -> OrderFact:
    if not gone or fact.snapshot is None:
        return fact
    return msgspec.structs.replace(fact, snapshot=says.without(fact.snapshot, gone))


def job(settings: Settings) -> Job:
    says, products = contributor(), Products(settings)
    return Job(
        name="keep_orders",
        inputs=("event.order",),
        prepare=prepared(says, Erased(settings).now, lambda: products.departments),
        step=stepping(says),
        state=Table("state.order", Order),
        slow=True,  # it asks the key store, and reads the products
    )
