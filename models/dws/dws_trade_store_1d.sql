-- One row per shop, business day and currency. Amounts of two currencies are never added.
-- What is rung up of a web order is counted apart: that sale is the order's, and no second one.
WITH line AS (
    SELECT
        tenant,
        business_date,
        receipt_id,
        coalesce(sum(amount_cents) FILTER (amount_cents > 0), 0) AS sold_cents,
        coalesce(sum(amount_cents) FILTER (amount_cents < 0), 0) AS returned_cents,
        sum(discount_cents) AS discount_cents
    FROM dwd_trade_receipt_line
    -- The day stands in the key for speed: then only the lines of the days that are asked for are read.
    GROUP BY tenant, business_date, receipt_id
)
SELECT
    r.tenant,
    r.store,
    r.business_date,
    r.currency,
    count(*) AS receipts,
    count(*) FILTER (r.kind = 'return') AS returns,
    count(*) FILTER (r.kind = 'void') AS voids,
    count(*) FILTER (r.identified) AS identified_receipts,
    sum(r.lines)::BIGINT AS lines,
    coalesce(sum(r.total_cents) FILTER (r.web_order_id IS NULL), 0)::BIGINT AS sales_cents,
    coalesce(sum(line.sold_cents) FILTER (r.web_order_id IS NULL), 0)::BIGINT AS sold_cents,
    coalesce(sum(line.returned_cents) FILTER (r.web_order_id IS NULL), 0)::BIGINT AS returned_cents,
    coalesce(sum(line.discount_cents) FILTER (r.web_order_id IS NULL), 0)::BIGINT AS discount_cents,
    count(*) FILTER (r.web_order_id IS NOT NULL) AS web_receipts,
    coalesce(sum(r.total_cents) FILTER (r.web_order_id IS NOT NULL), 0)::BIGINT AS web_cents
FROM dwd_trade_receipt AS r
LEFT JOIN line USING (tenant, business_date, receipt_id)
GROUP BY r.tenant, r.store, r.business_date, r.currency
