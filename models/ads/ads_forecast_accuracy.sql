-- One row per shop, currency and method that was tried on the past: how wrong the forecasts were, of which nothing was known when they were made.
WITH judged AS (
    SELECT
        f.tenant,
        f.store,
        f.currency,
        f."method",
        f.origin_date,
        f.scale_cents,
        -- A day without a receipt sold nothing.
        coalesce(s.sales_cents, 0) AS sales_cents,
        abs(coalesce(s.sales_cents, 0) - f.forecast_cents) AS error_cents,
        coalesce(s.sales_cents, 0) BETWEEN f.low_cents AND f.high_cents AS within
    FROM ods_forecast_store_1d AS f
    LEFT JOIN dws_trade_store_1d AS s USING (tenant, store, business_date, currency)
    WHERE f.past
),

origin AS (
    SELECT
        tenant,
        store,
        currency,
        "method",
        origin_date,
        count(*) AS days,
        sum(abs(sales_cents))::BIGINT AS sales_cents,
        sum(error_cents)::BIGINT AS error_cents,
        count(*) FILTER (within) AS within_days,
        any_value(scale_cents) * count(*) AS scaled_by
    FROM judged
    GROUP BY tenant, store, currency, "method", origin_date
)

SELECT
    tenant,
    store,
    currency,
    "method",
    count(*)::INTEGER AS origins,
    sum(days)::INTEGER AS days,
    sum(sales_cents)::BIGINT AS sales_cents,
    sum(error_cents)::BIGINT AS error_cents,
    -- NULL, not a division by zero, for a shop that sold nothing, or the same on every day.
    (1000 * sum(error_cents) // nullif(sum(sales_cents), 0))::BIGINT AS wape_permille,
    (1000 * sum(error_cents) // nullif(sum(scaled_by), 0))::BIGINT AS mase_permille,
    (1000 * sum(within_days) // sum(days))::BIGINT AS within_permille
FROM origin
GROUP BY tenant, store, currency, "method"
