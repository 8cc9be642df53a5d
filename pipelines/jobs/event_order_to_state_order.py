"""`event.order` → `state.order`: join the facts about each order, whatever order they came in."""

from collections.abc import Sequence

from centers.orders import join
from contracts.keys import key
from contracts.orders import Order, OrderFact
from pipelines.batch import Effects, Job, State, Table, decoded


def step(state: State[Order], facts: Sequence[OrderFact]) -> Effects:
    changes: dict[bytes, Order] = {}
    for fact in facts:
        order = key(fact.tenant, fact.order_id)
        changes[order] = join.add(changes.get(order) or state.get(order), fact)
    return Effects(changes)


JOB = Job(
    name="keep_orders",
    inputs=("event.order",),
    prepare=decoded(OrderFact),
    step=step,
    state=Table("state.order", Order),
)
