"""The feed format `poslog`: ARTS (NRF/OMG) POSLog 6 XML, as docs/feeds/pos.md tells integrators.

Pure, and safe against hostile XML: no document type, no entity, no network; a transaction has a size and a depth. The same
function decodes for the command that sends files and for the job that takes their records. A raw record is one Transaction
element, with its namespace declared. Elements that this page does not name are passed over, as POSLog's many vendors
extend it; a receipt whose money would then not add up is refused, because payments must equal lines.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from lxml import etree

from connectors.feeds import Piece
from connectors.pos.poslog_items import line_items, positive
from connectors.pos.poslog_xml import NAMESPACE, Wrong, every, find, flag, optional, single, text, words
from connectors.pos.receipts_jsonl import nonsense
from contracts.errors import BadInput
from contracts.money import DECIMALS
from contracts.pos import Line, Original, PosReceipt, ShownIdentifier
from contracts.refusals import Refused

FORMAT = "poslog"
MAX_DEPTH = 32
LONGEST = 8 << 20  # of one transaction in a file: a large receipt is a thousandth of it

# Transactions that are no receipt: begun and given up, put aside, or for practice.
UNFINISHED = frozenset(("Suspended", "Voided", "Canceled", "Cancelled", "InProcess", "Failed", "Training"))
UNDONE = frozenset(("PostVoid", "PostVoided", "Void", "Voided"))
_PARSER: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
_TRANSACTION = f"{{{NAMESPACE}}}Transaction"


# -- a file into transactions ------------------------------------------------------------------------------------------


def pieces(file: BinaryIO, path: Path) -> Iterator[Piece]:
    """The retail transactions of a POSLog file, one at a time, however large the file is.

    Control, tender-control and other transactions are no receipts and are passed over, as are those that were cancelled,
    suspended or for practice. Raises `BadInput` for what is no POSLog, where it stops being one.
    """
    bounded = _Bounded(file, path)
    _begins(bounded, path)
    try:
        # No other element has an event: lxml takes quadratic time to free a subtree in which any is still held.
        for _, element in etree.iterparse(bounded, events=("end",), tag=_TRANSACTION, **_PARSER):
            bounded.since = 0
            if _is_receipt(element):
                yield Piece(etree.tostring(element, encoding="UTF-8", with_tail=False), element.sourceline or 0)
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]  # else the file's skeleton would grow in memory
    except etree.XMLSyntaxError as error:
        line = error.lineno or 0
        raise BadInput(
            f"{path}:{line} is not well-formed XML; the transactions before it were sent.",
            "Is the file whole? Export it again; what was sent already counts once.",
        ) from None


class _Bounded:
    """A file of which no more than `LONGEST` bytes are read between two transactions. `head` is read before it."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path, self.since, self.head = file, path, 0, b""

    def read(self, size: int = -1) -> bytes:
        if self.head:
            head, self.head = self.head, b""
            return head
        self.since += size
        if self.since > LONGEST:
            raise BadInput(
                f"{self._path}: a transaction is longer than {LONGEST >> 20} MiB.", "Is this a file of POSLog 6?"
            )
        return self._file.read(size)


def _begins(bounded: _Bounded, path: Path) -> None:
    """Refuses a file by its first element, and leaves what was read of it to be read again."""
    parser = etree.XMLPullParser(events=("start",), **_PARSER)
    read, root = [], None
    with suppress(etree.XMLSyntaxError):  # told with its line when the transactions are read
        while root is None and (chunk := bounded.read(1 << 15)):
            read.append(chunk)
            parser.feed(chunk)
            root = next((element for _, element in parser.read_events()), None)
    if root is None:
        with suppress(etree.XMLSyntaxError):
            parser.close()
        root = next((element for _, element in parser.read_events()), None)
    if root is not None:
        _is_poslog(root, path)
    bounded.head = b"".join(read)


def _is_poslog(root: Any, path: Path) -> None:
    if root.getroottree().docinfo.doctype:
        raise BadInput(
            f"{path} has a document type (DOCTYPE).", "Export it without one: it can make readers open files."
        )
    if root.tag not in (f"{{{NAMESPACE}}}POSLog", _TRANSACTION):
        raise BadInput(
            f"{path} does not begin with a POSLog element of the namespace {NAMESPACE}.",
            "Is this a file of ARTS POSLog 6?",
        )


def _is_receipt(transaction: Any) -> bool:
    if flag(transaction, "CancelFlag") or flag(transaction, "TrainingModeFlag"):
        return False
    retail = find(transaction, "RetailTransaction")
    return retail is not None and retail.get("TransactionStatus", "") not in UNFINISHED


# -- a transaction into a receipt --------------------------------------------------------------------------------------


def decode(value: bytes) -> PosReceipt | Refused:
    """The receipt of one Transaction element, or why it is none. Never raises; a refusal holds no value of the bytes.

    The place is the path of the element below Transaction: `RetailTransaction/LineItem[2]/Sale/ExtendedAmount`.
    """
    try:
        transaction = etree.fromstring(value, etree.XMLParser(**_PARSER))
    except (etree.XMLSyntaxError, ValueError):
        return Refused("not_xml")
    try:
        _safe(transaction)
        if not _is_receipt(transaction):
            return Refused("no_receipt")
        receipt = _receipt(transaction)
    except Wrong as wrong:
        return wrong.refused
    return _shaped(receipt)


def _safe(transaction: Any) -> None:
    if transaction.getroottree().docinfo.doctype:
        raise Wrong("not_xml")
    if transaction.tag != _TRANSACTION:
        raise Wrong("not_xml")
    depth = 0
    for event, element in etree.iterwalk(transaction, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise Wrong("too_deep")
        if not isinstance(element.tag, str):
            raise Wrong("not_xml")  # an entity that nothing declares


def _shaped(receipt: PosReceipt) -> PosReceipt | Refused:
    """The receipt if its values are as a till's must be (contracts/pos.py) and it makes sense, in whatever format."""
    try:
        msgspec.convert(msgspec.to_builtins(receipt), PosReceipt)
    except msgspec.ValidationError as error:
        found = re.search(r" - at `\$\.?([^`]*)`$", str(error))
        place = re.sub(r"\[(\d+)\]", lambda n: f"[{int(n.group(1)) + 1}]", found.group(1)) if found else ""
        return Refused("bad_time" if place == "at" else "bad_value", place)
    return nonsense(receipt) or receipt


def _receipt(transaction: Any) -> PosReceipt:
    retail = single(transaction, "RetailTransaction")
    currency = _currency(transaction)
    lines, tenders = line_items(retail, currency)
    kind, original = _kind(retail, transaction, lines)
    if kind != "sale":
        lines = [positive(line) for line in lines]
        paid = sum(t.amount_cents for t in tenders)
        tenders = [msgspec.structs.replace(t, amount_cents=-t.amount_cents) for t in tenders] if paid < 0 else tenders
    number = text(transaction, "SequenceNumber")
    if not re.fullmatch(r"[0-9]{1,15}", number, re.ASCII):
        raise Wrong("bad_value", "SequenceNumber")
    at = optional(transaction, "EndDateTime") or text(transaction, "BeginDateTime")
    return PosReceipt(
        store=_store(transaction),
        till=text(transaction, "WorkstationID"),
        clerk=text(transaction, "OperatorID"),
        number=int(number),
        at=at,
        kind=kind,  # type: ignore[arg-type]
        currency=currency,
        lines=tuple(lines),
        tenders=tuple(tenders),
        identifiers=tuple(dict.fromkeys(_identifiers(retail))),
        original=original,
        business_date=optional(transaction, "BusinessDayDate"),
    )


def _store(element: Any, place: str = "") -> str:
    found = optional(element, "RetailStoreID")
    if found is None:
        unit = find(element, "BusinessUnit")
        found = None if unit is None else optional(unit, "UnitID")
    if found is None:
        raise Wrong("missing", f"{place}RetailStoreID")
    return found


def _currency(transaction: Any) -> str:
    """CurrencyCode, or the Currency of the first amount that says one."""
    code = optional(transaction, "CurrencyCode")
    if code is None:
        code = next((c for e in transaction.iter() if (c := e.get("Currency"))), None)
    if code is None:
        raise Wrong("missing", "CurrencyCode")
    if code not in DECIMALS:
        raise Wrong("unknown_currency", "CurrencyCode")
    return code


def _kind(retail: Any, transaction: Any, lines: list[Line]) -> tuple[str, Original | None]:
    """What the transaction does, and the one that it refers to: POSLog links the two, and says by which reason."""
    link = next(iter(every(retail, "TransactionLink")), None)
    undone = retail.get("TransactionStatus", "") in UNDONE or (link is not None and link.get("ReasonCode") in UNDONE)
    kind = "void" if undone else "sale"
    if not undone and lines and all(line.quantity.startswith("-") for line in lines):
        kind = "return"
    if link is None or kind == "sale":
        return kind, None
    place = "RetailTransaction/TransactionLink/"
    number = text(link, "SequenceNumber", place)
    if not re.fullmatch(r"[0-9]{1,15}", number, re.ASCII):
        raise Wrong("bad_value", f"{place}SequenceNumber")
    store = optional(link, "RetailStoreID") or (
        _store(link, place) if find(link, "BusinessUnit") is not None else _store(transaction)
    )
    return kind, Original(
        store=store,
        till=text(link, "WorkstationID", place),
        number=int(number),
        business_date=text(link, "BusinessDayDate", place),
    )


def _identifiers(retail: Any) -> Iterator[ShownIdentifier]:
    """Loyalty cards and phone numbers. A CustomerID is the vendor's own and names nobody elsewhere."""
    for holder in (*every(retail, "LoyaltyAccount"), *every(retail, "Customer")):
        for name in ("LoyaltyID", "CardNumber"):
            for card in filter(None, map(words, every(holder, name))):
                yield ShownIdentifier(type="card", value=card)
    for customer in every(retail, "Customer"):
        for phone in every(customer, "TelephoneNumber"):
            if full := optional(phone, "FullTelephoneNumber") or words(phone):
                yield ShownIdentifier(type="phone", value=full)
