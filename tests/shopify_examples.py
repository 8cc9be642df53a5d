"""Messages of a web shop for tests: good ones as objects, with changes; and the products that they name."""

import json
from typing import Any

from contracts.products import Part, Product, Products
from tests.pos_examples import PRODUCTS

SHOP = "demo.myshopify.com"
CRATE = Product("CRATE", "each", {"each": 1}, bundle=(Part("WATER", 12, 2), Part("APPLE", 500, 1)))
WEB_PRODUCTS = Products(
    7,
    {**PRODUCTS, "CRATE": CRATE},
    {},
    {"808": (PRODUCTS["APPLE"], "kg"), "809": (PRODUCTS["WATER"], "case")},
)
CUSTOMER = {"id": 207119551, "email": "wang@example.cn", "phone": "13812345678"}


def line(id: int = 1, quantity: int = 2, price: str = "6.00", **change: Any) -> dict[str, Any]:
    return {"id": id, "sku": "WATER", "quantity": quantity, "price": price} | change


def order(**change: Any) -> dict[str, Any]:
    """A good order of two bottles of water, sent to a home."""
    return {
        "id": 450789469,
        "name": "#1001",
        "created_at": "2026-11-22T10:30:00+08:00",
        "updated_at": "2026-11-22T10:30:00+08:00",
        "cancelled_at": None,
        "currency": "CNY",
        "financial_status": "paid",
        "total_price": "12.00",
        "line_items": [line()],
        "customer": CUSTOMER,
    } | change


def refund(**change: Any) -> dict[str, Any]:
    """One of the two bottles paid back."""
    return {
        "id": 509562969,
        "order_id": 450789469,
        "created_at": "2026-11-23T10:00:00+08:00",
        "refund_line_items": [
            {"id": 1, "line_item_id": 1, "quantity": 1, "subtotal": 6.0, "restock_type": "return", "location_id": 7}
        ],
        "transactions": [{"id": 1, "kind": "refund", "status": "success", "amount": "6.00", "currency": "CNY"}],
    } | change


def fulfilment(**change: Any) -> dict[str, Any]:
    """Both bottles sent."""
    return {
        "id": 255858046,
        "order_id": 450789469,
        "status": "success",
        "created_at": "2026-11-22T15:00:00+08:00",
        "updated_at": "2026-11-22T15:00:00+08:00",
        "line_items": [{"id": 1, "quantity": 2, "sku": "WATER"}],
    } | change


def delivery(topic: str, body: dict[str, Any], **change: Any) -> bytes:
    """A line of a file."""
    return json.dumps({"topic": topic, "shop": SHOP, "body": body} | change, ensure_ascii=False).encode()


def call(**change: Any) -> dict[str, Any]:
    """A call of the Segment API: somebody puts two bottles of water into a cart."""
    whole = {
        "type": "track",
        "messageId": "m-1",
        "event": "Product Added",
        "userId": "anna",
        "anonymousId": "507f191e-810c-4972-9de8-60ea3d5ac0ab",
        "timestamp": "2026-11-22T02:30:00.000Z",
        "properties": {"sku": "WATER", "quantity": 2, "price": 6.0, "currency": "CNY", "cart_id": "c-1"},
    } | change
    return {name: value for name, value in whole.items() if value is not None}
