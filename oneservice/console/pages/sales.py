"""Today's sales: the newest business day in the marts, by shop and by hour, beside the days before it."""

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Query, Response

from contracts.errors import NotReady
from oneservice.console import charts, clocks
from oneservice.console.page import Marts, View, Viewing, router
from oneservice.console.pages.shown import marts, seen
from oneservice.console.spelling import major

pages = router()

BEFORE = timedelta(days=27)
DRAWN = 15
MOST = 1_000
LAST_DAY_SQL = """
    SELECT business_date AS day, currency, sum(sales_cents)::BIGINT AS cents, sum(receipts)::BIGINT AS receipts,
        count(DISTINCT store) AS shops
    FROM dws_trade_store_1d GROUP BY ALL ORDER BY day DESC, receipts DESC LIMIT 1
"""
DAYS_SQL = """
    SELECT business_date AS day, sum(sales_cents)::BIGINT AS cents, sum(receipts)::BIGINT AS receipts,
        sum(returns)::BIGINT AS returns, count(DISTINCT store) AS shops
    FROM dws_trade_store_1d
    WHERE currency = $currency AND business_date BETWEEN $first AND $day
    GROUP BY ALL ORDER BY day
"""
SHOPS_SQL = """
    SELECT store, sum(sales_cents)::BIGINT AS cents, sum(receipts)::BIGINT AS receipts, sum(returns)::BIGINT AS returns
    FROM dws_trade_store_1d WHERE currency = $currency AND business_date = $day
    GROUP BY ALL ORDER BY cents DESC, store LIMIT $most
"""
# Which zone a shop lives in is not in the marts: it comes with the question.
SLOTS_SQL = """
    WITH clocks AS (SELECT unnest($stores::VARCHAR[]) AS store, unnest($clocks::INTEGER[]) AS clock)
    SELECT clock, epoch(sold_at)::BIGINT // $slot AS slot, sum(total_cents)::BIGINT AS cents, count(*) AS receipts
    FROM dwd_trade_receipt LEFT JOIN clocks USING (store)
    WHERE currency = $currency AND business_date = $day AND web_order_id IS NULL
    GROUP BY ALL
"""
CHOICE_SQL = "SELECT DISTINCT currency FROM dws_trade_store_1d ORDER BY currency"


@pages.get("/sales")
def sales(
    view: Viewing,
    day: Annotated[date | None, Query()] = None,
    currency: Annotated[str, Query(pattern="^([A-Z]{3})?$")] = "",
) -> Response:
    """The newest day, or the one that is asked for."""
    with marts(view) as of:
        newest = of.one(LAST_DAY_SQL)
        if not newest:
            return view.page("sales.html", newest=None, version=of.version, age=of.age)
        asked: dict[str, Any] = {"day": day or newest["day"], "currency": currency or newest["currency"]}
        days = of.rows(DAYS_SQL, asked | {"first": asked["day"] - BEFORE})
        shops = of.rows(SHOPS_SQL, asked | {"most": MOST})
        hours = _hours(view, of, asked) if of.sees("dwd_trade_receipt") else None
        currencies = [row["currency"] for row in of.rows(CHOICE_SQL)]
        version, age = of.version, of.age
    seen(view, len(shops))
    facts: dict[str, Any] = asked | {"newest": newest, "days": days, "shops": shops, "hours": hours}
    facts |= {"currencies": currencies, "version": version, "age": age, "total": _total(asked["day"], days)}
    return view.page("sales.html", **facts, **_charts(view, asked["currency"], days, shops, hours))


def _hours(view: View, of: Marts, asked: dict[str, Any]) -> clocks.Told:
    """The day by the hour of each shop's own clock, as the stream knows the shops; by UTC while it does not."""
    try:
        known, places = clocks.clocks(view.service.live.stores().records)
    except NotReady:
        known, places = [], {}
    by = {"stores": list(places), "clocks": list(places.values()), "slot": clocks.SLOT_S}
    slots = of.rows(SLOTS_SQL, asked | by)
    return clocks.told([clocks.Slot(**row) for row in slots], known)


def _total(day: date, days: list[dict[str, Any]]) -> dict[str, Any]:
    """The day, and the same day of the week before."""
    of = {row["day"]: row for row in days}
    nothing = {"cents": 0, "receipts": 0, "returns": 0, "shops": 0}
    before = of.get(day - timedelta(days=7))
    now: dict[str, Any] = of.get(day, nothing)
    grown = (now["cents"] - before["cents"]) / before["cents"] * 100 if before and before["cents"] > 0 else None
    return now | {"before": before["cents"] if before else None, "grown": grown}


def _charts(
    view: View,
    currency: str,
    days: list[dict[str, Any]],
    shops: list[dict[str, Any]],
    hours: clocks.Told | None,
) -> dict[str, Any]:
    name = view.word("sales.amount", currency=currency)
    drawn = shops[:DRAWN]
    by_hour = clocks.filled(hours.hours if hours else [])
    return {
        "shop_chart": charts.bars(
            [row["store"] for row in drawn], {name: [major(row["cents"], currency) for row in drawn]}, across=True
        ),
        "day_chart": charts.lines(
            [f"{row['day']:%m-%d}" for row in days], {name: [major(row["cents"], currency) for row in days]}
        ),
        "hour_chart": charts.bars(
            [f"{hour:02}" for hour in by_hour], {name: [major(cents, currency) for cents in by_hour.values()]}
        ),
    }
