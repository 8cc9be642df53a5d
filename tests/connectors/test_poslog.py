"""ARTS POSLog 6: the same receipts as `receipts-jsonl`, from XML that may be hostile."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from centers.receipts.accept import accept
from cli.judging import poslog as opened
from connectors.feeds import Number
from connectors.pos import poslog
from connectors.pos.poslog import MAX_DEPTH, NAMESPACE, decode, pieces
from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.pos import PosReceipt
from contracts.receipts import Origin, Receipt
from contracts.refusals import REASONS, Refused
from tests.pos_examples import REFERENCE

EXAMPLE = Path(__file__).parents[2] / "docs" / "feeds" / "poslog-example.xml"

LINE = (
    "<LineItem><Sale><ItemID>WATER</ItemID><ExtendedAmount>4.00</ExtendedAmount>"
    '<Quantity UnitOfMeasureCode="EA">2</Quantity></Sale></LineItem>'
)
TENDER = '<LineItem><Tender TenderType="Cash"><Amount>4.00</Amount></Tender></LineItem>'
HEAD = (
    "<RetailStoreID>S001</RetailStoreID><WorkstationID>1</WorkstationID><SequenceNumber>17</SequenceNumber>"
    "<BusinessDayDate>2026-11-22</BusinessDayDate><EndDateTime>2026-11-22T10:30:00+08:00</EndDateTime>"
    "<OperatorID>anna</OperatorID><CurrencyCode>CNY</CurrencyCode>"
)


def transaction(items: str = LINE + TENDER, head: str = HEAD, attributes: str = "", more: str = "") -> bytes:
    inside = f"{head}<RetailTransaction{more}>{items}</RetailTransaction>"
    return f'<Transaction xmlns="{NAMESPACE}"{attributes}>{inside}</Transaction>'.encode()


def good(value: bytes) -> PosReceipt:
    decoded = decode(value)
    assert isinstance(decoded, PosReceipt), decoded
    return decoded


def of_example() -> Iterator[PosReceipt]:
    with EXAMPLE.open("rb") as file:
        for piece in pieces(file, EXAMPLE):
            yield good(piece.value)


def test_the_documented_example_is_accepted_whole() -> None:
    found = list(of_example())
    assert [(r.number, r.kind) for r in found] == [(4711, "sale"), (4713, "return"), (4714, "sale"), (4715, "void")]
    events = []
    for receipt in found:
        tokens = dict.fromkeys(receipt.identifiers)
        event = accept("demo", receipt, REFERENCE, tokens, received_at="", origin=Origin("", 0, 0))  # type: ignore[arg-type]
        assert isinstance(event, Receipt), event
        events.append(event)
    assert [e.total_cents for e in events] == [3450, -190, 901, -901]
    assert [[(line.sku, line.quantity, line.amount_cents) for line in e.lines] for e in events] == [
        [("WATER", 12, 2200), ("APPLE", 1250, 1250)],
        [("WATER", -1, -190)],
        [("WATER", 5, 901)],
        [("WATER", -5, -901)],
    ]
    assert [e.business_date for e in events] == ["2026-11-21", "2026-11-22", "2026-11-22", "2026-11-22"]
    assert events[1].original_id == events[0].receipt_id
    assert events[3].original_id == events[2].receipt_id


def test_payments_discounts_and_identifiers_of_the_example() -> None:
    sale, _, off, _ = of_example()
    assert [(t.type, t.amount_cents) for t in sale.tenders] == [("cash", 4000), ("cash", -550)]
    assert [(d.promotion, d.amount_cents) for d in sale.lines[0].discounts] == [("P-WATER", 200)]
    assert [(d.promotion, d.amount_cents) for d in off.lines[0].discounts] == [("transaction", 100)]
    assert [(i.type, i.value) for i in (*sale.identifiers, *off.identifiers)] == [
        ("card", "8800 1234"),
        ("phone", "138 1234 5678"),
    ]


def test_the_command_and_the_job_have_the_same_opinion() -> None:
    form = opened(Settings(home=Path("/nowhere"), tenant="demo"), REFERENCE)
    with EXAMPLE.open("rb") as file:
        verdicts = [form.judge(piece) for piece in form.pieces(file, EXAMPLE)]
    days = {4711: "2026-11-21", 4713: "2026-11-22", 4714: "2026-11-22", 4715: "2026-11-22"}
    assert [v.mark for v in verdicts] == [Number("S001", "2", day, n) for n, day in days.items()]
    assert all(v.by == b"demo|S001" for v in verdicts)


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        (b"", Refused("not_xml")),
        (b"<Transaction", Refused("not_xml")),
        (b"<Transaction/>", Refused("not_xml")),
        (transaction() + b"<again/>", Refused("not_xml")),
        (transaction(attributes=' CancelFlag="true"'), Refused("no_receipt")),
        (transaction(attributes=' TrainingModeFlag="1"'), Refused("no_receipt")),
        (transaction(more=' TransactionStatus="Suspended"'), Refused("no_receipt")),
        (transaction(head=HEAD.replace("<OperatorID>anna</OperatorID>", "")), Refused("missing", "OperatorID")),
        (transaction(head=HEAD.replace("RetailStoreID", "Other")), Refused("missing", "RetailStoreID")),
        (transaction(head=HEAD.replace("CNY", "XXX")), Refused("unknown_currency", "CurrencyCode")),
        (transaction(head=HEAD.replace("17<", "x17<")), Refused("bad_value", "SequenceNumber")),
        (transaction(head=HEAD.replace("+08:00", "")), Refused("bad_time", "at")),
        (transaction(head=HEAD.replace("2026-11-22<", "2026-13-22<")), Refused("bad_value", "business_date")),
        (transaction(head=HEAD.replace("S001", "a|b")), Refused("bad_value", "store")),
        (transaction(TENDER), Refused("no_lines", "lines")),
        (transaction(LINE), Refused("tenders_differ", "tenders")),
        (
            transaction(LINE.replace("4.00", "4.005") + TENDER),
            Refused("bad_amount", "RetailTransaction/LineItem[1]/Sale/ExtendedAmount"),
        ),
        (
            transaction(LINE + TENDER.replace("<Amount>", '<Amount Currency="USD">')),
            Refused("mixed_currencies", "RetailTransaction/LineItem[2]/Tender/Amount"),
        ),
        (
            transaction(LINE + LINE.replace(">2<", ">two<") + TENDER),
            Refused("bad_value", "RetailTransaction/LineItem[2]/Sale/Quantity"),
        ),
        (
            transaction(LINE.replace("<ItemID>WATER</ItemID>", "") + TENDER),
            Refused("sku_or_barcode", "RetailTransaction/LineItem[1]/Sale"),
        ),
        (transaction(LINE + TENDER + "<X>" * MAX_DEPTH + "</X>" * MAX_DEPTH), Refused("too_deep")),
    ],
)
def test_what_is_wrong_is_told_with_its_path(value: bytes, refused: Refused) -> None:
    assert decode(value) == refused
    assert refused.code in REASONS


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE Transaction [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + transaction(LINE.replace("WATER", "&a;")),
        b'<!DOCTYPE T [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>' + transaction(LINE.replace("WATER", "&b;")),
        transaction(LINE.replace("WATER", "&undeclared;") + TENDER),
        b'<!DOCTYPE Transaction SYSTEM "http://127.0.0.1:1/x.dtd">' + transaction(),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE T [<!ENTITY a "b">]>' + transaction().decode()).encode("utf-16"),
    ],
)  # fmt: skip
def test_entities_and_document_types_are_refused_and_nothing_is_opened(document: bytes) -> None:
    assert decode(document) == Refused("not_xml")
    with pytest.raises(BadInput):
        list(pieces(io.BytesIO(document), Path("x.xml")))


def test_mixed_goods_are_a_sale_and_only_returned_ones_a_return() -> None:
    back = LINE.replace("Sale>", "Return>")
    mixed = good(transaction(LINE + back))
    assert (mixed.kind, [line.quantity for line in mixed.lines]) == ("sale", ["2", "-2"])
    returned = good(transaction(back + TENDER))
    assert (returned.kind, returned.lines[0].quantity, returned.tenders[0].amount_cents) == ("return", "2", 400)


@pytest.mark.parametrize(
    ("quantity", "read"),
    [
        ('<Quantity UnitOfMeasureCode="EA">3</Quantity>', ("3", "each")),
        ('<Quantity Units="1.250" UnitOfMeasureCode="KGM">1</Quantity>', ("1.25", "kg")),
        ('<Quantity Units="2" UnitOfMeasureCode="case">3</Quantity>', ("6", "case")),
        ("<Quantity>0.5</Quantity>", ("0.5", "each")),
        ('<Quantity Units="0.10">-10</Quantity>', ("1", "each")),
    ],
)
def test_quantities_are_times_their_units(quantity: str, read: tuple[str, str]) -> None:
    line = LINE.replace('<Quantity UnitOfMeasureCode="EA">2</Quantity>', quantity)
    if "-10" in quantity:  # goods came back: all of them, so it is a return, written positive
        line = line.replace("4.00", "-4.00")
    found = good(transaction(line + TENDER)).lines[0]
    assert (found.quantity, found.unit) == read


def test_a_large_file_is_streamed_and_a_cut_one_says_where() -> None:
    one = transaction()
    whole = b'<POSLog xmlns="' + NAMESPACE.encode() + b'">' + b"\n".join([one] * 5_000)
    found = 0

    class Counted(io.BytesIO):
        most = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.most = max(self.most, self.tell())
            return super().read(size)

    file = Counted(whole)
    stream = pieces(file, Path("cut.xml"))
    next(stream)
    assert file.most < len(whole) // 10
    with pytest.raises(BadInput, match=r"cut.xml:\d+ is not well-formed"):
        for found, _ in enumerate(stream, 2):  # noqa: B007
            pass
    assert found == 5_000


@pytest.mark.parametrize(
    ("wrong", "told"),
    [(b"<POSLog/>", "does not begin"), (b"<html></html>", "does not begin"), (b"<a>", "does not begin"),
     (b"<html>" + b"<p>" * 100_000, "does not begin"), (b"<html><p></html>", "does not begin"),
     (b"<!DOCTYPE a><POSLog/>", "document type"), (b"", "not well-formed"), (b'{"store": 1}', "1 is not well-formed"),
     (b"<!--" + b"x" * poslog.LONGEST, "longer than")],
)  # fmt: skip
def test_what_is_no_poslog_is_told_by_how_it_begins(wrong: bytes, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        list(pieces(io.BytesIO(wrong), Path("x.xml")))


def test_an_endless_transaction_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poslog, "LONGEST", 100_000)
    endless = transaction(LINE * 5_000)
    with pytest.raises(BadInput, match="longer than"):
        list(pieces(io.BytesIO(endless), Path("x.xml")))
