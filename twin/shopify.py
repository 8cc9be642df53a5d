"""Web orders as Shopify tells them: webhook deliveries, each with the body that Shopify's Admin API documents.

Amounts are decimal strings, moments carry the shop's offset. The names and addresses are those of the people of the world:
a reader must pass them over. `shown` lists the identifiers of each delivery, for the truth.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec
import polars as pl

from twin.demand import place
from twin.web import SHOP_DOMAIN, Web

NAMESPACE = UUID("7c5f0d1e-2a64-5b0c-8d8e-51f2a1b6c9d3")
FULFILMENT_BASE, REFUND_BASE, ADDRESS_BASE = 4_800_000_000_000, 930_000_000_000, 8_100_000_000_000
LOCATION_BASE = 71_000_000_000
CARRIERS = ("顺丰速运", "中通快递", "京东物流")
SECOND = timedelta(seconds=1)
Row = dict[str, Any]


class Delivery(msgspec.Struct, frozen=True):
    """One webhook: `uid` tells deliveries apart, `at` is when it was sent, `kind` its topic."""

    uid: int
    at: datetime
    kind: str
    order: int
    body: Row
    shown: tuple[tuple[str, str], ...]


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def moment(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%S+08:00") if at else None


def location_id(loc: int, copy: int) -> int:
    return LOCATION_BASE + copy * 1_000_000 + loc


def deliveries(made: Web, people: pl.DataFrame, products: pl.DataFrame, release: datetime) -> list[Delivery]:
    """All deliveries of all orders, each order's in the order in which they happened.

    From `release` on bodies have a field more, as every quarter: a reader must not mind.
    """
    skus = dict(products.select("product_id", "sku").iter_rows()) | {
        p: f"B{p}" for p in made.bundles["product_id"].unique()
    }
    names = dict(products.select("product_id", "name").iter_rows())
    who = {p["person"]: p for p in people.filter("online").rows(named=True)}
    items: dict[int, list[Row]] = defaultdict(list)
    for item in made.items.rows(named=True):
        items[item["uid"]].append(
            item | {"sku": skus[item["product_id"]], "name": names.get(item["product_id"], "组合装")}
        )
    orders = made.orders.with_columns(place=place()).rows(named=True)
    found = (d for order in orders for d in _Told(order, items[order["uid"]], who[order["person"]], release).all())
    return [msgspec.structs.replace(d, uid=n) for n, d in enumerate(found, start=1)]


class _Told:
    """One order, told step by step."""

    def __init__(self, order: Row, items: list[Row], person: Row, release: datetime) -> None:
        self.release = release
        self.order, self.items, self.person = order, items, person
        self.total = order["cents"] + order["shipping"]
        # Half of the orders name a phone; all name an e-mail.
        self.phone = person["phone"] if order["order_id"] // 32_768 % 2 else None
        self.shipped: dict[int, int] = {}
        self.fulfilments: list[Row] = []
        self.refunds: list[Row] = []

    def all(self) -> Iterator[Delivery]:
        order = self.order
        yield self._order("orders/create", order["at"], "pending")
        if order["paid"] and not (order["cancelled"] and order["cancelled"] < order["paid"]):
            yield self._order("orders/updated", order["paid"], "paid")
        if order["cancelled"]:
            yield from self._cancelled()
        for parcel, at in ((1, order["shipped"]), (2, order["shipped2"])):
            if at:
                yield self._fulfilled(at, parcel, pickup=False)
                yield self._order("orders/updated", at + SECOND, "paid")
        if order["ready"]:
            yield self._fulfilled(order["ready"], 1, pickup=True)
        if order["handed"]:
            yield self._fulfilled(order["handed"], 1, pickup=True, handed=True)
            yield self._order("orders/updated", order["handed"] + SECOND, "paid")
        if order["refunded"]:
            yield from self._refunded()

    def _cancelled(self) -> Iterator[Delivery]:
        at = self.order["cancelled"]
        paid = self.order["paid"] is not None
        if paid:
            yield self._refund(at, {i["item_id"]: i["quantity"] for i in self.items}, self.total, "cancel")
        yield self._order("orders/cancelled", at + SECOND, "refunded" if paid else "voided")

    def _refunded(self) -> Iterator[Delivery]:
        back = {i["item_id"]: i["back"] for i in self.items if i["back"]}
        cents = sum(i["cents"] * i["back"] // i["quantity"] for i in self.items)
        how = "return" if self.order["restock"] else "no_restock"
        yield self._refund(self.order["refunded"], back, cents, how)
        yield self._order("orders/updated", self.order["refunded"] + SECOND, _refund_status(cents, self.total))

    def _order(self, topic: str, at: datetime, financial: str) -> Delivery:
        order, person = self.order, self.person
        phone = f"+86{self.phone}" if self.phone else None
        sent = sum(self.shipped.values())
        wanted = sum(i["quantity"] for i in self.items)
        cancelled = order["cancelled"] if topic == "orders/cancelled" else None
        body = {
            "id": order["order_id"],
            "admin_graphql_api_id": f"gid://shopify/Order/{order['order_id']}",
            "name": f"#{order['number']}",
            "order_number": order["number"],
            "created_at": moment(order["at"]),
            "processed_at": moment(order["at"]),
            "updated_at": moment(at),
            "cancelled_at": moment(cancelled),
            "cancel_reason": ("declined" if order["fate"] == "unpaid" else "customer") if cancelled else None,
            "closed_at": None,
            "currency": "CNY",
            "presentment_currency": "CNY",
            "financial_status": financial,
            "fulfillment_status": None if not sent else "fulfilled" if sent == wanted else "partial",
            "source_name": "web",
            "taxes_included": True,
            "total_tax": "0.00",
            "total_discounts": money(sum(_discount(i) for i in self.items)),
            "subtotal_price": money(order["cents"]),
            "total_price": money(self.total),
            "email": person["email"],
            "phone": phone,
            "customer": {"id": person["customer_no"], "email": person["email"], "phone": phone},
            "line_items": [_line_item(i) for i in self.items],
            "shipping_lines": [self._shipping()],
            "note_attributes": [{"name": "pickup_store", "value": order["place"]}] if order["pickup"] else [],
            "shipping_address": None if order["pickup"] else _address(person),
            "location_id": None,
            "refunds": list(self.refunds),
            "fulfillments": list(self.fulfilments),
        }  # fmt: skip
        if at >= self.release:
            body["merchant_business_entity_id"] = "MTU0ODM4MDAwOQ"
        return self._delivery(topic, at, body, self._shown())

    def _shown(self) -> tuple[tuple[str, str], ...]:
        phone = (("phone", self.phone),) if self.phone else ()
        return (
            ("email", self.person["email"]),
            *phone,
            ("shop_customer", f"{SHOP_DOMAIN}/{self.person['customer_no']}"),
        )

    def _shipping(self) -> Row:
        cents = self.order["shipping"]
        code = f"pickup:{self.order['place']}" if self.order["pickup"] else "standard"
        return {
            "code": code, "title": "到店自提" if self.order["pickup"] else "标准快递",
            "price": money(cents), "discounted_price": money(cents), "source": "shopify",
        }  # fmt: skip

    def _fulfilled(self, at: datetime, parcel: int, *, pickup: bool, handed: bool = False) -> Delivery:
        order = self.order
        lines = [i for i in self.items if pickup or i["parcel"] == parcel]
        done = handed or not pickup
        body = {
            "id": FULFILMENT_BASE + (order["order_id"] % 10**12) * 4 + parcel,
            "order_id": order["order_id"],
            "name": f"#{order['number']}.{parcel}",
            "status": "success" if done else "open",
            "shipment_status": ("picked_up" if handed else "ready_for_pickup") if pickup else "in_transit",
            "created_at": moment(order["ready"] if pickup else at),
            "updated_at": moment(at),
            "location_id": location_id(order["loc"], order["copy"]),
            "service": "pickup" if pickup else "manual",
            "tracking_company": None if pickup else CARRIERS[order["number"] % 3],
            "tracking_number": None if pickup else f"SF{order['order_id'] % 10**12}{parcel}",
            "line_items": [{"id": i["item_id"], "sku": i["sku"], "quantity": i["quantity"]} for i in lines],
        }
        if done:
            self.shipped |= {i["item_id"]: i["quantity"] for i in lines}
            self.fulfilments.append(body)
        return self._delivery("fulfillments/update" if handed else "fulfillments/create", at, body)

    def _refund(self, at: datetime, back: dict[int, int], cents: int, how: str) -> Delivery:
        order = self.order
        number = REFUND_BASE + order["order_id"] % 10**11
        lines = {i["item_id"]: i for i in self.items}
        returns_to = location_id(order["loc"], order["copy"]) if how != "no_restock" else None
        body = {
            "id": number,
            "order_id": order["order_id"],
            "created_at": moment(at),
            "processed_at": moment(at),
            "restock": how != "no_restock",
            "refund_line_items": [
                {
                    "id": item_id + 1_000_000_000_000, "line_item_id": item_id, "quantity": quantity,
                    "subtotal": money(lines[item_id]["cents"] * quantity // lines[item_id]["quantity"]),
                    "total_tax": "0.00", "restock_type": how, "location_id": returns_to,
                    "line_item": {"id": item_id, "sku": lines[item_id]["sku"], "variant_id": lines[item_id]["variant_id"]},
                }
                for item_id, quantity in back.items()
            ],
            "transactions": [
                {"id": number + 1_000_000_000_000, "order_id": order["order_id"], "kind": "refund",
                 "status": "success", "amount": money(cents), "currency": "CNY", "gateway": "alipay"}
            ],
        }  # fmt: skip
        self.refunds.append(body)
        return self._delivery("refunds/create", at, body)

    def _delivery(self, topic: str, at: datetime, body: Row, shown: tuple[tuple[str, str], ...] = ()) -> Delivery:
        return Delivery(0, at, topic, self.order["order_id"], body, shown)


def envelope(delivery: Delivery, again: int = 0) -> bytes:
    """One line of the feed. `again` numbers deliveries that Shopify makes anew, with another id."""
    number = uuid5(NAMESPACE, f"{delivery.uid}/{again}")
    return msgspec.json.encode(
        {"topic": delivery.kind, "shop": SHOP_DOMAIN, "webhook_id": str(number), "body": delivery.body}
    )


def _refund_status(cents: int, total: int) -> str:
    return "refunded" if cents >= total else "partially_refunded"


def _discount(item: Row) -> int:
    discount: int = item["price"] * item["quantity"] - item["cents"]
    return discount


def _line_item(item: Row) -> Row:
    discount = _discount(item)
    return {
        "id": item["item_id"],
        "variant_id": item["variant_id"],
        "sku": "" if item["by_variant"] else item["sku"],
        "name": item["name"],
        "quantity": item["quantity"],
        "price": money(item["price"]),
        "total_discount": "0.00",
        "discount_allocations": [{"amount": money(discount), "discount_application_index": 0}] if discount else [],
        "requires_shipping": True,
        "taxable": True,
    }


def _address(person: Row) -> Row:
    return {
        "name": person["name"],
        "phone": person["phone"],
        "province": person["province"],
        "city": person["city"],
        "address1": f"{person['district']}{person['street']}",
        "zip": person["postcode"],
        "country_code": "CN",
    }
