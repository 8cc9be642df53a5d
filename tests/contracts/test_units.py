"""Conversions are exact, and every moment belongs to exactly one business day."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.gs1 import Identifier, Wrong, check_digit, expiry_day, identify, is_whole
from contracts.units import base_units, business_day, day_start, factor, unit_named, zone

ZONES = (
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "UTC",
)
moments = st.datetimes(datetime(1980, 1, 1), datetime(2037, 12, 31)).map(lambda d: d.replace(tzinfo=UTC))


@settings(max_examples=400, deadline=None)
@given(moments, st.sampled_from(ZONES), st.integers(0, 23))
def test_every_moment_belongs_to_the_one_day_that_holds_it(moment: datetime, name: str, cut: int) -> None:
    where = zone(name)
    assert where is not None
    day = business_day(moment, where, cut)
    assert day_start(day, where, cut) <= moment < day_start(day + timedelta(days=1), where, cut)


@settings(max_examples=200, deadline=None)
@given(moments, st.timedeltas(timedelta(0), timedelta(days=2)), st.sampled_from(ZONES), st.integers(0, 23))
def test_days_never_go_backwards(moment: datetime, later: timedelta, name: str, cut: int) -> None:
    where = zone(name)
    assert where is not None
    assert business_day(moment, where, cut) <= business_day(moment + later, where, cut)


@pytest.mark.parametrize(
    ("moment", "name", "cut", "day"),
    [
        ("2026-11-22T03:59:59+08:00", "Asia/Shanghai", 4, "2026-11-21"),
        ("2026-11-22T04:00:00+08:00", "Asia/Shanghai", 4, "2026-11-22"),
        ("2026-11-21T16:00:00Z", "Asia/Shanghai", 0, "2026-11-22"),
        ("2026-03-29T00:59:59Z", "Europe/Berlin", 2, "2026-03-28"),  # 01:59:59; the clock then skips to 03:00
        ("2026-03-29T01:00:00Z", "Europe/Berlin", 2, "2026-03-29"),
        ("2026-10-24T23:59:00Z", "Europe/Berlin", 2, "2026-10-24"),  # 01:59, an hour before 02:59 shows twice
        ("2026-10-25T00:00:00Z", "Europe/Berlin", 2, "2026-10-25"),  # 02:00 for the first time
        ("2026-10-25T01:00:00Z", "Europe/Berlin", 2, "2026-10-25"),  # 02:00 again
        # At 00:01 the clock went back to 23:01 of the day before: the new day had begun.
        ("2006-10-29T02:30:00Z", "America/St_Johns", 0, "2006-10-29"),
        ("2006-10-29T02:40:00Z", "America/St_Johns", 0, "2006-10-29"),
    ],
)
def test_the_shops_clock_decides_also_when_it_changes(moment: str, name: str, cut: int, day: str) -> None:
    where = zone(name)
    assert where is not None
    assert business_day(datetime.fromisoformat(moment), where, cut) == date.fromisoformat(day)


def test_days_have_23_and_25_hours_when_clocks_change() -> None:
    berlin = zone("Europe/Berlin")
    assert berlin is not None
    lengths = {
        day: day_start(day + timedelta(days=1), berlin, 4) - day_start(day, berlin, 4)
        for day in (date(2026, 3, 28), date(2026, 10, 24), date(2026, 7, 1))
    }
    assert [length / timedelta(hours=1) for length in lengths.values()] == [23, 25, 24]


@pytest.mark.parametrize("name", ["", "+08:00", "Asia/Nowhere", "../etc/passwd", "/etc/localtime", " UTC", "posix/UTC"])
def test_what_is_no_zone_is_none(name: str) -> None:
    assert zone(name) is None


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_quantity_in_base_units_is_exact_or_nothing(quantity: int, top: int, bottom: int) -> None:
    exact = factor(f"{top}/{bottom}")
    assert exact is not None
    found = base_units(Decimal(quantity), exact)
    product = quantity * Fraction(top, bottom)
    assert found == (product if product.denominator == 1 else None)


def test_numbers_that_nobody_can_count_are_nothing() -> None:
    assert [base_units(Decimal(text), 1) for text in ("1e999999999", "NaN", "Infinity", "1e-999999", "0.5")] == [
        None
    ] * 5
    assert base_units("1.250", 1000) == 1250


@pytest.mark.parametrize("text", ["", "0", "-1", "1/0", "1e3", "1.5/2", "x", "١٢", ".", "1/", "9" * 40])
def test_what_is_no_conversion_is_none(text: str) -> None:
    assert factor(text) is None


def test_codes_of_recommendation_20_find_the_units_of_the_product() -> None:
    assert unit_named("KGM", {"g": 1, "kg": 1000}) == "kg"
    assert unit_named("XCS", {"each": 1, "case": 12}) == "case"
    assert unit_named("LTR", {"g": 1}) is None
    assert unit_named("JIN", {"jin": 500}) == "jin"


@given(st.text("0123456789", min_size=7, max_size=17))
def test_a_check_digit_completes_a_number_and_no_other_digit_does(digits: str) -> None:
    whole = [d for d in "0123456789" if is_whole(digits + d)]
    assert whole == [check_digit(digits)]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("urn:epc:id:sgtin:0614141.107346.2017", Identifier("gtin", "10614141073464", serial="2017", prefix="0614141")),
        (
            "urn:epc:class:lgtin:4012345.012345.998877",
            Identifier("gtin", "04012345123456", lot="998877", prefix="4012345"),
        ),
        ("urn:epc:idpat:sgtin:4012345.044444.*", Identifier("gtin", "04012345444445", prefix="4012345")),
        ("urn:epc:id:sscc:0614141.1234567890", Identifier("sscc", "106141412345678908", prefix="0614141")),
        ("urn:epc:id:sgln:0614141.00777.0", Identifier("gln", "0614141007776", prefix="0614141")),
        ("urn:epc:id:sgln:0614141.07346.1234", Identifier("gln", "0614141073467", extension="1234", prefix="0614141")),
        ("https://id.gs1.org/01/10614141073464/21/2017", Identifier("gtin", "10614141073464", serial="2017")),
        (
            "https://example.com/shop/01/614141073467/10/A%2FB?17=270331",
            Identifier("gtin", "00614141073467", lot="A/B", expires="270331"),
        ),
        ("https://id.gs1.org/414/0614141073467/254/1234", Identifier("gln", "0614141073467", extension="1234")),
        ("https://id.gs1.org/00/106141412345678908", Identifier("sscc", "106141412345678908")),
        ("https://example.com/orders/12345", Identifier("other", "https://example.com/orders/12345")),
        ("urn:uuid:1", Identifier("other", "urn:uuid:1")),
        ("urn:epc:id:sgtin:0614141.10734.2017", Wrong("epcis_identifier")),
        ("urn:epc:id:sgtin:06141.10734600.2017", Wrong("epcis_identifier")),
        ("urn:epc:id:sgtin:0614141.107346", Wrong("epcis_identifier")),
        ("urn:epc:nothing", Wrong("epcis_identifier")),
        ("https://id.gs1.org/01/10614141073465", Wrong("epcis_check_digit")),
        ("https://id.gs1.org/00/10614141234567890", Wrong("epcis_identifier")),
    ],
)
def test_urns_and_digital_links_name_the_same_things(uri: str, expected: Identifier | Wrong) -> None:
    assert identify(uri) == expected


def test_day_00_of_an_expiry_is_the_last_of_the_month() -> None:
    assert [expiry_day(d) for d in ("270331", "270200", "280200", "991231", "271301", "270230", "x")] == [
        "2027-03-31",
        "2027-02-28",
        "2028-02-29",
        "1999-12-31",
        "",
        "",
        "",
    ]


@given(st.text(max_size=60))
def test_no_uri_raises(text: str) -> None:
    for start in ("", "urn:epc:id:sgtin:", "urn:epc:", "https://id.gs1.org/", "https://x/01/"):
        identify(start + text)
