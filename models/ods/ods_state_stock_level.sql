-- One row per SKU and location: the newest record of state.stock_level. A tombstone removes the row.
CREATE TABLE IF NOT EXISTS ods_state_stock_level (
    v INTEGER NOT NULL CHECK (v = 1),
    tenant VARCHAR NOT NULL,
    sku VARCHAR NOT NULL,
    location VARCHAR NOT NULL,
    on_hand BIGINT NOT NULL,
    unit VARCHAR NOT NULL,
    movements BIGINT NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    kafka_key VARCHAR NOT NULL,
    kafka_partition INTEGER NOT NULL,
    kafka_offset BIGINT NOT NULL
);
