"""Stock: look a product or a place up, as the marts have it and, where the stream is followed, as it is now."""

from typing import Annotated, Any

from fastapi import Query, Response

from contracts.errors import NotReady
from oneservice.console import charts
from oneservice.console.page import View, Viewing, router
from oneservice.console.pages.shown import marts, seen
from oneservice.problems import Problem
from oneservice.routes import stock as api

pages = router()

MOST = 200
DRAWN = 20
STOCK_SQL = """
    SELECT sku, product_name, location, on_hand, unit, movements, as_of
    FROM ads_stock_level
    WHERE ($q = '' OR sku = $q OR contains(lower(coalesce(product_name, '')), lower($q)))
        AND ($location = '' OR location = $location)
    ORDER BY on_hand DESC, sku, location LIMIT $most
"""
SUMS_SQL = """
    SELECT count(*) AS levels, count(*) FILTER (on_hand < 0) AS below, count(DISTINCT sku) AS products,
        count(DISTINCT location) AS places
    FROM ads_stock_level
    WHERE ($q = '' OR sku = $q OR contains(lower(coalesce(product_name, '')), lower($q)))
        AND ($location = '' OR location = $location)
"""


@pages.get("/stock")
def stock(
    view: Viewing,
    q: Annotated[str, Query(max_length=100)] = "",
    location: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """By SKU (exact) or a part of the product's name, and by place (exact)."""
    asked = {"q": q.strip(), "location": location.strip()}
    with marts(view) as of:
        levels = of.rows(STOCK_SQL, asked | {"most": MOST})
        sums = of.one(SUMS_SQL, asked)
        version, age = of.version, of.age
    seen(view, len(levels))
    drawn = levels[:DRAWN]
    names = [f"{row['sku']} · {row['location']}" for row in drawn]
    chart = charts.bars(names, {view.word("stock.on_hand"): [row["on_hand"] for row in drawn]}, across=True)
    facts = {"levels": levels, "sums": sums, "chart": chart, "version": version, "age": age, "most": MOST}
    # Live only of a product that is named: there is no look-up by a part of a name.
    one = {row["sku"] for row in levels} == {asked["q"]}
    return view.page("stock.html", **asked, **facts, now=_now(view, asked["q"]) if one else None)


def _now(view: View, sku: str) -> dict[str, Any] | None:
    """What the stream knows of a product; None for a role that may not ask, and in words when nobody can tell."""
    try:
        found = api.stock(view.service, view.caller, view.request, sku)
    except Problem as problem:
        return None if problem.status == 403 else {"wrong": problem.wrong, "do": problem.do}
    except NotReady as error:
        return {"wrong": error.wrong, "do": error.do}
    return {"wrong": "", "age": found.age_seconds, "said": found.said, "levels": found.locations}
