-- One row per stock movement. One that is recorded twice is in ads_quarantine_movement the second time.
SELECT
    tenant,
    movement_id,
    sku,
    location,
    bucket,
    quantity,
    unit,
    "count".held AS counted,
    "count".voids AS count_voided,
    "at" AS moved_at,
    known_at,
    source,
    why."type" AS document_type,
    why.id AS document_id,
    why.line AS document_line,
    recorded.topic AS recorded_topic,
    recorded."partition" AS recorded_partition,
    recorded."offset" AS recorded_offset,
    kafka_partition,
    kafka_offset
FROM ods_event_stock_movement
-- The moment stands in the key for speed: then only the days that are asked for are read.
QUALIFY row_number() OVER (PARTITION BY tenant, "at", movement_id ORDER BY kafka_partition, kafka_offset) = 1
