"""EPCIS documents and events: what GS1's schema takes is taken, what it refuses is refused with its place."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.wms import schema
from connectors.wms.epcis import decode, split
from connectors.wms.event_hash import event_hash
from connectors.wms.strict import usual, usual_but_for_extensions
from contracts.epcis import Count, EpcisEvent
from contracts.refusals import REASONS, Refused

EXAMPLES = Path(__file__).parent / "epcis"
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
# The examples that break the standard, each with what it breaks and where.
REFUSED = {
    "AggregationEvent_all_possible_fields.json": ("epcis_field", "persistentDisposition"),
    "AggregationEvent_with_persistentDisposition.json": ("epcis_field", "persistentDisposition"),
    "AggregationEvent_with_userExtensions.json": ("epcis_field", "extension"),
    "AssociationEvent_with_userExtensions.json": ("epcis_field", "extension"),
    "Combination_of_different_event.json": ("epcis_check_digit", "epcList[1]"),
    "ObjectEvent_all_possible_fields.json": ("epcis_field", "ilmd.countryOfExport"),
    "SensorData_with_combined_events.json": (
        "epcis_vocabulary",
        "eventList[8].sensorElementList[1].sensorReport[2].type",
    ),
    "TransactionEvent_all_possible_fields.json": ("epcis_field", "persistentDisposition"),
    "TransactionEvent_with_userExtensions.json": ("epcis_vocabulary", "sensorReport[1].type"),
    "query_CurieString_document.json": ("epcis_query_document", "type"),
}
FILES = sorted(path.name for path in EXAMPLES.glob("*.json") if path.name != "hashes.json")


def event(**changed: Any) -> dict[str, Any]:
    made = {
        "@context": [CONTEXT],
        "type": "ObjectEvent",
        "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "eventTime": "2026-11-22T10:30:00.000+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE",
        "bizStep": "receiving",
        "readPoint": {"id": "urn:epc:id:sgln:9520000.00001.0"},
        "quantityList": [{"epcClass": "urn:epc:class:lgtin:2000001.012345.L1", "quantity": 12}],
    }
    return {k: v for k, v in (made | changed).items() if v is not ...}


def told(**changed: Any) -> EpcisEvent | Refused:
    return decode(json.dumps(event(**changed)).encode())


def document(*events: dict[str, Any], **changed: Any) -> bytes:
    shell = {
        "@context": [CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-22T10:31:00Z",
        "epcisBody": {"eventList": [{k: v for k, v in one.items() if k != "@context"} for one in events]},
    }
    return json.dumps(shell | changed).encode()


@pytest.mark.parametrize("name", FILES)
def test_every_example_is_accepted_or_refused_with_a_reason_that_quotes_the_standard(name: str) -> None:
    found = split((EXAMPLES / name).read_bytes())
    if name in REFUSED:
        code, place = REFUSED[name]
        assert isinstance(found, Refused)
        assert found.code == code
        assert found.place.endswith(place)
        assert any(standard in found.reason() for standard in ("EPCIS 2.0", "CBV 2.0", "GS1 General Specifications"))
        return
    assert not isinstance(found, Refused)
    whole = json.loads((EXAMPLES / name).read_bytes())
    assert len(found) == len(whole.get("epcisBody", {}).get("eventList", [whole]))
    for one in found:
        assert isinstance(decode(one), EpcisEvent)


def test_every_reason_of_the_feed_quotes_a_standard_in_two_languages() -> None:
    ours = [code for code in REASONS if code.startswith("epcis_")]
    assert len(ours) > 15
    for code in ours:
        assert any(name in REASONS[code][0] for name in ("EPCIS 2.0", "CBV 2.0", "GS1", "EPC Tag Data"))
        assert REASONS[code][1]


@pytest.mark.parametrize(
    ("changed", "code", "place"),
    [
        ({"eventTime": ...}, "epcis_missing", "eventTime"),
        ({"eventTime": "22.11.2026"}, "epcis_time", "eventTime"),
        ({"eventTime": "2026-02-30T10:00:00Z"}, "bad_time", "eventTime"),
        ({"eventTimeZoneOffset": "+8"}, "epcis_value", "eventTimeZoneOffset"),
        ({"action": ...}, "epcis_missing", "action"),
        ({"action": "MOVE"}, "epcis_vocabulary", "action"),
        ({"bizStep": "recieving"}, "epcis_vocabulary", "bizStep"),
        ({"bizStep": "urn:epcglobal:cbv:bizstep:receiving"}, "epcis_vocabulary", "bizStep"),
        ({"disposition": "fine"}, "epcis_vocabulary", "disposition"),
        ({"colour": "red"}, "epcis_field", "colour"),
        ({"parentID": "urn:epc:id:sscc:9520000.0000000001"}, "epcis_field", "parentID"),
        ({"readPoint": {"id": "dock 1"}}, "epcis_uri", "readPoint.id"),
        ({"readPoint": "urn:epc:id:sgln:9520000.00001.0"}, "epcis_type", "readPoint"),
        ({"eventID": "not a uri"}, "epcis_uri", "eventID"),
        ({"quantityList": ...}, "epcis_lists", "epcList"),
        (
            {"quantityList": [{"epcClass": "urn:epc:idpat:sgtin:2000001.012345.*", "quantity": "12"}]},
            "epcis_type",
            "quantityList[1].quantity",
        ),
        (
            {"quantityList": [{"epcClass": "urn:epc:idpat:sgtin:2000001.012345.*", "quantity": -1}]},
            "epcis_quantity",
            "quantityList[1].quantity",
        ),
        (
            {"quantityList": [{"epcClass": "urn:epc:idpat:sgtin:2000001.012345.*", "quantity": 1, "unit": "KGM"}]},
            "epcis_field",
            "quantityList[1].unit",
        ),
        (
            {"quantityList": [{"epcClass": "urn:epc:idpat:sgtin:2000001.012345.*", "quantity": 1, "uom": "kg"}]},
            "epcis_value",
            "quantityList[1].uom",
        ),
        (
            {"quantityList": [{"epcClass": "urn:epc:class:lgtin:20001.012345.L1", "quantity": 1}]},
            "epcis_identifier",
            "quantityList[1].epcClass",
        ),
        (
            {"quantityList": [{"epcClass": "https://id.gs1.org/01/09521321123456/10/L1", "quantity": 1}]},
            "epcis_check_digit",
            "quantityList[1].epcClass",
        ),
        ({"epcList": ["urn:epc:id:sgtin:2000001.012345.1"] * 2}, "epcis_repeated", "epcList"),
        ({"ilmd": {"cbvmda:lotNumber": "L1"}}, "epcis_ilmd", "ilmd"),
        ({"type": "https://example.com/MyEvent", "quantityList": ..., "action": ...}, "epcis_event_type", "type"),
        ({"@context": ...}, "epcis_missing", "@context"),
        (
            {"@context": [CONTEXT, {"zt": "https://zhongtai.dev/epcis/"}], "zt:countStart": "now"},
            "bad_time",
            "countStart",
        ),
    ],
)
def test_what_breaks_the_schema_is_refused_with_its_place(changed: dict[str, Any], code: str, place: str) -> None:
    assert told(**changed) == Refused(code, place)
    if "@context" not in changed:
        inside = split(document(event(), event(**changed)))
        assert inside == Refused(code, f"epcisBody.eventList[2].{place}")


@pytest.mark.parametrize(
    ("changed", "code", "place"),
    [
        ({"schemaVersion": 2.0}, "epcis_type", "schemaVersion"),
        ({"creationDate": "today"}, "epcis_time", "creationDate"),
        ({"epcisBody": {}}, "epcis_missing", "epcisBody.eventList"),
        ({"epcisBody": {"eventList": ["x"]}}, "not_json", "epcisBody.eventList[1]"),
        ({"sent_by": "x"}, "epcis_field", "sent_by"),
        ({"type": "EPCISQueryDocument"}, "epcis_query_document", "type"),
    ],
)
def test_a_document_is_taken_whole_or_not_at_all(changed: dict[str, Any], code: str, place: str) -> None:
    assert split(document(event(), **changed)) == Refused(code, place)


def test_bytes_that_are_no_json_are_told_from_json_that_is_no_event() -> None:
    whole = json.dumps(event()).encode()
    assert decode(whole[:-5]) == Refused("not_json")
    assert decode(whole.replace(b"urn:uuid", b"\xff\xfe")) == Refused("not_utf8")
    assert decode(b'{"a":' * 40 + b"1" + b"}" * 40) == Refused("too_deep")
    assert decode(whole.replace(b'"action"', b'"action": "ADD", "action"')) == Refused("epcis_twice", "action")
    assert decode(b"[]") == Refused("not_json")
    assert decode(b"\xef\xbb\xbf" + whole) == decode(whole)


def test_an_event_of_a_document_keeps_the_documents_context() -> None:
    found = split(document(event(), event(), **{"@context": [CONTEXT, {"ex": "https://example.com/"}]}))
    assert not isinstance(found, Refused)
    assert [json.loads(one)["@context"] for one in found] == [[CONTEXT, {"ex": "https://example.com/"}]] * 2


def test_quantities_are_exact() -> None:
    told_ = told(quantityList=[{"epcClass": "urn:epc:class:lgtin:2000001.012345.L1", "quantity": 0.1, "uom": "KGM"}])
    assert isinstance(told_, EpcisEvent)
    assert told_.quantityList[0].quantity == Decimal("0.1")


def test_a_count_has_its_start_and_end_whatever_its_prefix_is() -> None:
    said = {"start": "2026-11-22T01:10:00+08:00", "end": "2026-11-22T02:40:00.5+08:00", "sheet": "7"}
    for prefix, name in (("zt", "zt:"), ("count", "count:"), (None, "https://zhongtai.dev/epcis/")):
        context = [CONTEXT, {prefix: "https://zhongtai.dev/epcis/"}] if prefix else [CONTEXT]
        fields = {f"{name}count{field.title()}": text for field, text in said.items()}
        found = told(**{"@context": context, "bizStep": "cycle_counting"}, **fields)
        assert isinstance(found, EpcisEvent)
        assert found.count == Count(**said)
    assert told(
        **{"@context": context}, **{f"{name}countStart": said["end"], f"{name}countEnd": said["start"]}
    ) == Refused("epcis_count", "countEnd")


def test_lot_and_expiry_come_from_master_data_of_the_instance() -> None:
    found = told(
        action="ADD",
        bizStep="commissioning",
        ilmd={"cbvmda:lotNumber": "L7", "cbvmda:itemExpirationDate": "2027-03-31"},
    )
    assert isinstance(found, EpcisEvent)
    assert (found.lot, found.expires_on) == ("L7", "2027-03-31")


def test_sensors_pass_through_without_their_extension_fields() -> None:
    sensors = [{"sensorReport": [{"type": "Temperature", "value": 4.5, "uom": "CEL", "ex:name": "Li Lei"}]}]
    found = told(sensorElementList=sensors, **{"@context": [CONTEXT, {"ex": "https://example.com/"}]})
    assert isinstance(found, EpcisEvent)
    assert json.loads(found.sensors) == [{"sensorReport": [{"type": "Temperature", "value": 4.5, "uom": "CEL"}]}]


def test_an_event_without_an_id_has_the_hash_that_the_reference_implementation_gives_it() -> None:
    known = json.loads((EXAMPLES / "hashes.json").read_text())
    checked = 0
    for name, by_place in known.items():
        whole = json.loads((EXAMPLES / name).read_bytes())
        for n, expected in by_place.items():
            outer, one = whole["@context"], whole["epcisBody"]["eventList"][int(n)]
            assert event_hash(one | {"@context": [*_listed(outer), *_listed(one.get("@context", []))]}) == expected
            checked += 1
    assert checked >= 10


def _listed(context: Any) -> list[Any]:
    return context if isinstance(context, list) else [context]


def test_the_hash_does_not_depend_on_order_spelling_or_the_time_of_record() -> None:
    plain = event(eventID=..., epcList=["urn:epc:id:sgtin:2000001.012345.1", "urn:epc:id:sgtin:2000001.012345.2"])
    other = dict(reversed(plain.items())) | {
        "recordTime": "2026-11-22T11:00:00Z",
        "eventTime": "2026-11-22T02:30:00Z",
        "epcList": ["https://example.com/01/02000001123454/21/2", "https://id.gs1.org/01/02000001123454/21/1"],
    }
    assert event_hash(plain) == event_hash(other)
    assert event_hash(plain) != event_hash(plain | {"action": "ADD"})
    found = decode(json.dumps(plain).encode())
    assert isinstance(found, EpcisEvent)
    assert found.eventID == event_hash(plain)


names = st.sampled_from(
    [
        "eventTime",
        "eventID",
        "action",
        "bizStep",
        "disposition",
        "readPoint",
        "quantityList",
        "type",
        "parentID",
        "childQuantityList",
        "epcList",
        "sourceList",
        "destinationList",
        "bizTransactionList",
        "recordTime",
        "eventTimeZoneOffset",
        "@context",
        "ilmd",
        "x:y",
    ]
)
values = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "OBSERVE", "ADD", "receiving", "2026-11-22T10:30:00Z", "+14:01", "urn:a:b", "a b", "in_transit"]
    ),
    st.just({"id": "urn:a:b"}),
    st.just([]),
    st.just([CONTEXT, CONTEXT]),
    st.just([{"epcClass": "urn:a:b", "quantity": 1e300, "uom": "AB"}]),
    st.just([{"epcClass": "urn:a:b", "uom": "abc"}]),
    st.just([{"type": "location", "source": "urn:a:b"}]),
    st.just([{"type": "location", "destination": "urn:a:b"}]),
    st.just([{"type": "", "bizTransaction": "urn:a:b"}]),
    st.just([{"type": "po", "bizTransaction": "urn:a:b"}]),
    st.just("AggregationEvent"),
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(names, values, max_size=4), st.sets(names, max_size=2))
def test_the_quick_way_takes_nothing_that_the_schema_refuses(changed: dict[str, Any], dropped: set[str]) -> None:
    made = {k: v for k, v in (event() | changed).items() if k not in dropped}
    if usual(json.dumps(made).encode()) or usual_but_for_extensions(made):
        assert schema.broken(json.loads(json.dumps(made))) is None


def test_the_commonest_events_go_the_quick_way() -> None:
    assert usual(json.dumps(event()).encode())
    assert usual_but_for_extensions(event() | {"zt:countSheet": "7", "https://example.com/x": {"y": [None]}})
    assert not usual_but_for_extensions(event() | {"zt:countSheet": "7", "colour": "red"})


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_raise(some: bytes) -> None:
    whole = json.dumps(event()).encode()
    for text in (some, whole[: len(some)] + some, whole.replace(b"receiving", some)):
        decode(text)
        split(text)
