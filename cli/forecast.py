"""`zhongtai forecast`: what the shops are going to sell, from the published marts, as a table, a chart or a picture."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli import forecast_chart as chart
from cli.console import err, last_line, out
from connectors.settings import load
from contracts.errors import BadInput, NotReady

BEFORE = 28
SHOPS_SQL = """
    SELECT f.store, f.currency, sum(f.forecast_cents), a.wape_permille, a.within_permille, count(*) OVER ()
    FROM ads_forecast_store_1d AS f
    LEFT JOIN ads_forecast_accuracy AS a USING (tenant, store, currency, "method")
    GROUP BY ALL ORDER BY 3 DESC, 1 LIMIT ?
"""
AHEAD_SQL = """
    SELECT business_date, sales_so_far_cents, forecast_cents, low_cents, high_cents, currency, origin_date, "method"
    FROM ads_forecast_store_1d WHERE store = ? ORDER BY currency, business_date
"""
# A day without a receipt sold nothing.
BEFORE_SQL = """
    SELECT day::DATE, coalesce(s.sales_cents, 0)
    FROM generate_series(?::DATE - ?::INTEGER, ?::DATE, INTERVAL 1 DAY) AS past (day)
    LEFT JOIN dws_trade_store_1d AS s ON s.business_date = day AND s.store = ? AND s.currency = ?
    ORDER BY 1
"""


def forecast(
    store: Annotated[str, typer.Option(help="The shop to draw. Without it: all shops in a table.")] = "",
    svg: Annotated[Path | None, typer.Option(help="Write the drawing of the shop to this file, as SVG.")] = None,
    shops: Annotated[int, typer.Option(help="Shops that the table shows.")] = 20,
    role: Annotated[str, typer.Option(help="Ask as this role: only its rows and columns (docs/roles.md).")] = "",
) -> None:
    """Show what shops are forecast to sell in the next 14 days, how good such forecasts were, and draw a shop.

        zhongtai forecast\n
        zhongtai forecast --store S0367\n
        zhongtai forecast --store S0367 --svg S0367.svg

    The forecast is that of the last published run: docs/forecast.md.

    Exit status: 0; 2 there is no forecast of this shop; 4 nothing is published
    yet, or no shop has sold for two weeks.
    """
    import duckdb

    from connectors import published

    if svg and not store:
        raise BadInput("A drawing is of one shop.", "Add --store.")
    con = published.connect(load().home, role)
    try:
        if store:
            _one(con, store, svg)
        else:
            _all(con, shops)
    except duckdb.CatalogException:
        raise BadInput("This role sees no forecasts.", "Which tables it sees: docs/roles.md") from None
    finally:
        con.close()


def _all(con: Any, most: int) -> None:
    rows = con.execute(SHOPS_SQL, [most]).fetchall()
    if not rows:
        raise NotReady("No shop has sold for two weeks yet.", "A forecast needs 14 whole days: docs/forecast.md")
    shown = Table("shop", "", "next 14 days", "wrong by", "days within")
    for name, currency, cents, wrong, within, _ in rows:
        shown.add_row(name, currency, f"{cents / 100:,.2f}", _percent(wrong), _percent(within))
    err.print(shown)
    last_line(shops=rows[0][5], shown=len(rows))


def _percent(permille: int | None) -> str:
    return "" if permille is None else f"{permille / 10:.1f} %"


def _one(con: Any, store: str, svg: Path | None) -> None:
    ahead = con.execute(AHEAD_SQL, [store]).fetchall()
    if not ahead:
        raise BadInput("There is no forecast of this shop.", "It needs 14 whole days. Which shops: zhongtai forecast")
    currency, origin, method = ahead[0][5:]
    past = con.execute(BEFORE_SQL, [origin, BEFORE - 1, origin, store, currency]).fetchall()
    days = [chart.Day(*row) for row in past] + [chart.Day(*row[:5]) for row in ahead if row[5] == currency]
    title = f"{store}: {currency}, forecast from {origin}"
    if svg:
        svg.write_text(chart.svg(title, days), "utf-8")
        err.print(f"wrote {svg}")
    else:
        out.print("\n".join([title, *chart.lines(days)]), markup=False)
    accuracy = con.execute(
        "SELECT wape_permille, mase_permille, within_permille FROM ads_forecast_accuracy WHERE store = ? AND currency = ?",
        [store, currency],
    ).fetchone() or (None, None, None)
    names = ("wape_permille", "mase_permille", "within_permille")
    last_line(
        store=store,
        currency=currency,
        origin_date=str(origin),
        method=method,
        days=sum(d.forecast is not None for d in days),
        forecast_cents=sum(d.forecast or 0 for d in days),
        **dict(zip(names, accuracy, strict=True)),
    )
