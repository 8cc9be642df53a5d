-- One row per change of a shop or warehouse in the ERP, as it came. Of one key a later offset is the newer change.
SELECT
    v,
    tenant,
    change,
    "at",
    known_at,
    store,
    "name",
    kind,
    organisation,
    "zone",
    day_cut_hour,
    currency,
    gln,
    opened_on,
    closed_on,
    kafka_key,
    kafka_partition,
    kafka_offset,
    ingested_at
FROM lake_event_store
