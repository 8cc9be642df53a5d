-- One row per shop, currency, origin and day that was forecast from it. Made by the run, of dws_trade_store_1d.
SELECT
    tenant,
    store,
    currency,
    business_date,
    origin_date,
    horizon,
    past,
    "method",
    history_days,
    forecast_cents,
    low_cents,
    high_cents,
    scale_cents
FROM made_forecast_store_1d
