"""Warehouse events become events with our names, and move stock as the table of steps says."""

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from centers.stock.levels import apply
from centers.stock.steps import STEPS
from centers.stock.visibility_movements import movements
from centers.visibility.accept import accept
from connectors.wms.schema import vocabulary
from contracts.dead_letters import DeadLetter
from contracts.epcis import (
    BizTransaction,
    Count,
    Destination,
    EpcisEvent,
    ErrorDeclaration,
    PersistentDisposition,
    Place,
    QuantityElement,
    Source,
)
from contracts.keys import key
from contracts.locations import NOWHERE, Location, Locations
from contracts.products import Product, Products
from contracts.receipts import Origin
from contracts.refusals import Refused
from contracts.stock import Batch, CountEntry, Document, StockMovement
from contracts.visibility import Item, VisibilityEvent, VisibilityMark
from contracts.wire import decoder, encode
from pipelines.batch import State
from pipelines.jobs.raw_wms_to_event_visibility import Taken, step

WATER = Product(
    "WATER",
    "each",
    {"each": 1, "case": 12},
    ("2000001123454", "12000001123451"),
    barcode_units={"12000001123451": "case"},
)
APPLE = Product("APPLE", "g", {"g": 1, "kg": 1000}, ("2000001123461",))
PRODUCTS = Products(3, {"WATER": WATER, "APPLE": APPLE}, {code: p for p in (WATER, APPLE) for code in p.barcodes})
LOCATIONS = Locations(
    7,
    {
        "9520000000011": Location("DC", "warehouse", ("9520000000011",)),
        "9520000000028": Location("S1", "store", ("9520000000028",)),
        "9520000000028.BACK": Location("S1-BACK", "store", ("9520000000028.BACK",)),
    },
)
DC, SHOP = "urn:epc:id:sgln:9520000.00001.0", "urn:epc:id:sgln:9520000.00002.0"
PARTNER, UNLISTED = "urn:epc:id:sgln:9529000.00001.0", "urn:epc:id:sgln:9520000.00009.0"
WATERS, CASES, APPLES = (
    "urn:epc:idpat:sgtin:2000001.012345.*",
    "urn:epc:idpat:sgtin:2000001.112345.*",
    "https://id.gs1.org/01/02000001123461",
)
RECORDED = Origin("event.visibility", 1, 5)


def told(step: str, *things: QuantityElement, at: str = DC, **changed: Any) -> EpcisEvent:
    return EpcisEvent(
        **{
            "type": "ObjectEvent",
            "eventTime": "2026-11-22T10:30:00+08:00",
            "eventTimeZoneOffset": "+08:00",
            "eventID": "urn:uuid:1",
            "action": "OBSERVE",
            "bizStep": step,
            "bizLocation": Place(id=at),
            "quantityList": things or (some(WATERS, 5),),
        }
        | changed
    )


def some(epc: str, quantity: str | int | None, uom: str | None = None) -> QuantityElement:
    return QuantityElement(epcClass=epc, quantity=None if quantity is None else Decimal(quantity), uom=uom)


def taken(event: EpcisEvent, locations: Locations = LOCATIONS) -> VisibilityEvent:
    found = judged(event, locations)
    assert isinstance(found, VisibilityEvent)
    return found


def judged(event: EpcisEvent, locations: Locations = LOCATIONS) -> VisibilityEvent | Refused:
    return accept("t", event, PRODUCTS, locations, received_at="2026-11-22T03:00:00Z", origin=Origin("raw.wms", 0, 0))


def moved(event: VisibilityEvent) -> list[tuple[str, str, str, int]]:
    return [(m.sku, m.location, m.bucket, m.quantity) for m in movements(event, RECORDED)]


def to(place: str) -> dict[str, Any]:
    return {"destinationList": (Destination(type="location", destination=place),)}


def of(place: str) -> dict[str, Any]:
    return {"sourceList": (Source(type="owning_party", source=PARTNER), Source(type="location", source=place))}


ON_HAND = "on_hand"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (told("commissioning", action="ADD"), [("WATER", "DC", ON_HAND, 5)]),
        (told("commissioning"), []),
        (told("destroying", action="DELETE"), [("WATER", "DC", ON_HAND, -5)]),
        (told("decommissioning", action="DELETE"), [("WATER", "DC", ON_HAND, -5)]),
        (told("shipping", **of(DC), **to(SHOP)), [("WATER", "DC", ON_HAND, -5), ("WATER", "S1", "incoming", 5)]),
        (told("shipping", **of(DC), **to(PARTNER)), [("WATER", "DC", ON_HAND, -5)]),
        (told("shipping", bizLocation=None, readPoint=Place(id=DC)), [("WATER", "DC", ON_HAND, -5)]),
        (told("void_shipping", **of(DC), **to(SHOP)), [("WATER", "DC", ON_HAND, 5), ("WATER", "S1", "incoming", -5)]),
        (told("receiving", **of(PARTNER)), [("WATER", "DC", ON_HAND, 5)]),
        (told("receiving", at=SHOP, **of(DC)), [("WATER", "S1", ON_HAND, 5), ("WATER", "S1", "incoming", -5)]),
        (told("receiving", bizLocation=None, **to(SHOP)), [("WATER", "S1", ON_HAND, 5)]),
        (told("receiving", at="urn:epc:id:sgln:9520000.00002.BACK"), [("WATER", "S1-BACK", ON_HAND, 5)]),
        (told("receiving", at=PARTNER), []),
        (told("inspecting", disposition="damaged"), [("WATER", "DC", "damaged", 5)]),
        (told("inspecting", disposition="in_progress"), []),
        (
            told("inspecting", persistentDisposition=PersistentDisposition(set=("recalled",), unset=("damaged",))),
            [("WATER", "DC", "quality_control", 5), ("WATER", "DC", "damaged", -5)],
        ),
        (told("retail_selling"), []),
        (told("picking"), []),
        (told("receiving", type="TransactionEvent"), []),
        (
            told(
                "receiving",
                type="AggregationEvent",
                quantityList=(),
                parentID="urn:epc:id:sscc:9520000.0000000001",
                childQuantityList=(some(CASES, 2),),
            ),
            [("WATER", "DC", ON_HAND, 24)],
        ),
        (
            told(
                "",
                type="TransformationEvent",
                action=None,
                quantityList=(),
                inputQuantityList=(some(APPLES, "1.5", "KGM"),),
                outputQuantityList=(some(WATERS, 2),),
            ),
            [("APPLE", "DC", ON_HAND, -1500), ("WATER", "DC", ON_HAND, 2)],
        ),
    ],
)
def test_each_step_moves_stock_as_the_table_says(event: EpcisEvent, expected: list[tuple[str, str, str, int]]) -> None:
    assert moved(taken(event)) == expected


def test_the_table_names_steps_of_the_standard_once_each() -> None:
    names = [one.step for one in STEPS]
    assert len(set(names)) == len(names)
    assert set(names) <= vocabulary("bizStep")
    assert all(one.en and one.zh for one in STEPS)


def test_instances_count_one_each_and_containers_none() -> None:
    event = told(
        "receiving",
        epcList=("urn:epc:id:sgtin:2000001.012345.1", "urn:epc:id:sscc:9520000.0000000001"),
        quantityList=(),
    )
    assert moved(taken(event)) == [("WATER", "DC", ON_HAND, 1)]


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (some(WATERS, 5), 5),
        (some(CASES, 2), 24),
        (some(WATERS, 2, "XCS"), 24),
        (some(APPLES, "0.25", "KGM"), 250),
        (some(APPLES, 70), 70),
        (some(APPLES, "0.0001", "KGM"), Refused("part_of_unit", "quantityList[1].quantity")),
        (some(APPLES, 1, "LTR"), Refused("unknown_unit", "quantityList[1].uom")),
        (some(WATERS, None), Refused("epcis_no_quantity", "quantityList[1].quantity")),
        (some("urn:epc:idpat:sgtin:2000001.099999.*", 1), Refused("unknown_gtin", "quantityList[1].epcClass")),
    ],
)
def test_quantities_become_base_units_exactly_or_are_refused(thing: QuantityElement, expected: int | Refused) -> None:
    found = judged(told("receiving", thing))
    assert (found.items[0].quantity if isinstance(found, VisibilityEvent) else found) == expected


def test_others_may_tell_of_goods_and_places_that_we_do_not_know() -> None:
    strange = some("urn:epc:idpat:sgtin:9529000.099999.*", 1)
    event = taken(told("shipping", strange, at=PARTNER, **of(PARTNER)))
    assert (event.effect, event.items[0].key, event.items[0].sku) == ("elsewhere", "09529000999998", "")
    assert taken(told("storing", strange)).effect == "none"
    assert taken(told("receiving"), NOWHERE).effect == "elsewhere"


def test_a_place_with_our_prefix_that_nobody_listed_is_refused_where_it_decides() -> None:
    assert judged(told("receiving", at=UNLISTED)) == Refused("unknown_location", "bizLocation.id")
    assert judged(told("shipping", **of(UNLISTED))) == Refused("unknown_location", "sourceList[2].source")
    assert taken(told("storing", at=UNLISTED)).location == ""


def test_a_person_leaves_no_number() -> None:
    event = taken(
        told("receiving", epcList=("urn:epc:id:gsrn:9520000.0000000001", "https://example.com/li-lei"), quantityList=())
    )
    assert event.items == (Item("object", "gsrn", ""), Item("object", "other", ""))
    document = BizTransaction(type="po", bizTransaction="https://id.gs1.org/8018/952000000000000016")
    assert taken(told("receiving", bizTransactionList=(document,))).documents == ()


def test_a_movement_has_a_document_and_a_batch_and_an_id_for_ever() -> None:
    lotted = some("https://id.gs1.org/01/02000001123454/10/L1?17=270331", 5)
    event = taken(
        told("receiving", lotted, bizTransactionList=(BizTransaction(type="po", bizTransaction="urn:a:PO-1"),))
    )
    (one,) = movements(event, RECORDED)
    assert (one.why, one.batch, one.source) == (Document("po", "urn:a:PO-1", 1), Batch("L1", "2027-03-31"), "wms")
    again = movements(replace(event, received_at="2027-01-01T00:00:00Z"), RECORDED)[0]
    assert again.movement_id == one.movement_id


def test_a_count_adds_up_the_lots_of_a_sku_and_is_absolute_at_its_end() -> None:
    count = Count(start="2026-11-22T01:10:00+08:00", end="2026-11-22T02:40:00.5+08:00", sheet="7")
    lots = (
        some("urn:epc:class:lgtin:2000001.012345.A", 3),
        some(APPLES, 0),
        some("urn:epc:class:lgtin:2000001.012345.B", 4),
    )
    event = taken(told("cycle_counting", *lots, count=count))
    found = movements(event, RECORDED)
    assert [(m.sku, m.quantity, m.count, m.at) for m in found] == [
        ("WATER", 0, CountEntry(7, "2026-11-21T17:10:00Z", "7"), "2026-11-21T18:40:00.500000Z"),
        ("APPLE", 0, CountEntry(0, "2026-11-21T17:10:00Z", "7"), "2026-11-21T18:40:00.500000Z"),
    ]


# What an error declaration means, in every order of arrival.

RIGHT = told("receiving", some(WATERS, 6), eventID="urn:uuid:2")
WRONG = told("receiving", some(WATERS, 5))
DECLARED = replace(
    WRONG,
    errorDeclaration=ErrorDeclaration(
        declarationTime="2026-11-22T12:00:00+08:00", reason="incorrect_data", correctiveEventIDs=("urn:uuid:2",)
    ),
)


class Worker:
    """The job as the runtime drives it: what one step changed is the state of the next, also through the wire."""

    def __init__(self) -> None:
        self.stored: dict[bytes, bytes] = {}

    def take(self, events: list[Taken]) -> list[Any]:
        effects = step(State(decoder(VisibilityMark), dict(self.stored)), events)
        self.stored |= {k: encode(v) for k, v in effects.changes.items()}
        return [output.record for output in effects.outputs]


def folded(events: list[VisibilityEvent]) -> int:
    level = None
    for event in events:
        for movement in movements(event, RECORDED):
            level = apply(level, movement)
    return level.on_hand if level else 0


def test_an_event_declared_an_error_moves_nothing_in_the_end_in_whatever_order_it_comes() -> None:
    for order in permutations([WRONG, DECLARED, RIGHT, WRONG, DECLARED]):
        for batch in (1, 2, 5):
            worker, out = Worker(), []
            for i in range(0, len(order), batch):
                out += worker.take([Taken(taken(one)) for one in order[i : i + batch]])
            assert folded(out) == 6
            assert len(out) == 3


def test_an_event_moves_nothing_when_its_declaration_came_first() -> None:
    worker = Worker()
    first, second = worker.take([Taken(taken(DECLARED))]), worker.take([Taken(taken(WRONG))])
    assert [e.standing for e in (*first, *second)] == ["declared", "voided"]
    assert folded([*first, *second]) == 0


def test_a_declaration_with_other_contents_is_refused() -> None:
    letter = DeadLetter(
        tenant="t",
        feed="wms",
        id="x",
        status="refused",
        code="epcis_declaration_differs",
        place="errorDeclaration",
        cipher="",
        refused_at="",
        origin=RECORDED,
    )
    worker = Worker()
    worker.take([Taken(taken(WRONG))])
    other = replace(DECLARED, quantityList=(some(WATERS, 9),))
    assert worker.take([Taken(taken(other), letter)]) == [letter]
    assert worker.take([Taken(taken(DECLARED), letter)])[0].standing == "voids"


def test_a_voided_count_gives_back_what_was_expected() -> None:
    counted = told("stock_taking", some(WATERS, 2), eventID="urn:uuid:9", eventTime="2026-11-22T11:00:00+08:00")
    declared = replace(counted, errorDeclaration=DECLARED.errorDeclaration)
    out = Worker().take([Taken(taken(one)) for one in (RIGHT, counted, declared)])
    assert folded(out) == 6


def test_marks_are_kept_by_the_senders_id() -> None:
    worker = Worker()
    worker.take([Taken(taken(WRONG))])
    assert list(worker.stored) == [key("t", "urn:uuid:1")]
    assert isinstance(movements(taken(WRONG), RECORDED)[0], StockMovement)
