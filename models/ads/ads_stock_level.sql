-- One row per SKU and location: what stands there, which is the sum of what moved.
SELECT
    m.tenant,
    m.sku,
    -- A product that left the reference file still has stock.
    coalesce(any_value(p.product_name), '') AS product_name,
    m.location,
    sum(m.quantity)::BIGINT AS on_hand,
    -- One unit for each SKU and location: the job that keeps the levels refuses a second one.
    min(m.unit) AS unit,
    count(*) AS movements,
    max(m.moved_at) AS as_of
FROM dwd_stock_movement AS m
LEFT JOIN dim_product AS p USING (tenant, sku)
WHERE m.bucket = 'on_hand'
GROUP BY m.tenant, m.sku, m.location
