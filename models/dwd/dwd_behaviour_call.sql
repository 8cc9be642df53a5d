-- One row per call of a web shop or an app.
SELECT
    tenant,
    event_id,
    kind,
    name,
    "at" AS called_at,
    received_at,
    identified,
    len(items) AS items,
    currency,
    amount_cents,
    "order" AS order_number,
    cart,
    category,
    kafka_partition,
    kafka_offset
FROM ods_event_behaviour
-- The moment stands in the key for speed: then only the days that are asked for are read.
QUALIFY row_number() OVER (PARTITION BY tenant, "at", event_id ORDER BY kafka_partition, kafka_offset) = 1
