-- One row per line of a purchase order that stands in the ERP: its newest change, unless that took it away.
SELECT
    tenant,
    po,
    line,
    sku,
    quantity,
    unit,
    base_quantity,
    currency,
    price_cents,
    -- NULL where it is more than a sum of money can be.
    TRY_CAST(trunc(CAST(quantity AS DECIMAL(22, 6)) * CAST(price_cents AS DECIMAL(16, 0))) AS BIGINT) AS amount_cents,
    "at" AS changed_at
FROM (
    SELECT *
    FROM ods_event_purchase_order_line
    QUALIFY row_number() OVER (PARTITION BY tenant, po, line ORDER BY kafka_offset DESC) = 1
)
WHERE change = 'upsert'
