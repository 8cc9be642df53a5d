"""Receipts that must be refused: each has exactly one thing wrong, and `contracts.refusals` says with which code.

A poison is made from a good receipt, which is not sent otherwise. Nothing is made that breaks two rules at once, so the
code does not depend on the order in which a reader checks them. (`too_deep` is left out for that reason: what nests too
deep also holds the wrong type.)
"""

from collections.abc import Callable
from typing import Any

import msgspec

Receipt = dict[str, Any]
MIB = 1 << 20
# None of these byte strings is UTF-8 by accident (tests check).
CLERK_NAMES = ("王芳", "李娜", "张伟", "刘洋")
# The check digit is right, so only the reference file can tell that no product has it.
NOBODYS_BARCODE = "2999999999991"
NOBODYS_SKU = "P99999999"


def good_object(text: str) -> Receipt:
    receipt: Receipt = msgspec.json.decode(text)
    return receipt


def _bytes(receipt: Receipt) -> bytes:
    return msgspec.json.encode(receipt)


def _first_line(receipt: Receipt, **change: object) -> bytes:
    first, *others = receipt["lines"]
    changed = {k: v for k, v in (first | change).items() if v is not None}
    return _bytes(receipt | {"lines": [changed, *others]})


def _cut_off(receipt: Receipt) -> bytes:
    whole = _bytes(receipt)
    return whole[: len(whole) * 2 // 3]


def _gbk(receipt: Receipt) -> bytes:
    name = CLERK_NAMES[receipt["number"] % len(CLERK_NAMES)]
    return _bytes(receipt | {"clerk": "?GBK?"}).replace(b"?GBK?", name.encode("gbk"))


def _without(receipt: Receipt) -> bytes:
    gone = ("clerk", "currency", "tenders")[receipt["number"] % 3]
    return _bytes({k: v for k, v in receipt.items() if k != gone})


def _amount_as_text(receipt: Receipt) -> bytes:
    return _first_line(receipt, amount_cents=str(receipt["lines"][0]["amount_cents"]))


def _tenders_one_more(receipt: Receipt) -> bytes:
    return _bytes(receipt | {"tenders": [*receipt["tenders"], {"type": "cash", "amount_cents": 100}]})


def _misspelt(receipt: Receipt) -> bytes:
    return _first_line(receipt, discounts=None, discount=[{"promotion": "LOYALTY", "amount_cents": 100}])


def _no_phone(receipt: Receipt) -> bytes:
    # "12345" would not do: it may be dialled in some town.
    value = ("n/a", "138001380001380013800")[receipt["number"] % 2]
    return _bytes(receipt | {"identifiers": [{"type": "phone", "value": value}]})


def _currency_twice(receipt: Receipt) -> bytes:
    return _bytes(receipt).replace(b'"currency":"CNY"', b'"currency":"CNY","currency":"CNY"', 1)


def _padded(receipt: Receipt) -> bytes:
    short = len(_bytes(receipt | {"clerk": ""}))
    return _bytes(receipt | {"clerk": "C" * (MIB + 1 - short)})


# code → how to spoil a receipt whose first line is a product counted in "each".
SPOILERS: dict[str, Callable[[Receipt], bytes]] = {
    "not_json": _cut_off,
    "not_utf8": _gbk,
    "missing": _without,
    "wrong_type": _amount_as_text,
    "tenders_differ": _tenders_one_more,
    "unknown_barcode": lambda r: _first_line(r, sku=None, barcode=NOBODYS_BARCODE),
    "unknown_unit": lambda r: _first_line(r, unit="pallet"),
    "bad_time": lambda r: _bytes(r | {"at": r["at"].removesuffix("+08:00")}),
    "no_lines": lambda r: _bytes(r | {"lines": [], "tenders": []}),
    "unknown_field": _misspelt,
    "bad_identifier": _no_phone,
    "part_of_unit": lambda r: _first_line(r, quantity="1.5", unit="each"),
    "too_large": _padded,
    "unknown_sku": lambda r: _first_line(r, barcode=None, sku=NOBODYS_SKU),
    "sku_or_barcode": lambda r: _first_line(r, sku=NOBODYS_SKU, barcode=NOBODYS_BARCODE),
    "written_twice": _currency_twice,
    "bad_value": lambda r: _bytes(r | {"currency": "cny"}),
}
CODES = tuple(SPOILERS)
# After each code has had its turn, those that do not cost a mebibyte each go round again.
AGAIN = tuple(code for code in CODES if code != "too_large")


def code_of(rank: int) -> str:
    """The code of the poison number `rank`, from 0."""
    return CODES[rank] if rank < len(CODES) else AGAIN[(rank - len(CODES)) % len(AGAIN)]


def spoiled(code: str, text: str) -> bytes:
    """The poison form of a good receipt: one line without its end, to be refused with `code`."""
    return SPOILERS[code](good_object(text))
