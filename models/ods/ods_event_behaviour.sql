-- One row per record of event.behaviour, as it came, without identifiers.
SELECT
    v,
    tenant,
    event_id,
    kind,
    name,
    "at",
    received_at,
    len(identifiers) > 0 AS identified,
    items,
    currency,
    amount_cents,
    "order",
    cart,
    category,
    origin,
    kafka_partition,
    kafka_offset,
    ingested_at
FROM lake_event_behaviour
