"""Forecast: what a shop is going to sell, between which bounds, after what it sold; and how good such forecasts were."""

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Query, Response

from oneservice.console import charts
from oneservice.console.page import View, Viewing, router
from oneservice.console.pages.shown import marts, seen
from oneservice.console.spelling import major

pages = router()

BEFORE = 28
SHOPS_SQL = """
    SELECT f.store, f.currency, f.origin_date, f."method", sum(f.forecast_cents)::BIGINT AS cents,
        any_value(a.wape_permille) AS wape, any_value(a.within_permille) AS within_permille
    FROM ads_forecast_store_1d AS f
    LEFT JOIN ads_forecast_accuracy AS a USING (tenant, store, currency, "method")
    GROUP BY ALL ORDER BY cents DESC, f.store LIMIT 1000
"""
AHEAD_SQL = """
    SELECT business_date AS day, horizon, forecast_cents, low_cents, high_cents, sales_so_far_cents
    FROM ads_forecast_store_1d WHERE store = $store AND currency = $currency ORDER BY day
"""
# A day without a receipt sold nothing.
BEFORE_SQL = """
    SELECT past.day::DATE AS day, coalesce(s.sales_cents, 0) AS cents
    FROM generate_series($first::DATE, $last::DATE, INTERVAL 1 DAY) AS past (day)
    LEFT JOIN dws_trade_store_1d AS s ON s.business_date = past.day AND s.store = $store AND s.currency = $currency
    ORDER BY day
"""


@pages.get("/forecast")
def forecast(view: Viewing, store: Annotated[str, Query(max_length=60)] = "") -> Response:
    """All shops, and one of them drawn: the one that is asked for, else the largest."""
    with marts(view) as of:
        shops = of.rows(SHOPS_SQL)
        one = next((shop for shop in shops if shop["store"] == store), shops[0] if shops else None)
        ahead, past = [], []
        if one:
            asked = {"store": one["store"], "currency": one["currency"]}
            ahead = of.rows(AHEAD_SQL, asked)
            first, last = one["origin_date"] - timedelta(days=BEFORE - 1), one["origin_date"]
            past = of.rows(BEFORE_SQL, asked | {"first": first, "last": last})
        version, age = of.version, of.age
    seen(view, len(shops))
    chart = _chart(view, one["currency"], past, ahead) if one else None
    facts = {"shops": shops, "one": one, "ahead": ahead, "version": version, "age": age, "chart": chart}
    return view.page("forecast.html", **facts)


def _chart(view: View, currency: str, past: list[dict[str, Any]], ahead: list[dict[str, Any]]) -> charts.Option:
    def of(rows: list[dict[str, Any]], column: str) -> dict[date, float]:
        return {row["day"]: major(row[column], currency) for row in rows if row[column] is not None}

    was, expected = of(past, "cents"), of(ahead, "forecast_cents")
    low, high = of(ahead, "low_cents"), of(ahead, "high_cents")
    days = sorted({*was, *expected})
    given = charts.Interval(
        [f"{day:%m-%d}" for day in days],
        [was.get(day) for day in days],
        [expected.get(day) for day in days],
        [low.get(day) for day in days],
        [high.get(day) for day in days],
    )
    names = ("forecast.was", "forecast.expected", "forecast.band")
    said = [view.word(name, currency=currency) for name in names]
    return charts.interval(given, (said[0], said[1], said[2]))
