-- One row per SKU and location: what stands there.
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
FROM ods_state_stock_level AS l
LEFT JOIN dim_product AS p USING (tenant, sku)
