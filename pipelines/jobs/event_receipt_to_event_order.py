"""`event.receipt` → `event.order`: what each receipt says of an order. No state: receipts come once."""

from centers.orders.receipts import fact
from contracts.keys import key
from contracts.orders import OrderFact
from contracts.receipts import Receipt
from contracts.wire import headers
from pipelines.batch import Output
from pipelines.deriving import deriving


def _output(one: OrderFact) -> Output:
    return Output(
        "event.order",
        key(one.tenant, one.order_id, one.fact_id),
        key(one.tenant, one.order_id),
        one,
        headers(OrderFact, one.fact_id, "/centers/orders", one.at),
    )


JOB = deriving(
    "derive_order_facts", "event.receipt", Receipt, lambda receipt, recorded: [fact(receipt, recorded)], _output
)
