-- One row per receipt.
SELECT
    tenant,
    receipt_id,
    kind,
    store,
    till,
    clerk,
    number,
    business_date,
    "at" AS sold_at,
    currency,
    total_cents,
    -- list_sum of no tenders is NULL, and a receipt of nothing owes nothing.
    coalesce(list_sum(list_transform(tenders, lambda t: t.amount_cents)), 0)::BIGINT AS tendered_cents,
    len(lines) AS lines,
    len(identifiers) > 0 AS identified,
    original_id,
    products_version,
    received_at,
    origin.topic AS origin_topic,
    origin."partition" AS origin_partition,
    origin."offset" AS origin_offset,
    origin.file AS origin_file,
    origin.line AS origin_line,
    kafka_partition,
    kafka_offset
FROM ods_event_receipt
