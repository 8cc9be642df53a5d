"""The forecast of each shop's daily sales: the one table of the warehouse that SQL does not make.

    1. read the days that are whole        2. the same as last time? then nothing        3. forecast, and forecast the past
    4. replace the table

The method is the seasonal naive one with a season of a week (statsforecast): a day is forecast to sell what the same day of the
week sold last, and the interval is as wide as that was wrong so far. A better method has to beat it, which is why the past is
forecast too, from origins at which the future was not known: models/ads/ads_forecast_accuracy.sql judges these rows.

Follows from the sales alone, so late sales restate it, and the same sales give the same rows, whatever runs there were.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import pyarrow as pa

from pipelines.warehouse.load import Progress

if TYPE_CHECKING:
    import numpy as np

    Days = np.ndarray[Any, np.dtype[np.float64]]

# The table that is made, and the one that it is made of, which must have been built before.
MADE, OF = "made_forecast_store_1d", "dws_trade_store_1d"
METHOD = "seasonal_naive_7"
SEASON = 7
HORIZON = 14
# Two seasons: with one there is no error to make an interval of.
LEAST_DAYS = 2 * SEASON
MOST_DAYS = 52 * SEASON
# The past is forecast from up to four origins a week apart, a week each time.
WINDOWS = 4
LEVEL = 80
BOOK = "warehouse_made"
# The rows below are another table's once the method is another.
VERSION = f"{METHOD} {HORIZON} {LEAST_DAYS} {MOST_DAYS} {WINDOWS} {LEVEL}"

# A day counts as whole once a later one has begun. Days that have begun nowhere on earth are a till's wrong clock.
WHOLE_DAYS_SQL = f"""
    WITH begun AS (
        SELECT tenant, least(max(business_date), (max(received_at) + INTERVAL 14 HOUR)::DATE) AS today
        FROM dwd_trade_receipt
        GROUP BY tenant
    )
    SELECT s.tenant, s.store, s.currency, s.business_date, s.sales_cents, begun.today
    FROM {OF} AS s
    INNER JOIN begun USING (tenant)
    WHERE s.business_date < begun.today AND s.business_date >= begun.today - {MOST_DAYS}
"""  # noqa: S608


class Series(NamedTuple):
    """A shop's sales of each day up to `origin`, its last whole day; a day without a receipt sold nothing."""

    tenant: str
    store: str
    currency: str
    origin: date
    cents: "Days"


def make(con: duckdb.DuckDBPyConnection, progress: Progress) -> None:
    """Makes the table anew, if the sales of whole days have changed. Within the transaction of the build."""
    con.execute(f"CREATE TABLE IF NOT EXISTS {BOOK} (made VARCHAR, fingerprint VARCHAR)")
    (print_,) = con.execute(f"SELECT count(*) || ' ' || bit_xor(hash(t)) FROM ({WHOLE_DAYS_SQL}) AS t").fetchall()[0]  # noqa: S608
    fingerprint = f"{VERSION} {print_}"
    if con.execute(f"SELECT fingerprint FROM {BOOK} WHERE made = ?", [MADE]).fetchone() == (fingerprint,):  # noqa: S608
        return
    known = [series for series in whole_days(con) if series.cents.size >= LEAST_DAYS]
    progress(f"{MADE}: {len(known):,} shops")
    rows = [row for series in known for row in _rows(series)]
    con.execute(f"DELETE FROM {MADE}")  # noqa: S608
    if rows:
        con.register("forecast_rows", pa.Table.from_pylist(rows))
        con.execute(f"INSERT INTO {MADE} BY NAME FROM forecast_rows")
        con.unregister("forecast_rows")
    con.execute(f"DELETE FROM {BOOK} WHERE made = ?", [MADE])  # noqa: S608
    con.execute(f"INSERT INTO {BOOK} VALUES (?, ?)", [MADE, fingerprint])  # noqa: S608


def whole_days(con: duckdb.DuckDBPyConnection) -> Iterator[Series]:
    """The series of each shop and currency, from its first sale on."""
    import numpy as np

    sold: dict[tuple[str, str, str], dict[date, int]] = {}
    origins: dict[str, date] = {}
    for tenant, store, currency, day, cents, today in con.execute(f"{WHOLE_DAYS_SQL} ORDER BY ALL").fetchall():
        sold.setdefault((tenant, store, currency), {})[day] = cents
        origins[tenant] = today - timedelta(days=1)
    for (tenant, store, currency), of in sold.items():
        origin, first = origins[tenant], min(of)
        days = [of.get(first + timedelta(days=n), 0) for n in range((origin - first).days + 1)]
        yield Series(tenant, store, currency, origin, np.array(days, dtype=np.float64))


def _rows(series: Series) -> Iterator[dict[str, object]]:
    """The forecast of the days after the origin, then those of days that are known by now, latest origin first."""
    size = series.cents.size
    yield from _from_origin(series, size, HORIZON)
    for n in range(1, min(WINDOWS, (size - LEAST_DAYS) // SEASON) + 1):
        yield from _from_origin(series, size - n * SEASON, SEASON)


def _from_origin(series: Series, known: int, horizon: int) -> Iterator[dict[str, object]]:
    """A forecast that sees the first `known` days only."""
    import numpy as np
    from statsforecast.models import SeasonalNaive  # seconds, and most runs change no whole day

    past = series.cents[:known]
    found = SeasonalNaive(season_length=SEASON).forecast(past, h=horizon, level=[LEVEL])
    origin = series.origin - timedelta(days=series.cents.size - known)
    # What MASE divides by (Hyndman and Koehler, 2006): the mean error of the method on the days that it has seen.
    scale = round(float(np.abs(past[SEASON:] - past[:-SEASON]).mean()))
    for n in range(horizon):
        yield {
            "tenant": series.tenant,
            "store": series.store,
            "currency": series.currency,
            "business_date": origin + timedelta(days=n + 1),
            "origin_date": origin,
            "horizon": n + 1,
            "past": known < series.cents.size,
            "method": METHOD,
            "history_days": known,
            "forecast_cents": round(float(found["mean"][n])),
            # Sales are below nothing on a day of returns only, which no forecast should promise.
            "low_cents": max(0, round(float(found[f"lo-{LEVEL}"][n]))),
            "high_cents": max(0, round(float(found[f"hi-{LEVEL}"][n]))),
            "scale_cents": scale,
        }
