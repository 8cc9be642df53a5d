"""`event.receipt` → `event.order`: what each receipt says of an order. No state: receipts come once."""

from collections.abc import Sequence

from centers.orders.receipts import fact
from contracts.keys import key
from contracts.orders import OrderFact
from contracts.receipts import Origin, Receipt
from contracts.wire import decoder, headers
from pipelines.batch import Effects, Job, Output, Run, State

_decode = decoder(Receipt)


def prepare(run: Run) -> list[OrderFact]:
    """The fact that each receipt is, with the place where the receipt is recorded."""
    return [
        fact(_decode(value), Origin(run.topic, run.partition, offset))
        for offset, value in zip(run.offsets, run.values, strict=True)
    ]


def step(_: State[OrderFact] | None, facts: Sequence[OrderFact]) -> Effects:
    return Effects({}, [_output(one) for one in facts])


def _output(one: OrderFact) -> Output:
    return Output(
        "event.order",
        key(one.tenant, one.order_id, one.fact_id),
        key(one.tenant, one.order_id),
        one,
        headers(OrderFact, one.fact_id, "/centers/orders", one.at),
    )


JOB = Job(name="derive_order_facts", inputs=("event.receipt",), prepare=prepare, step=step)
