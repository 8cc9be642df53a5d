-- One row per line of an order. A set that was sold as one has a line for each of its parts.
SELECT
    tenant,
    order_id,
    "position",
    channel,
    shop,
    state,
    CAST(nullif(placed_at, '') AS TIMESTAMP WITH TIME ZONE) AS placed_at,
    l.line AS line,
    l.sku AS sku,
    l.bundle AS bundle,
    l.quantity AS quantity,
    l.unit AS unit,
    l.amount_cents AS amount_cents,
    l.discount_cents AS discount_cents,
    currency
FROM (
    SELECT * EXCLUDE (lines), unnest(lines) AS l, generate_subscripts(lines, 1) AS "position"
    FROM ods_state_order
)
