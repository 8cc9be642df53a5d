"""The forecast against the method worked out by hand here, from the receipts; and when it is made, and when not."""

import math
import random
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from statistics import NormalDist

import pytest

from connectors import published
from connectors.settings import Settings
from contracts.receipts import Origin, Receipt, ReceiptLine, Tender, receipt_id
from pipelines.warehouse import forecast
from pipelines.warehouse.run import run
from tests.warehouse.synthetic import TENANT, Tape, prepared, records, unjudged

FIRST = date(2026, 10, 5)
TODAY = FIRST + timedelta(days=36)
Z = NormalDist().inv_cdf(0.9)


def sale(store: str, day: date, number: int, cents: int, received: date | None = None) -> Receipt:
    at = (received or day).isoformat() + "T03:00:00Z"
    return Receipt(
        tenant=TENANT,
        receipt_id=receipt_id(TENANT, store, "T1", day.isoformat(), number),
        kind="sale" if cents >= 0 else "return",
        store=store,
        till="T1",
        clerk="C1",
        number=number,
        business_date=day.isoformat(),
        at=f"{day}T02:00:00Z",
        currency="CNY",
        total_cents=cents,
        lines=(ReceiptLine(line=1, sku="P1", quantity=1 if cents >= 0 else -1, unit="each", amount_cents=cents),),
        tenders=(Tender("cash", cents),),
        products_version=1,
        received_at=at,
        origin=Origin("raw.pos", 0, number, "day.jsonl", number + 1),
    )


def world() -> list[Receipt]:
    """Three shops: one that sells each day, one with holes and returns, one that opened a week ago."""
    dice = random.Random(3)
    made = [sale("daily", FIRST + timedelta(days=n), 1, 1000 + dice.randrange(900)) for n in range(37)]
    made += [
        sale("holes", FIRST + timedelta(days=n), 1, dice.randrange(-300, 900))
        for n in range(2, 36)
        if dice.random() < 0.6
    ]
    return [*made, *(sale("young", TODAY - timedelta(days=n), 1, 500) for n in range(8))]


def days_of(taken: list[Receipt], store: str, last: date) -> list[int]:
    sold: dict[date, int] = defaultdict(int)
    for receipt in taken:
        if receipt.store == store and date.fromisoformat(receipt.business_date) <= last:
            sold[date.fromisoformat(receipt.business_date)] += receipt.total_cents
    return [sold[min(sold) + timedelta(days=n)] for n in range((last - min(sold)).days + 1)]


def by_hand(past: list[int], horizon: int) -> list[tuple[int, int, int]]:
    """Forecast, low and high for each day: the same day of the last week, and the root of the mean squared error that
    grows with each season (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 5.5).
    """
    errors = [b - a for a, b in zip(past, past[7:], strict=False)]
    sigma = math.sqrt(sum(e * e for e in errors) / len(errors))
    made = []
    for h in range(1, horizon + 1):
        mean = past[len(past) - 7 + (h - 1) % 7]
        wide = Z * sigma * math.sqrt((h - 1) // 7 + 1)
        made.append((mean, max(0, round(mean - wide)), max(0, round(mean + wide))))
    return made


class Said(list[str]):
    def __call__(self, words: str) -> None:
        self.append(words)

    @property
    def forecasts(self) -> int:
        return sum(forecast.MADE in words for words in self)


class Log(Tape):
    """A tape that goes on."""

    def __init__(self, taken: list[Receipt]) -> None:
        super().__init__(records(taken, []), size=10_000)

    def add(self, receipt: Receipt) -> None:
        self._press(records([receipt], []))


def ran(home: Path, log: Log) -> Said:
    said = Said()
    run(Settings(home=prepared(home)), said, source=log, check=unjudged)
    return said


def asked(home: Path, sql: str) -> list[tuple[object, ...]]:
    con = published.connect(home)
    try:
        return con.execute(sql).fetchall()
    finally:
        con.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("forecast")
    assert ran(made, Log(world())).forecasts == 1
    return made


@pytest.mark.parametrize("store", ["daily", "holes"])
def test_a_day_is_forecast_to_sell_what_its_weekday_sold_last(home: Path, store: str) -> None:
    found = asked(
        home,
        "SELECT business_date, forecast_cents, low_cents, high_cents, origin_date, history_days FROM ads_forecast_store_1d"
        f" WHERE store = '{store}' ORDER BY business_date",
    )
    known = days_of(world(), store, TODAY - timedelta(days=1))
    expected = by_hand(known, 14)
    assert [row[0] for row in found] == [TODAY + timedelta(days=n) for n in range(14)]
    assert {row[4:] for row in found} == {(TODAY - timedelta(days=1), len(known))}
    for row, (mean, low, high) in zip(found, expected, strict=True):
        assert row[1] == mean
        assert row[2:4] == pytest.approx((low, high), abs=1)


def test_a_shop_with_less_than_two_weeks_is_not_forecast(home: Path) -> None:
    assert asked(home, "SELECT count(*) FROM ads_forecast_store_1d WHERE store = 'young'") == [(0,)]


def test_today_stands_beside_its_forecast(home: Path) -> None:
    today = next(r.total_cents for r in world() if r.store == "daily" and r.business_date == TODAY.isoformat())
    sql = (
        "SELECT business_date, sales_so_far_cents FROM ads_forecast_store_1d WHERE store = 'daily' ORDER BY ALL LIMIT 2"
    )
    assert asked(home, sql) == [(TODAY, today), (TODAY + timedelta(days=1), None)]


@pytest.mark.parametrize("store", ["daily", "holes"])
def test_the_accuracy_is_that_of_forecasts_which_did_not_know_the_days(home: Path, store: str) -> None:
    known = days_of(world(), store, TODAY - timedelta(days=1))
    errors = sold = scaled = within = days = origins = 0
    for n in range(1, min(4, (len(known) - 14) // 7) + 1):
        past, then = known[: len(known) - 7 * n], known[len(known) - 7 * n :][:7]
        scale = round(sum(abs(b - a) for a, b in zip(past, past[7:], strict=False)) / (len(past) - 7))
        for (mean, low, high), cents in zip(by_hand(past, 7), then, strict=True):
            errors, sold, days = errors + abs(cents - mean), sold + abs(cents), days + 1
            within, scaled = within + (low <= cents <= high), scaled + scale
        origins += 1
    found = asked(
        home,
        "SELECT origins, days, sales_cents, error_cents, wape_permille, mase_permille, within_permille"
        f" FROM ads_forecast_accuracy WHERE store = '{store}'",
    )
    assert found == [
        (origins, days, sold, errors, 1000 * errors // sold, 1000 * errors // scaled, 1000 * within // days)
    ]


def test_sales_of_today_forecast_nothing_anew_and_late_sales_do(tmp_path: Path) -> None:
    log = Log(world())
    ran(tmp_path, log)
    more, late = sale("daily", TODAY, 2, 4_200), sale("daily", TODAY - timedelta(days=3), 9, 7_000, received=TODAY)
    log.add(more)
    assert ran(tmp_path, log).forecasts == 0
    rows = "FROM ads_forecast_store_1d ORDER BY ALL"
    before = asked(tmp_path, rows)
    log.add(late)
    assert ran(tmp_path, log).forecasts == 1
    after = asked(tmp_path, rows)
    # Every interval of that shop is another, and no other shop's.
    assert {row[1] for row in set(after) - set(before)} == {"daily"}
    taken = [*world(), more, late]
    then = TODAY + timedelta(days=4)
    sql = f"SELECT forecast_cents FROM ads_forecast_store_1d WHERE store = 'daily' AND business_date = '{then}'"
    assert asked(tmp_path, sql) == [(days_of(taken, "daily", TODAY - timedelta(days=1))[-3],)]
    ran(tmp_path / "again", Log(taken))
    assert asked(tmp_path / "again", rows) == after


def test_a_till_whose_clock_is_years_ahead_moves_no_origin(tmp_path: Path) -> None:
    wrong = sale("daily", date(2031, 1, 1), 1, 100, received=TODAY)
    ran(tmp_path, Log([*world(), wrong]))
    assert asked(tmp_path, "SELECT DISTINCT origin_date FROM ads_forecast_store_1d") == [(TODAY - timedelta(days=1),)]
