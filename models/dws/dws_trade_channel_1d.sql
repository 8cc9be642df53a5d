-- One row per channel, shop, day of placing and currency. A web order that a shop hands over is the web shop's.
SELECT
    tenant,
    channel,
    shop,
    CAST(placed_at AS DATE) AS placed_on,
    currency,
    count(*) AS orders,
    count(*) FILTER (state = 'cancelled') AS cancelled,
    count(*) FILTER (refunded_cents > 0) AS refunded,
    count(*) FILTER (identified) AS identified_orders,
    sum(lines)::BIGINT AS lines,
    coalesce(sum(total_cents) FILTER (state <> 'cancelled'), 0)::BIGINT AS total_cents,
    coalesce(sum(total_cents) FILTER (state = 'cancelled'), 0)::BIGINT AS cancelled_cents,
    coalesce(sum(refunded_cents) FILTER (state <> 'cancelled'), 0)::BIGINT AS refunded_cents
FROM dwd_trade_order
-- Of an order that is not known yet nobody knows the day.
WHERE placed_at IS NOT NULL
GROUP BY tenant, channel, shop, CAST(placed_at AS DATE), currency
