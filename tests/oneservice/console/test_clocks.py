"""On whose clock an hour is told."""

from datetime import UTC, datetime

from contracts.masters import Store
from contracts.receipts import Origin
from oneservice.console.clocks import SLOT_S, Clock, Hour, Slot, clocks, filled, told

SHANGHAI, KATHMANDU, MADRID = Clock("Asia/Shanghai", 4), Clock("Asia/Kathmandu", 4), Clock("Europe/Madrid", 0)


def store(name: str, zone: str, cut: int = 0) -> Store:
    at = "2026-11-01T00:00:00Z"
    return Store(
        tenant="t", change="upsert", source="csv", version=(1,), at=at, known_at=at, origin=Origin("raw.erp", 0, 1), store=name,
        name=name, kind="store", organisation="O", zone=zone, day_cut_hour=cut, currency="CNY", gln="", opened_on="", closed_on="",
    )  # fmt: skip


def slot(clock: int | None, at: str, cents: int = 100, receipts: int = 1) -> Slot:
    return Slot(clock, int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) // SLOT_S, cents, receipts)


def test_each_shop_is_told_by_its_own_clock() -> None:
    # 02:20 in Shanghai, 23:05 in Kathmandu (which is 5:45 before UTC), 19:20 in Madrid, and nobody knows where.
    slots = [
        slot(0, "2026-11-20T18:20"),
        slot(1, "2026-11-20T17:20"),
        slot(2, "2026-11-20T18:20"),
        slot(None, "2026-11-20T18:20"),
    ]
    found = told(slots, [SHANGHAI, KATHMANDU, MADRID])
    assert [one.hour for one in found.hours] == [2, 18, 19, 23]
    assert (found.zones, found.unknown) == (["Asia/Kathmandu", "Asia/Shanghai", "Europe/Madrid"], True)


def test_a_day_begins_where_the_shops_business_day_does() -> None:
    slots = [slot(0, "2026-11-20T17:00"), slot(0, "2026-11-20T14:30"), slot(0, "2026-11-19T21:00", 300, 2)]
    found = told(slots, [SHANGHAI])
    assert found.hours == [Hour(5, 300, 2), Hour(22, 100, 1), Hour(1, 100, 1)]
    drawn = filled(found.hours)
    assert list(drawn) == [*range(5, 24), 0, 1]
    assert (drawn[5], drawn[6], drawn[1]) == (300, 0, 100)


def test_an_hour_that_the_clock_shows_twice_holds_both() -> None:
    # On 25 October 2026 Madrid's clocks go back from 03:00 to 02:00.
    slots = [slot(0, "2026-10-25T00:30"), slot(0, "2026-10-25T01:30"), slot(0, "2026-10-25T02:30")]
    assert told(slots, [MADRID]).hours == [Hour(2, 200, 2), Hour(3, 100, 1)]


def test_without_a_sale_there_is_no_hour() -> None:
    assert told([], [SHANGHAI]) == ([], [], False)
    assert filled([]) == {}


def test_shops_of_one_clock_share_a_place_and_unknown_zones_have_none() -> None:
    known, places = clocks(
        [
            store("B", "Asia/Shanghai", 4),
            store("A", "Asia/Shanghai", 4),
            store("C", "Asia/Shanghai"),
            store("D", "+08:00"),
        ]
    )
    assert known == [Clock("Asia/Shanghai", 0), SHANGHAI]
    assert places == {"B": 1, "A": 1, "C": 0}
