-- One row per purchase order that stands in the ERP: its newest change, unless that took it away.
SELECT
    tenant,
    po,
    supplier,
    location,
    status,
    currency,
    ordered_at,
    CAST(nullif(expected_on, '') AS DATE) AS expected_on,
    "at" AS changed_at
FROM (
    SELECT *
    FROM ods_event_purchase_order
    QUALIFY row_number() OVER (PARTITION BY tenant, po ORDER BY kafka_offset DESC) = 1
)
WHERE change = 'upsert'
