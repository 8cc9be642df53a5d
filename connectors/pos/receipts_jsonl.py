"""The feed format `receipts-jsonl`: one receipt a line, as docs/feeds/pos.md tells integrators.

Pure: the connector that sends a file and the job that takes its records ask the same function, so they agree about
every line, whatever its bytes are. This file cannot tell what time it is and knows no product.
"""

import hashlib
import re
from itertools import chain

import msgspec

from connectors.pos.quick import quickly, written
from connectors.strict_json import BOM, misshapen, unreadable, written_twice
from contracts.instants import utc
from contracts.keys import key
from contracts.money import DECIMALS
from contracts.pos import Line, PosReceipt
from contracts.refusals import Refused

FORMAT = "receipts-jsonl"
TIMES = ("at",)

_read = msgspec.json.Decoder(PosReceipt).decode
_KEYS = re.compile(rb'"\s*:')


def decode(line: bytes) -> PosReceipt | Refused:
    """The receipt of one line, or why it is none.

    Never raises, for any bytes. The same bytes give the same answer in any process. A refusal holds no value of theirs.
    """
    text = line.removeprefix(BOM)
    if (usual := quickly(text)) is not None:
        return nonsense(usual) or usual
    try:
        receipt = _read(text)
    except msgspec.ValidationError as error:
        return unreadable(text) or misshapen(str(error), TIMES)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return unreadable(text) or Refused("not_json")
    return _ambiguous(text, receipt) or nonsense(receipt) or receipt


def partitioning_key(tenant: str, line: bytes, decoded: PosReceipt | Refused) -> bytes:
    """What decides the partition of a raw record: the store; for what cannot be read, a hash that spreads it evenly."""
    if isinstance(decoded, PosReceipt):
        return key(tenant, decoded.store)
    return key(tenant, hashlib.sha256(line).hexdigest())


def _ambiguous(text: bytes, receipt: PosReceipt) -> Refused | None:
    """Refuses what JSON leaves open: a field written twice (readers keep one and drop the other's money silently)."""
    if b"\\" in text:
        # Only an escape can put a line end into a string, where the patterns' `$` overlooks it in the last place.
        for value, place in _texts(msgspec.to_builtins(receipt), ""):
            if value.endswith("\n"):
                return Refused("bad_time" if place == "at" else "bad_value", place)
    if len(_KEYS.findall(text)) == written(receipt):
        return None
    # More keys than fields that hold something: nulls and empty lists, or a field twice. Only now read it again.
    return written_twice(text)


def _texts(value: object, place: str) -> "chain[tuple[str, str]]":
    """Every text in a value of plain lists and objects, with its place."""
    if isinstance(value, str):
        return chain([(value, place)])
    if isinstance(value, dict):
        return chain.from_iterable(_texts(v, f"{place}.{k}".lstrip(".")) for k, v in value.items())
    if isinstance(value, list | tuple):
        return chain.from_iterable(_texts(v, f"{place}[{n}]") for n, v in enumerate(value, 1))
    return chain()


def nonsense(receipt: PosReceipt) -> Refused | None:
    """What a schema cannot say: real times, whole receipts, signs that agree, payments that add up."""
    if not _is_moment(receipt.at):
        return Refused("bad_time", "at")
    days = {"business_date": receipt.business_date}
    if receipt.original:
        days["original.business_date"] = receipt.original.business_date
    for place, day in days.items():
        if day is not None and not _is_moment(f"{day}T00:00:00Z"):
            return Refused("bad_value", place)
    if not receipt.lines:
        return Refused("no_lines", "lines")
    undoes = receipt.kind != "sale"
    for n, line in enumerate(receipt.lines, 1):
        if (line.sku is None) == (line.barcode is None):
            return Refused("sku_or_barcode", f"lines[{n}]")
        if wrong := _wrong_sign(line, undoes):
            return Refused("bad_value", f"lines[{n}].{wrong}")
    return _wrong_payment(receipt, undoes)


def _wrong_payment(receipt: PosReceipt, undoes: bool) -> Refused | None:
    if receipt.currency not in DECIMALS:
        return Refused("unknown_currency", "currency")
    paid = 0
    for n, tender in enumerate(receipt.tenders, 1):
        if undoes and tender.amount_cents < 0:
            return Refused("bad_value", f"tenders[{n}].amount_cents")
        paid += tender.amount_cents
    owed = sum([line.amount_cents for line in receipt.lines])
    return None if paid == owed else Refused("tenders_differ", "tenders")


def _wrong_sign(line: Line, undoes: bool) -> str:
    """The field whose sign cannot be, or "". The kind of the receipt carries the sign of what it undoes."""
    quantity, amount = line.quantity, line.amount_cents
    negative = quantity[0] == "-" and not _is_zero(quantity)
    if undoes:
        return "quantity" if negative else "amount_cents" if amount < 0 else ""
    if amount == 0 or negative == (amount < 0):
        return ""
    return "" if _is_zero(quantity) else "amount_cents"


def _is_zero(quantity: str) -> bool:
    return not quantity.strip("-0.")


def _is_moment(text: str) -> bool:
    """Whether it is a moment of the calendar in which there were tills and banks: 1970 to 2099."""
    try:
        return "1970" <= utc(text) < "2100"
    except ValueError:
        return False
