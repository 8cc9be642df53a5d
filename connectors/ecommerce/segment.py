"""The feed format `segment`: calls of Segment's HTTP tracking API, one by one or in batches, by HTTP or in files.

Pure: the receiver, the command that sends files and the job that takes the records ask the same functions. A raw record is
one call, its bytes as they stood in the batch, because calls are told apart one by one and not by batches.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn

import msgspec

from connectors.ecommerce import segment_json as js
from connectors.ecommerce.people import full_name, words
from connectors.feeds import Piece, lines, spread
from connectors.strict_json import BOM, loose, misshapen, unreadable
from contracts.behaviour import Call, Consented, Item, event_id
from contracts.instants import spelt, utc
from contracts.keys import key
from contracts.money import DECIMALS, MOST
from contracts.refusals import Refused
from contracts.web import Shown

FORMAT = "segment"
CALLS: tuple[Call, ...] = ("identify", "track", "page", "screen", "group", "alias")
MOST_ITEMS = 500
SKEW = timedelta(seconds=60)  # a clock that is wrong by less is left alone, so that a call sent again keeps its moment


class Heard(NamedTuple):
    """A call as it was heard. Each of `shown` is one identifier in the ways to read it, the likeliest first.

    `at` is the sender's moment, corrected where its clock was wrong; "" when it told none. `person` is the person's name in
    clear, which leaves the first job only as `oneid.names.name_tokens`.
    """

    message: str
    kind: Call
    name: str
    at: str
    shown: tuple[tuple[Shown, ...], ...]
    previous: tuple[Shown, ...]
    items: tuple[Item, ...]
    currency: str
    amount: int | None
    order: str
    cart: str
    category: str
    person: str = ""
    consents: tuple[Consented, ...] = ()


class Batch(NamedTuple):
    """The calls of a body, in order; when it was sent, as the sender's clock had it; a context that they share."""

    calls: list[bytes]
    sent_at: str
    context: bytes
    write_key: str


_read = msgspec.json.Decoder(js.WrittenCall).decode
_read_batch = msgspec.json.Decoder(js.WrittenBatch).decode
_read_context = msgspec.json.Decoder(js.Context).decode
_NUMBER = re.compile(rb'"?(-?[0-9]{1,15}(?:\.[0-9]{1,30})?)"?\Z')
_CODE = re.compile(rb'"?(#?[A-Za-z0-9][A-Za-z0-9._/-]{0,63})"?\Z')
_LONG_NUMBER = re.compile(r"\+?[0-9]{10,}\Z")
_PURPOSE = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,31}\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
# What may be somebody's number or address has no place in a name that everybody reads.
_PERSONAL = re.compile(r"\S*@\S*|[0-9][0-9 -]{4,}[0-9]")
# Events of Segment's e-commerce specification that are about products; only of these are properties read.
_COMMERCE = re.compile(r"(Product|Products|Cart|Checkout|Order|Coupon|Payment) ", re.IGNORECASE)


class _Stop(Exception):
    """Ends the reading of one call. Never leaves this file."""

    def __init__(self, code: str, place: str) -> None:
        self.refused = Refused(code, place)


def batch(body: bytes) -> Batch | Refused:
    """The calls of a request to /v1/batch. Never raises, for any bytes."""
    text = body.removeprefix(BOM)
    try:
        read = _read_batch(text)
    except msgspec.ValidationError as error:
        return unreadable(text) or misshapen(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return unreadable(text) or Refused("not_json")
    return Batch([bytes(call) for call in read.batch], read.sent_at or "", bytes(read.context), read.write_key or "")


def pieces(file: BinaryIO, path: Path) -> Iterator[Piece]:
    """One piece a call: a line is a call, or a batch of them. A batch that cannot be read is one piece, to be refused."""
    for line in lines(file, path):
        yield from fallen(line)


def fallen(line: Piece) -> list[Piece]:
    """The calls of a line, each with the context of its batch."""
    found = batch(line.value) if b'"batch"' in line.value else None
    if not isinstance(found, Batch):
        return [line]
    shared = (("zt_context", found.context),) if found.context else ()
    return [Piece(call, line.line, shared) for call in found.calls]


def decode(value: bytes, headers: Mapping[str, str]) -> Heard | Refused:
    """What a raw record says, or why nothing. Of `headers`, the record's own, `zt_message_id` stands for a `messageId` that the
    call lacks, `zt_type` for a `type` (its address said it), `zt_context` is its batch's context, and `zt_received_at` with
    `zt_sent_at` sets its clock right.

    Never raises, for any bytes. The same bytes and headers give the same answer in any process. A refusal holds no value.
    """
    text = value.removeprefix(BOM)
    try:
        call = _read(text)
        flaw = loose(text)
        if flaw is not None:
            return flaw
        context = call.context or _shared_context(headers.get("zt_context", ""))
        return _heard(call, context, headers, text)
    except msgspec.ValidationError as error:
        return unreadable(text) or misshapen(str(error), ("timestamp",))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return unreadable(text) or Refused("not_json")
    except _Stop as stop:
        return stop.refused


def partitioning_key(tenant: str, value: bytes, decoded: Heard | Refused) -> bytes:
    """What decides the partition of a raw record: the call's id, so that a call sent again meets its first sending."""
    return spread(tenant, value) if isinstance(decoded, Refused) else key(tenant, event_id(tenant, decoded.message))


def _shared_context(text: str) -> js.Context:
    try:
        return _read_context(text.encode()) if text else js.Context()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise _Stop("bad_value", "context") from None


def _heard(call: js.WrittenCall, context: js.Context, headers: Mapping[str, str], text: bytes) -> Heard:
    kind = call.type or next((known for known in CALLS if known == headers.get("zt_type")), None)
    if kind is None:
        raise _Stop("missing", "type")
    user, anonymous = _text(call.user_id), _text(call.anonymous_id)
    if not user and not anonymous:
        raise _Stop("no_identity", "userId")
    if kind == "alias" and not (_text(call.previous_id) and user):
        raise _Stop("missing", "previousId" if user else "userId")
    if kind == "group" and not _text(call.group_id):
        raise _Stop("missing", "groupId")
    if kind == "track" and not call.event:
        raise _Stop("missing", "event")
    at = _moment(call.timestamp, "timestamp") if call.timestamp else ""
    traits = call.traits or js.Traits()
    ways = [_user(user), _anonymous(anonymous), *_shown(traits), *_shown(context.traits), *_devices(context)]
    properties = call.properties or {}
    commerce = kind == "track" and bool(_COMMERCE.match(call.event or ""))
    name = (call.event if kind == "track" else call.name) or ""
    currency = _currency(properties) if commerce else ""
    amounts = (_price(properties[n], currency, n) for n in ("total", "revenue", "value") if n in properties)
    return Heard(
        # Without any id, the same bytes are the same call: a file that is sent again says nothing new.
        message=call.message_id or headers.get("zt_message_id") or spread("", text).decode(),
        kind=kind,
        name=_plain(name, "event" if kind == "track" else "name"),
        at=_set_right(at, headers),
        shown=tuple(dict.fromkeys(way for way in ways if way)),
        previous=_previous(_text(call.previous_id)) if kind == "alias" else (),
        items=_items(properties, currency) if commerce else (),
        currency=currency,
        amount=next(amounts, None) if commerce else None,
        order=_code(properties, "order_id") if commerce else "",
        cart=_code(properties, "cart_id") if commerce else "",
        category=_plain(call.category or "", "category"),
        person=_person(traits) or _person(context.traits),
        consents=_consents(context.consent),
    )


def _text(either: js.Either) -> str:
    # 12.0 is how some clients write the number 12.
    whole = int(either) if isinstance(either, float) and either.is_integer() and abs(either) < 2**53 else either
    return "" if whole is None else str(whole).strip()


def _user(value: str) -> tuple[Shown, ...]:
    """A `userId` is whatever the web shop calls its users: an e-mail address, a phone number, or a name or number."""
    if not value:
        return ()
    likely = [Shown("email", value)] if "@" in value else [Shown("phone", value)] if _LONG_NUMBER.match(value) else []
    return (*likely, Shown("login", value), Shown("login", f"id:{value}"))


def _anonymous(value: str) -> tuple[Shown, ...]:
    return (Shown("cookie", value), Shown("cookie", f"anonymous:{value}")) if value else ()


def _previous(value: str) -> tuple[Shown, ...]:
    return _anonymous(value) if _UUID.match(value) else _user(value)


def _shown(traits: js.Traits) -> Iterator[tuple[Shown, ...]]:
    found = (
        ("email", traits.email), ("phone", traits.phone), ("card", traits.card), ("card", traits.member_card),
        ("wechat_openid", traits.openid), ("wechat_unionid", traits.unionid),
    )  # fmt: skip
    return ((Shown(type, _text(value)),) for type, value in found if _text(value))


def _person(traits: js.Traits) -> str:
    """The person's name. Whatever else stands there costs nobody a call."""
    first, last = words(traits.first_name), words(traits.last_name)
    return words(traits.name) or full_name(first, last)


def _consents(said: js.Consent) -> tuple[Consented, ...]:
    """By purpose, which is the category's id in lower case; of two spellings of one, a refusal counts."""
    found: dict[str, bool] = {}
    for category, value in said.category_preferences.items():
        if _PURPOSE.match(category):
            found[category.lower()] = bytes(value) == b"true" and found.get(category.lower(), True)
    return tuple(Consented(purpose, given) for purpose, given in sorted(found.items()))


def _devices(context: js.Context) -> Iterator[tuple[Shown, ...]]:
    types = {"openid": "wechat_openid", "unionid": "wechat_unionid", "card": "card", "phone": "phone", "email": "email"}
    found = [("device", context.device.id), ("device", context.device.advertising_id)]
    found += [(types[str(one.type)], one.id) for one in context.external_ids if str(one.type) in types]
    return ((Shown(type, _text(value)),) for type, value in found if _text(value))


def _set_right(at: str, headers: Mapping[str, str]) -> str:
    """The sender's moment by our clock: sender and receiver agree on when the call was sent (Segment's own formula)."""
    received, sent = headers.get("zt_received_at", ""), headers.get("zt_sent_at", "")
    if not (at and received and sent):
        return at or received
    skew = datetime.fromisoformat(utc(received)) - datetime.fromisoformat(_moment(sent, "sentAt"))
    if abs(skew) < SKEW:
        return at
    try:
        return spelt(datetime.fromisoformat(at) + skew)
    except OverflowError:
        raise _Stop("bad_time", "timestamp") from None


def _moment(text: str, place: str) -> str:
    try:
        return utc(text)
    except (ValueError, IndexError):
        raise _Stop("bad_time", place) from None


def _plain(text: str, place: str) -> str:
    if len(text) > 128:
        raise _Stop("bad_value", place)
    return _PERSONAL.sub("…", " ".join(text.split()))


def _items(properties: Mapping[str, msgspec.Raw], currency: str) -> tuple[Item, ...]:
    listed = properties.get("products")
    if listed is None or bytes(listed) == b"null":
        one = _item(properties, currency, "properties")
        return (one,) if one else ()
    try:
        products = msgspec.json.decode(listed, type=list[dict[str, msgspec.Raw]])
    except msgspec.ValidationError:
        raise _Stop("wrong_type", "properties.products") from None
    if len(products) > MOST_ITEMS:
        raise _Stop("bad_value", "properties.products")
    found = (_item(one, currency, f"properties.products[{n}]") for n, one in enumerate(products, 1))
    return tuple(item for item in found if item)


def _item(fields: Mapping[str, msgspec.Raw], currency: str, place: str) -> Item | None:
    sku = _code(fields, "sku", place) or _code(fields, "product_id", place)
    if not sku:
        return None
    price = fields.get("price")
    quantity = _number(fields["quantity"], f"{place}.quantity") if "quantity" in fields else Decimal(1)
    if quantity is None or quantity != int(quantity) or not 0 <= quantity <= 10**9:
        raise _Stop("bad_value", f"{place}.quantity")
    return Item(sku, int(quantity), None if price is None else _price(price, currency, "price", place))


def _currency(properties: Mapping[str, msgspec.Raw]) -> str:
    raw = bytes(properties.get("currency", b"null"))
    if raw == b"null":
        return ""
    text = raw.strip(b'"').decode(errors="replace")
    if text not in DECIMALS:
        raise _Stop("unknown_currency", "properties.currency")
    return text


def _price(raw: msgspec.Raw, currency: str, name: str, place: str = "properties") -> int | None:
    """In minor units, to the nearest: web shops compute prices in floats. None without a currency or a price."""
    number = _number(raw, f"{place}.{name}")
    if number is None or not currency:
        return None
    amount = int(number.scaleb(DECIMALS[currency]).quantize(Decimal(1), ROUND_HALF_EVEN))
    return amount if abs(amount) <= MOST else _refuse("bad_amount", f"{place}.{name}")


def _number(raw: msgspec.Raw, place: str) -> Decimal | None:
    text = bytes(raw)
    if text == b"null":
        return None
    found = _NUMBER.match(text)
    return Decimal(found.group(1).decode()) if found else _refuse("bad_amount", place)


def _code(fields: Mapping[str, msgspec.Raw], name: str, place: str = "properties") -> str:
    raw = bytes(fields.get(name, b"null"))
    if raw in (b"null", b'""'):
        return ""
    found = _CODE.match(raw)
    return found.group(1).decode() if found else _refuse("bad_value", f"{place}.{name}")


def _refuse(code: str, place: str) -> NoReturn:
    raise _Stop(code, place)
