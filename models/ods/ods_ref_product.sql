-- One row per SKU of the product reference file.
SELECT tenant, sku, product_name, department, base_unit, barcodes, products_version
FROM ref_product
