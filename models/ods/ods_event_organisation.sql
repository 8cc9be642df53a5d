-- One row per change of an organisation in the ERP, as it came. Of one key a later offset is the newer change.
SELECT
    v,
    tenant,
    change,
    "at",
    known_at,
    organisation,
    parent,
    "name",
    kind,
    kafka_key,
    kafka_partition,
    kafka_offset,
    ingested_at
FROM lake_event_organisation
