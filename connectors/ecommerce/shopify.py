"""The feed format `shopify`: webhook deliveries, by HTTP or as lines of a file, as docs/feeds/ecommerce.md describes them.

Pure: the receiver, the command that sends files and the job that takes the records ask the same functions. Nothing here
knows a product or the time.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import msgspec

from connectors.ecommerce import shopify_json as js
from connectors.ecommerce.people import full_name, words
from connectors.feeds import spread
from connectors.strict_json import BOM, loose, misshapen, unreadable
from contracts.instants import utc
from contracts.keys import key
from contracts.money import DECIMALS, minor
from contracts.orders import order_id
from contracts.refusals import Refused
from contracts.web import (
    Kind,
    Receiver,
    Restock,
    Shown,
    WebFact,
    WebFulfilment,
    WebLine,
    WebOrder,
    WebRefund,
    WebRefundLine,
)

FORMAT = "shopify"
SOURCE = "shopify"
TOPICS: dict[str, Kind] = {
    "orders/create": "created",
    "orders/updated": "updated",
    # Not orders/edited: its body is the edit and not the order, and orders/updated comes with it.
    "orders/paid": "updated",
    "orders/partially_fulfilled": "updated",
    "orders/fulfilled": "updated",
    "orders/cancelled": "cancelled",
    "refunds/create": "refunded",
    "fulfillments/create": "fulfilled",
    "fulfillments/update": "fulfilled",
}
_TIMES = ("created_at", "updated_at", "processed_at", "cancelled_at")
_RESTOCKS: dict[str, Restock] = {
    "no_restock": "none", "cancel": "cancel", "return": "return", "legacy_restock": "return",
}  # fmt: skip
_AMOUNT = re.compile(rb'"?(-?[0-9]{1,15}(?:\.[0-9]{1,12})?)"?\Z')
_SHOP = re.compile(r"[A-Za-z0-9.-]{1,64}\Z")
_STORE = re.compile(r"[^\s|\x00-\x1f][^|\x00-\x1f]{0,63}\Z")
_PICKUP = "pickup:"

_read_envelope = msgspec.json.Decoder(js.Envelope).decode
_read: dict[Kind, Any] = {
    "created": msgspec.json.Decoder(js.Order).decode,
    "refunded": msgspec.json.Decoder(js.Refund).decode,
    "fulfilled": msgspec.json.Decoder(js.Fulfillment).decode,
}
_read |= {"updated": _read["created"], "cancelled": _read["created"]}


class Delivery(NamedTuple):
    """What was delivered, and how: `place` is where the body stands in the record ("" when it is the record)."""

    topic: str
    shop: str
    body: bytes
    place: str


class _Stop(Exception):
    """Ends the reading of one body. Never leaves this file."""

    def __init__(self, refused: Refused) -> None:
        self.refused = refused


def decode(value: bytes, headers: Mapping[str, str]) -> WebFact | Refused:
    """What a raw record says, or why nothing. `headers` are the record's own (`zt_topic`, `zt_shop`), or empty for a line.

    Never raises, for any bytes. The same bytes and headers give the same answer in any process. A refusal holds no value.
    """
    found = delivery(value, headers)
    if isinstance(found, Refused):
        return found
    try:
        return _read_body(found)
    except msgspec.ValidationError as error:
        return unreadable(found.body) or _placed(misshapen(str(error), _TIMES), found.place)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return unreadable(found.body) or Refused("not_json", found.place)


def delivery(value: bytes, headers: Mapping[str, str]) -> Delivery | Refused:
    """The topic, the shop and the body of a raw record."""
    text = value.removeprefix(BOM)
    if "zt_topic" in headers:
        return Delivery(headers["zt_topic"], headers.get("zt_shop", ""), text, "")
    try:
        line = _read_envelope(text)
    except msgspec.ValidationError as error:
        return unreadable(text) or misshapen(str(error), ("triggered_at",))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return unreadable(text) or Refused("not_json")
    return loose(text) or Delivery(line.topic, line.shop, bytes(line.body), "body")


def partitioning_key(tenant: str, value: bytes, decoded: WebFact | Refused) -> bytes:
    """What decides the partition of a raw record: the order, so that its messages have one owner."""
    if isinstance(decoded, Refused):
        return spread(tenant, value)
    return key(tenant, order_id(tenant, decoded.shop, decoded.order))


def _placed(refused: Refused, place: str) -> Refused:
    return Refused(refused.code, ".".join(part for part in (place, refused.place) if part))


def _read_body(found: Delivery) -> WebFact | Refused:
    kind = TOPICS.get(found.topic)
    if kind is None:
        return Refused("unknown_topic", "topic")
    if not _SHOP.match(found.shop):
        return Refused("bad_value", "shop")
    body = _read[kind](found.body)
    if found.place == "" and (flaw := loose(found.body)):  # a line was looked at whole
        return flaw
    try:
        return _fact(found.shop.lower(), kind, body)
    except _Stop as stop:
        return _placed(stop.refused, found.place)


def _fact(shop: str, kind: Kind, body: Any) -> WebFact:
    snapshot: WebOrder | None = None
    refunds: tuple[WebRefund, ...] = ()
    fulfilments: tuple[WebFulfilment, ...] = ()
    if isinstance(body, js.Refund):
        refunds = (_refund(body, ""),)
        order, version = _of_order(body.order_id), refunds[0].at
    elif isinstance(body, js.Fulfillment):
        fulfilments = (_fulfilment(body, ""),)
        order, version = _of_order(body.order_id), fulfilments[0].version
    else:
        snapshot = _order(shop, body)
        order, version = str(body.id), _moment(body.updated_at, "updated_at")
        refunds = tuple(_refund(one, f"refunds[{n}].") for n, one in enumerate(body.refunds, 1))
        fulfilments = tuple(_fulfilment(one, f"fulfillments[{n}].") for n, one in enumerate(body.fulfillments, 1))
    at = {"created": snapshot.placed_at, "cancelled": snapshot.cancelled_at}.get(kind) if snapshot else None
    said = (kind, snapshot._replace(shown=()) if snapshot else None, refunds, fulfilments)
    digest = hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:32]
    customer, receiver = _people(body) if isinstance(body, js.Order) else ("", None)
    return WebFact(
        SOURCE, shop, order, kind, version, at or version, digest, snapshot, refunds, fulfilments, customer, receiver
    )


def _of_order(id: int | None) -> str:
    return _refuse("missing", "order_id") if id is None else str(id)


def _order(shop: str, body: js.Order) -> WebOrder:
    currency = _currency(body.currency, "currency")
    lines = tuple(_line(line, currency, f"line_items[{n}].") for n, line in enumerate(body.line_items, 1))
    tax = 0 if body.taxes_included else _amount(body.total_tax, currency, "total_tax")
    return WebOrder(
        number=body.name,
        placed_at=_moment(body.processed_at or body.created_at, "created_at"),
        cancelled_at=_moment(body.cancelled_at, "cancelled_at") if body.cancelled_at else "",
        payment=body.financial_status or "pending",
        currency=currency,
        total=_amount(body.total_price, currency, "total_price", required=True),
        shipping=_shipping(body, currency),
        tax=tax,
        lines=lines,
        pickup_store=_pickup_store(body),
        shown=_shown(shop, body),
    )


def _line(line: js.LineItem, currency: str, place: str) -> WebLine:
    price = _amount(line.price, currency, f"{place}price", required=True)
    if line.discount_allocations:
        taken = sum(
            _amount(one.amount, currency, f"{place}discount_allocations[{n}].amount", required=True)
            for n, one in enumerate(line.discount_allocations, 1)
        )
    else:
        taken = _amount(line.total_discount, currency, f"{place}total_discount")
    owed = price * line.quantity - taken
    if price < 0 or taken < 0 or owed < 0:  # goods that come back are a refund
        wrong = "discount_allocations" if line.discount_allocations else "total_discount"
        _refuse("bad_amount", f"{place}{'price' if price < 0 else wrong}")
    variant = "" if line.variant_id is None else str(line.variant_id)
    return WebLine(str(line.id), line.sku or "", variant, line.quantity, owed, taken)


def _shipping(body: js.Order, currency: str) -> int:
    if body.total_shipping_price_set is not None:
        place, money = "total_shipping_price_set.shop_money.", body.total_shipping_price_set.shop_money
        if money.currency_code not in (None, currency):
            _refuse("mixed_currencies", f"{place}currency_code")
        return _amount(money.amount, currency, f"{place}amount")
    owed = 0
    for n, one in enumerate(body.shipping_lines, 1):
        discounted = bytes(one.discounted_price) != b"null"
        name = "discounted_price" if discounted else "price"
        owed += _amount(one.discounted_price if discounted else one.price, currency, f"shipping_lines[{n}].{name}")
    return owed


def _pickup_store(body: js.Order) -> str:
    """The shop where the order is collected: a note attribute `pickup_store`, or a shipping line `pickup:<shop>`."""
    named = [str(a.value) for a in body.note_attributes if a.name == "pickup_store" and a.value]
    named += [s.code.removeprefix(_PICKUP) for s in body.shipping_lines if s.code and s.code.startswith(_PICKUP)]
    if named and not _STORE.match(named[0]):
        _refuse("bad_value", "note_attributes.pickup_store")
    return named[0] if named else ""


def _shown(shop: str, body: js.Order) -> tuple[Shown, ...]:
    customer = body.customer or js.Customer()
    # The shop's number of the customer, and no login: one person may have a login and a number at each of several shops.
    customer_number = f"{shop}/{customer.id}" if customer.id is not None else None
    found = (
        ("shop_customer", customer_number),
        ("email", body.email), ("email", customer.email),
        ("phone", body.phone), ("phone", customer.phone),
    )  # fmt: skip
    return tuple(dict.fromkeys(Shown(type, value) for type, value in found if value))


def _people(body: js.Order) -> tuple[str, Receiver | None]:
    """The customer's name, and to whom the order goes."""
    customer = body.customer or js.Customer()
    address = js.address(body.shipping_address)
    phone = words(address.phone)
    receiver = Receiver(words(address.name), Shown("phone", phone) if phone else None)
    return full_name(words(customer.first_name), words(customer.last_name)), receiver if any(receiver) else None


def _refund(body: js.Refund, place: str) -> WebRefund:
    paid = [t for t in body.transactions if t.kind == "refund" and t.status == "success"]
    currencies = {t.currency for t in paid if t.currency}
    if len(currencies) > 1:
        _refuse("mixed_currencies", f"{place}transactions")
    currency = _currency(currencies.pop(), f"{place}transactions[1].currency") if currencies else ""
    if paid and not currency:
        _refuse("missing", f"{place}transactions[1].currency")
    amount = sum(_amount(t.amount, currency, f"{place}transactions.amount", required=True) for t in paid)
    lines = tuple(
        WebRefundLine(
            str(one.line_item_id),
            one.quantity,
            _amount(one.subtotal, currency, f"{place}refund_line_items[{n}].subtotal") if currency else 0,
            _restock(one.restock_type, f"{place}refund_line_items[{n}].restock_type"),
            "" if one.location_id is None else str(one.location_id),
        )
        for n, one in enumerate(body.refund_line_items, 1)
    )
    return WebRefund(str(body.id), _moment(body.created_at, f"{place}created_at"), currency, amount, lines)


def _restock(text: str, place: str) -> Restock:
    return _RESTOCKS[text] if text in _RESTOCKS else _refuse("bad_value", place)


def _fulfilment(body: js.Fulfillment, place: str) -> WebFulfilment:
    said = (body.service, body.tracking_company, body.shipment_status)
    pickup = any(text in ("pickup", "ready_for_pickup", "picked_up") for text in said)
    return WebFulfilment(
        id=str(body.id),
        version=_moment(body.updated_at or body.created_at, f"{place}updated_at"),
        at=_moment(body.created_at, f"{place}created_at"),
        status=body.status,
        pickup=pickup,
        location="" if body.location_id is None else str(body.location_id),
        lines=tuple((str(one.id), one.quantity) for one in body.line_items),
    )


def _currency(text: str, place: str) -> str:
    return text if text in DECIMALS else _refuse("unknown_currency", place)


def _amount(raw: msgspec.Raw, currency: str, place: str, *, required: bool = False) -> int:
    text = bytes(raw).strip()
    if text == b"null" and not required:
        return 0
    found = _AMOUNT.match(text)
    amount = minor(found.group(1).decode(), currency) if found else None
    return _refuse("bad_amount", place) if amount is None else amount


def _moment(text: str, place: str) -> str:
    try:
        return utc(text)
    except ValueError:
        _refuse("bad_time", place)


def _refuse(code: str, place: str) -> NoReturn:
    raise _Stop(Refused(code, place))
