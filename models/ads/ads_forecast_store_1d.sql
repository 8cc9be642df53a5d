-- One row per shop, currency and day of the two weeks after the last whole day: what it is forecast to sell.
SELECT
    f.tenant,
    f.store,
    f.business_date,
    f.currency,
    f.origin_date,
    f.horizon,
    f."method",
    f.history_days,
    f.forecast_cents,
    f.low_cents,
    f.high_cents,
    -- The first of the days may have begun.
    s.sales_cents AS sales_so_far_cents
FROM ods_forecast_store_1d AS f
LEFT JOIN dws_trade_store_1d AS s USING (tenant, store, business_date, currency)
WHERE NOT f.past
