-- One row per change of a purchase order in the ERP, as it came. Of one key a later offset is the newer change.
SELECT
    v,
    tenant,
    change,
    "at",
    known_at,
    po,
    supplier,
    location,
    currency,
    ordered_at,
    expected_on,
    status,
    kafka_key,
    kafka_partition,
    kafka_offset,
    ingested_at
FROM lake_event_purchase_order
