"""`/v1/orders`: one order over all channels, as the stream knows it now. Without anything that says whose it is."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from contracts.orders import Order, Snapshot
from oneservice.problems import Problem, documented
from oneservice.routes.live_answers import Live, about
from oneservice.service import STRICT, Asking, MaxAge, Shared, counted

router = APIRouter(tags=["live"], responses=documented(), dependencies=STRICT)


class Line(BaseModel):
    """One SKU of a line, in whole base units."""

    line: int
    sku: str
    quantity: int
    unit: str
    amount_cents: int
    discount_cents: int
    bundle: str = Field(description='The set that it was sold in, or "".')


class RefundDone(BaseModel):
    """Money paid back."""

    at: str
    currency: str
    amount_cents: int


class HandedOver(BaseModel):
    """A hand-over, to a carrier or in a shop."""

    at: str
    status: str
    method: str
    location: str


class OrderNow(Live):
    """An order. Money is in minor units of `currency`."""

    order_id: str
    channel: str = Field(description="web or pos.")
    shop: str
    number: str
    state: str = Field(description="unknown (only later facts are known), open, completed, refunded or cancelled.")
    payment: str
    fulfilment: str
    placed_at: str | None
    cancelled_at: str | None
    currency: str
    total_cents: int
    refunded_cents: int
    identified: bool = Field(description="Whether the customer showed an identifier.")
    lines: list[Line]
    refunds: list[RefundDone]
    fulfilments: list[HandedOver]


@router.get("/v1/orders/{order_id}", summary="How does an order stand?", response_model=OrderNow)
def order(
    service: Shared,
    caller: Asking,
    request: Request,
    order_id: Annotated[str, Path(max_length=100, description="The order's id over all channels.")],
    max_age_seconds: MaxAge = None,
) -> OrderNow:
    """An order of a web shop or a till: lines, payment, hand-over, refunds. 全渠道订单现状"""
    caller.must("orders")
    found = service.live.order(order_id)
    told = about(service, found, max_age_seconds)
    one = found.records
    if one is None or not caller.sees({"store": one.shop, "shop": one.shop}):
        do = "Ids are those of dwd_trade_receipt.receipt_id (tills) and of the topic event.order (web shops)."
        raise Problem(404, "no_such_order", "There is no such order, or your role does not see its shop.", do)
    counted(request, 1)
    return OrderNow(**told, **_fields(one))


def _fields(one: Order) -> dict[str, Any]:
    names = ("order_id", "channel", "shop", "number", "state", "payment", "fulfilment", "currency")
    return {name: getattr(one, name) for name in (*names, "total_cents", "refunded_cents")} | {
        "placed_at": one.placed_at or None,
        "cancelled_at": one.cancelled_at or None,
        "identified": bool(one.snapshot and one.snapshot.identifiers),
        "lines": _lines(one.snapshot) if one.snapshot else [],
        "refunds": [RefundDone(at=r.at, currency=r.currency, amount_cents=r.amount_cents) for r in one.refunds],
        "fulfilments": [
            HandedOver(at=f.at, status=f.status, method=f.method, location=f.location) for f in one.fulfilments
        ],
    }


def _lines(snapshot: Snapshot) -> list[Line]:
    return [Line(**{name: getattr(line, name) for name in Line.model_fields}) for line in snapshot.lines]
