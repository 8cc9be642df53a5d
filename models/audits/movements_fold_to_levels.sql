-- Where a level has folded in exactly the movements that are loaded, their sum is what stands there.
-- A level that has folded in fewer was cut earlier and is passed over; levels are loaded first, so with the whole history
-- at hand none can have folded in more.
WITH moved AS (
    SELECT tenant, sku, location, count(*) AS movements, sum(quantity) AS quantity
    FROM dwd_stock_movement
    GROUP BY tenant, sku, location
),
history AS (
    SELECT coalesce(bool_and(first_offset = 0 AND lost = 0), false) AS whole
    FROM ods_offset
    WHERE topic = 'event.stock_movement'
)
SELECT l.tenant, l.sku, l.location
FROM ads_stock_level AS l
CROSS JOIN history
LEFT JOIN moved AS m USING (tenant, sku, location)
WHERE history.whole
    AND (
        l.movements > coalesce(m.movements, 0)
        OR (l.movements = m.movements AND l.on_hand <> m.quantity)
    )
