-- One row per supplier, day of ordering and currency.
WITH line AS (
    SELECT tenant, po, count(*) AS lines, sum(amount_cents) AS amount_cents
    FROM dwd_purchase_order_line
    GROUP BY tenant, po
)
SELECT
    o.tenant,
    o.supplier,
    CAST(o.ordered_at AS DATE) AS ordered_on,
    o.currency,
    count(*) AS orders,
    count(*) FILTER (o.status = 'open') AS open_orders,
    count(*) FILTER (o.status = 'cancelled') AS cancelled,
    coalesce(sum(line.lines), 0)::BIGINT AS lines,
    coalesce(sum(line.amount_cents) FILTER (o.status <> 'cancelled'), 0)::BIGINT AS amount_cents
FROM dwd_purchase_order AS o
LEFT JOIN line USING (tenant, po)
GROUP BY o.tenant, o.supplier, CAST(o.ordered_at AS DATE), o.currency
