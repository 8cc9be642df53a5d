-- One row per order as it stands: the newest record of each key of state.order, without identifiers.
SELECT
    v,
    tenant,
    order_id,
    channel,
    source,
    shop,
    state,
    payment,
    fulfilment,
    number,
    placed_at,
    cancelled_at,
    currency,
    total_cents,
    refunded_cents,
    coalesce(snapshot.shipping_cents, 0) AS shipping_cents,
    coalesce(snapshot.tax_cents, 0) AS tax_cents,
    coalesce(snapshot.other_cents, 0) AS other_cents,
    coalesce(snapshot.lines, []) AS lines,
    coalesce(len(snapshot.identifiers), 0) > 0 AS identified,
    coalesce(snapshot.pickup_store, '') AS pickup_store,
    coalesce(snapshot.products_version, 0) AS products_version,
    coalesce(len(refunds), 0) AS refunds,
    coalesce(len(rung_up), 0) AS receipts,
    kafka_key,
    kafka_partition,
    kafka_offset
FROM (
    SELECT *
    FROM lake_state_order
    QUALIFY row_number() OVER (PARTITION BY kafka_key ORDER BY kafka_offset DESC) = 1
)
-- A tombstone wins over what it removes, so it is dropped only after the newest record of its key was chosen.
WHERE v IS NOT NULL
