-- One row per line of a receipt.
SELECT
    tenant,
    receipt_id,
    l.line AS line,
    kind,
    store,
    till,
    number,
    business_date,
    sold_at,
    l.sku AS sku,
    l.quantity AS quantity,
    l.unit AS unit,
    l.amount_cents AS amount_cents,
    coalesce(list_sum(list_transform(l.discounts, lambda d: d.amount_cents)), 0)::BIGINT AS discount_cents,
    currency,
    web_order_id,
    origin_topic,
    origin_partition,
    origin_offset,
    origin_file,
    origin_line
FROM (
    SELECT
        * EXCLUDE (lines, origin),
        "at" AS sold_at,
        origin.topic AS origin_topic,
        origin."partition" AS origin_partition,
        origin."offset" AS origin_offset,
        origin.file AS origin_file,
        origin.line AS origin_line,
        unnest(lines) AS l
    FROM ods_event_receipt
    WHERE (kafka_partition, kafka_offset) IN (SELECT (kafka_partition, kafka_offset) FROM dwd_trade_receipt)
)
