-- One row per SKU and location: what stands there, which is the last count and what moved after it, or all that moved.
WITH entries AS (
    SELECT * FROM dwd_stock_movement WHERE bucket = 'on_hand'
),

-- Of two counts that end at the same moment the one with the greater id is the last, as in the stream.
last_count AS (
    SELECT
        c.tenant,
        c.sku,
        c.location,
        max(c.moved_at) AS counted_at,
        arg_max(c.counted, (c.moved_at, c.movement_id)) AS counted
    FROM entries AS c
    WHERE
        c.counted IS NOT NULL AND c.count_voided = ''
        -- A count that was declared an error is settled by an entry that names it.
        AND c.movement_id NOT IN (SELECT v.count_voided FROM entries AS v WHERE v.count_voided <> '')
    GROUP BY c.tenant, c.sku, c.location
),

levels AS (
    SELECT
        m.tenant,
        m.sku,
        m.location,
        (
            coalesce(any_value(c.counted), 0)
            + coalesce(sum(m.quantity) FILTER (WHERE c.counted_at IS NULL OR m.moved_at > c.counted_at), 0)
        )::BIGINT AS on_hand,
        -- One unit for each SKU and location: the job that keeps the levels refuses a second one.
        min(m.unit) AS unit,
        count(*) AS movements,
        max(m.moved_at) AS as_of
    FROM entries AS m
    LEFT JOIN last_count AS c USING (tenant, sku, location)
    GROUP BY m.tenant, m.sku, m.location
)

SELECT
    l.tenant,
    l.sku,
    -- A product that left the reference file still has stock.
    coalesce(p.product_name, '') AS product_name,
    l.location,
    l.on_hand,
    l.unit,
    l.movements,
    l.as_of
FROM levels AS l
LEFT JOIN dim_product AS p USING (tenant, sku)
