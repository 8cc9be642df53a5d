-- One row per product of the reference file. Empty when there is no file.
SELECT tenant, sku, product_name, department, base_unit, barcodes, products_version
FROM ods_ref_product
