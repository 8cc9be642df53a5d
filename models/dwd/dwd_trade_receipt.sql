-- One row per receipt that keeps its contract. The others are in ads_quarantine_receipt.
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
    web_order_id,
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
-- Codes and words of these rules: ads_quarantine_receipt.
WHERE regexp_full_match(currency, '[A-Z]{3}')
    AND total_cents = coalesce(list_sum(list_transform(lines, lambda l: l.amount_cents)), 0)
    AND total_cents = coalesce(list_sum(list_transform(tenders, lambda t: t.amount_cents)), 0)
-- The first one counts. The day stands in the key for speed: then only the days that are asked for are read.
QUALIFY row_number() OVER (PARTITION BY tenant, business_date, receipt_id ORDER BY kafka_partition, kafka_offset) = 1
