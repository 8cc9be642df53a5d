"""What could be read as something else than it says is refused with what is wrong and where, or read as it is meant."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from centers.masters.cells import fields
from connectors.ecommerce import shopify
from connectors.erp import debezium, drop
from connectors.pos import poslog, receipts_jsonl
from connectors.wms import epcis
from contracts.epcis import EpcisEvent
from contracts.erp import TABLES
from contracts.gs1 import Identifier, Wrong, identify
from contracts.pos import PosReceipt
from contracts.refusals import Refused
from contracts.units import unit_named, zone
from tests.shopify_examples import delivery, line, order

FEEDS = Path(__file__).parents[2] / "docs" / "feeds"
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
TRANSACTION = f"""<Transaction xmlns="{poslog.NAMESPACE}"><RetailStoreID>S001</RetailStoreID><WorkstationID>1</WorkstationID>
<SequenceNumber>17</SequenceNumber><BusinessDayDate>2026-11-22</BusinessDayDate>
<EndDateTime>2026-11-22T10:30:00+08:00</EndDateTime><OperatorID>anna</OperatorID><CurrencyCode>CNY</CurrencyCode>
<RetailTransaction><LineItem><Sale><ItemID>WATER</ItemID><ExtendedAmount>4.00</ExtendedAmount><Quantity>2</Quantity></Sale></LineItem>
<LineItem><Tender TenderType="Cash"><Amount>4.00</Amount></Tender></LineItem></RetailTransaction></Transaction>"""


# -- tills -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("currency", ["XYZ", "RMB", "CNH", "XAU"])
def test_a_receipt_in_a_currency_that_nobody_pays_with_is_refused(currency: str) -> None:
    receipt = json.loads((FEEDS / "pos-example.jsonl").read_bytes().splitlines()[0])
    assert isinstance(receipts_jsonl.decode(json.dumps(receipt).encode()), PosReceipt)
    wrong = json.dumps(receipt | {"currency": currency}).encode()
    assert receipts_jsonl.decode(wrong) == Refused("unknown_currency", "currency")


@pytest.mark.parametrize(("field", "code"), [("at", "bad_time"), ("business_date", "bad_value")])
@pytest.mark.parametrize("day", ["0026-11-22", "1926-11-22", "2206-11-22"])
def test_a_receipt_of_another_century_is_refused(field: str, code: str, day: str) -> None:
    receipt = json.loads((FEEDS / "pos-example.jsonl").read_bytes().splitlines()[0])
    said = f"{day}T10:30:00+08:00" if field == "at" else day
    assert receipts_jsonl.decode(json.dumps(receipt | {field: said}).encode()) == Refused(code, field)


SALE = "RetailTransaction/LineItem[1]/Sale"


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("<ExtendedAmount>4.00", "<ExtendedAmount/><ExtendedAmount>4.00", "written_twice", f"{SALE}/ExtendedAmount"),
        ("<Quantity>2", "<Quantity>1</Quantity><Quantity>2", "written_twice", f"{SALE}/Quantity"),
        ("<CurrencyCode>", "<CurrencyCode>USD</CurrencyCode><CurrencyCode>", "written_twice", "CurrencyCode"),
        ("<SequenceNumber>", "<SequenceNumber>1</SequenceNumber><SequenceNumber>", "written_twice", "SequenceNumber"),
        ("<EndDateTime>", "<EndDateTime>2026-11-21T10:30:00+08:00</EndDateTime><EndDateTime>", "written_twice", "EndDateTime"),
        ("<Sale>", "<Sale/><Sale>", "written_twice", SALE),
        ("<Tender ", "<Tender/><Tender ", "written_twice", "RetailTransaction/LineItem[2]/Tender"),
        ("4.00</ExtendedAmount>", "4<x/>.50</ExtendedAmount>", "bad_amount", f"{SALE}/ExtendedAmount"),
        (">2</Quantity>", ">2<x/>0</Quantity>", "bad_value", f"{SALE}/Quantity"),
        (">CNY</CurrencyCode>", ">RMB</CurrencyCode>", "unknown_currency", "CurrencyCode"),
        ("<ExtendedAmount>", '<ExtendedAmount Currency="USD">', "mixed_currencies", f"{SALE}/ExtendedAmount"),
    ],
)  # fmt: skip
def test_a_transaction_that_says_two_things_is_refused(old: str, new: str, code: str, place: str) -> None:
    assert isinstance(poslog.decode(TRANSACTION.encode()), PosReceipt)
    assert TRANSACTION.count(old) == 1
    assert poslog.decode(TRANSACTION.replace(old, new).encode()) == Refused(code, place)


# -- web shops ---------------------------------------------------------------------------------------------------------


def test_shipping_in_another_currency_than_its_order_is_refused() -> None:
    def shipping(currency: str) -> Any:
        money = {"shop_money": {"amount": "8.00", "currency_code": currency}}
        return shopify.decode(delivery("orders/create", order(total_shipping_price_set=money)), {})

    assert not isinstance(shipping("CNY"), Refused)
    place = "body.total_shipping_price_set.shop_money.currency_code"
    assert shipping("USD") == Refused("mixed_currencies", place)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"price": "-6.00"}, "price"),
        ({"total_discount": "12.01"}, "total_discount"),
        ({"total_discount": "-1.00"}, "total_discount"),
        ({"discount_allocations": [{"amount": "7.00"}, {"amount": "5.01"}]}, "discount_allocations"),
    ],
)  # fmt: skip
def test_a_line_that_owes_less_than_nothing_is_refused(changed: dict[str, Any], field: str) -> None:
    assert not isinstance(shopify.decode(delivery("orders/create", order(line_items=[line()])), {}), Refused)
    said = shopify.decode(delivery("orders/create", order(line_items=[line(**changed)])), {})
    assert said == Refused("bad_amount", f"body.line_items[1].{field}")


# -- warehouses --------------------------------------------------------------------------------------------------------


def event(**changed: Any) -> EpcisEvent | Refused:
    made = {
        "@context": [CONTEXT, {"zt": "https://zhongtai.dev/epcis/"}],
        "type": "ObjectEvent",
        "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "eventTime": "2026-11-22T10:30:00.000+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "ADD",
        "bizStep": "commissioning",
        "readPoint": {"id": "urn:epc:id:sgln:9520000.00001.0"},
        "quantityList": [{"epcClass": "urn:epc:class:lgtin:2000001.012345.L1", "quantity": 12}],
    }
    return epcis.decode(json.dumps(made | changed).encode())


@pytest.mark.parametrize(
    "context",
    [CONTEXT, [CONTEXT], ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"], ["https://gs1.github.io/EPCIS/epcis-context.jsonld"]],
)  # fmt: skip
def test_an_event_in_gs1s_context_is_taken(context: Any) -> None:
    assert isinstance(event(**{"@context": context}), EpcisEvent)


SETS = ["cbv:Disp-damaged", "cbv:Disp-damagd"]
SOURCES = [{"type": "cbv:SDT-locaton", "source": "urn:epc:id:sgln:9520000.00001.0"}]


@pytest.mark.parametrize(
    ("changed", "code", "place"),
    [
        ({"@context": "https://example.com/other.jsonld"}, "epcis_context", "@context"),
        ({"@context": [{"ex": "https://example.com/"}]}, "epcis_context", "@context"),
        ({"bizStep": "https://ref.gs1.org/cbv/BizStep-recieving"}, "epcis_vocabulary", "bizStep"),
        ({"bizStep": "cbv:BizStep-recieving"}, "epcis_vocabulary", "bizStep"),
        ({"disposition": "https://ns.gs1.org/cbv/Disp-damagd"}, "epcis_vocabulary", "disposition"),
        ({"persistentDisposition": {"set": SETS}}, "epcis_vocabulary", "persistentDisposition.set[2]"),
        ({"sourceList": SOURCES}, "epcis_vocabulary", "sourceList[1].type"),
        ({"zt:countStrat": "2026-11-22T10:30:00Z"}, "epcis_field", "countStrat"),
        ({"https://zhongtai.dev/epcis/countFinish": "2026-11-22T10:30:00Z"}, "epcis_field", "countFinish"),
        ({"ilmd": {"cbvmda:itemExpirationDate": "2027-02-30"}}, "epcis_value", "ilmd.itemExpirationDate"),
        ({"ilmd": {"cbvmda:itemExpirationDate": "31.03.2027"}}, "epcis_value", "ilmd.itemExpirationDate"),
        ({"ilmd": {"cbvmda:itemExpirationDate": 20270331}}, "epcis_value", "ilmd.itemExpirationDate"),
        ({"epcList": ["https://id.gs1.org/01/09521568251204/21/1?17=271332"]}, "epcis_identifier", "epcList[1]"),
        ({"epcList": ["https://id.gs1.org/01/09521568251204/10/A/10/B/21/1"]}, "epcis_identifier", "epcList[1]"),
    ],
)  # fmt: skip
def test_an_event_that_could_be_read_otherwise_is_refused(changed: dict[str, Any], code: str, place: str) -> None:
    assert event(**changed) == Refused(code, place)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2099-12-31", "2099-12-31"),
        ("9999-12-31", "9999-12-31"),
        ("20270331", "2027-03-31"),
        ("2027-03-31T00:00:00+08:00", "2027-03-31"),
    ],
)  # fmt: skip
def test_the_century_of_an_expiry_is_the_one_that_is_written(written: str, day: str) -> None:
    found = event(ilmd={"cbvmda:itemExpirationDate": written})
    assert isinstance(found, EpcisEvent)
    assert found.expires_on == day


def test_words_of_somebodys_own_vocabulary_stay_theirs() -> None:
    found = event(bizStep="https://example.com/steps/folding", ilmd={"https://example.com/itemExpirationDate": "soon"})
    assert isinstance(found, EpcisEvent)
    assert (found.bizStep, found.expires_on) == ("https://example.com/steps/folding", "")


@pytest.mark.parametrize("version", ["1.2", "3.0", "2.x", ""])
def test_a_document_of_another_version_is_refused(version: str) -> None:
    document = json.loads((FEEDS / "wms-example.jsonld").read_bytes())
    assert isinstance(epcis.split(json.dumps(document | {"schemaVersion": "2.0.1"}).encode()), list)
    found = epcis.split(json.dumps(document | {"schemaVersion": version}).encode())
    assert isinstance(found, Refused)
    assert (found.code in {"epcis_version", "epcis_value"}, found.place) == (True, "schemaVersion")


def test_a_digital_link_with_one_lot_and_a_day_is_whole() -> None:
    found = identify("https://id.gs1.org/01/09521568251204/10/A?17=271300")
    assert isinstance(found, Wrong)
    assert identify("https://id.gs1.org/01/09521568251204/10/A?17=271200") == Identifier(
        "gtin", "09521568251204", lot="A", expires="271200"
    )


def test_a_carton_is_no_case_where_a_product_has_both() -> None:
    both = {"each": 1, "case": 12, "carton": 144, "piece": 2}
    assert (unit_named("CT", both), unit_named("XCT", both), unit_named("CS", both)) == ("carton", "carton", "case")
    assert (unit_named("H87", both), unit_named("EA", both), unit_named("CT", {"case": 12})) == (
        "piece",
        "each",
        "case",
    )


# -- the ERP -----------------------------------------------------------------------------------------------------------


def change(ts_ms: int = 1795312800108, **after: Any) -> Any:
    row = {
        "po": "PO1",
        "supplier": "V1",
        "location": "DC1",
        "currency": "CNY",
        "ordered_at": 1795312800108,
        "status": "open",
    }
    source = {"table": "purchase_order", "lsn": 7, "ts_ms": ts_ms}
    return debezium.decode(json.dumps({"before": None, "after": row | after, "source": source, "op": "c"}).encode())


def test_seconds_where_milliseconds_belong_are_no_day_of_1970() -> None:
    assert not isinstance(change(), Refused)
    assert change(ts_ms=1795312800) == Refused("bad_time", "source.ts_ms")
    assert change(ordered_at=1795312800) == Refused("bad_time", "after.ordered_at")


@pytest.mark.parametrize("name", ["localtime", "posixrules", "EST", "Etc/GMT-8", "GMT+0", "Etc/GMT0", "+08:00", "CST"])
def test_a_name_that_knows_no_summer_time_or_is_the_machines_own_is_no_zone(name: str) -> None:
    assert zone(name) is None


def test_zones_of_places_and_utc_are_zones() -> None:
    assert [zone(name) is not None for name in ("Asia/Shanghai", "PRC", "UTC", "Etc/UTC", "EST5EDT")] == [True] * 5


def test_a_line_has_one_number_however_many_zeros_somebody_writes() -> None:
    cells = {"po": "PO1", "sku": "P1", "quantity": "1", "unit": "each", "currency": "CNY", "price": "1.00"}
    table = TABLES["purchase_order_line"]
    assert fields(table, cells | {"line": "007"}) == Refused("bad_value", "line")
    assert isinstance(fields(table, cells | {"line": "7"}), dict)


def test_little_chinese_in_utf_8_is_not_read_as_gb18030(tmp_path: Path) -> None:
    def checked(encoding: str) -> drop.Fault | None:
        text = "category,name\n10,静安\n22,x\n".encode(encoding)
        (tmp_path / "category.csv").write_bytes(text)
        table = drop.TableFile(
            "category", "category.csv", "partial", 2, hashlib.sha256(text).hexdigest(), encoding="gb18030"
        )
        return drop.check(tmp_path, table)

    assert checked("gb18030") is None
    assert checked("utf-8") == drop.Fault(Refused("drop_encoding", "category.csv: line [2]"), 2)
