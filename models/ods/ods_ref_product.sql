-- One row per SKU of the product reference file.
CREATE TABLE IF NOT EXISTS ods_ref_product (
    tenant VARCHAR NOT NULL,
    sku VARCHAR NOT NULL,
    product_name VARCHAR NOT NULL,
    department VARCHAR NOT NULL,
    base_unit VARCHAR NOT NULL,
    barcodes VARCHAR[] NOT NULL,
    products_version BIGINT NOT NULL
);
