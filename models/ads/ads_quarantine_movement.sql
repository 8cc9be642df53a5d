-- One row per record of event.stock_movement that breaks its contract and was set aside: no other table has it.
SELECT
    e.tenant,
    e.movement_id,
    e."at" AS moved_at,
    'came_twice' AS code,
    'The movement is recorded twice; the first record counts.' AS reason_en,
    '库存流水重复记录，以第一条为准。' AS reason_zh,
    e.bucket,
    e.quantity,
    'event.stock_movement' AS topic,
    e.kafka_partition,
    e.kafka_offset,
    e.ingested_at AS first_seen_at
FROM ods_event_stock_movement AS e
LEFT JOIN dwd_stock_movement AS d ON e.kafka_partition = d.kafka_partition AND e.kafka_offset = d.kafka_offset
WHERE d.movement_id IS NULL
