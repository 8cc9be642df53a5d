-- One row per record of event.stock_movement, as it came.
SELECT
    v,
    tenant,
    movement_id,
    sku,
    location,
    bucket,
    quantity,
    unit,
    "at",
    known_at,
    source,
    why,
    recorded,
    batch,
    "count",
    kafka_partition,
    kafka_offset,
    ingested_at
FROM lake_event_stock_movement
