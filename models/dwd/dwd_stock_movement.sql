-- One row per stock movement.
SELECT
    tenant,
    movement_id,
    sku,
    location,
    bucket,
    quantity,
    unit,
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
