-- One row per record of event.stock_movement, as it came.
CREATE TABLE IF NOT EXISTS ods_event_stock_movement (
    v INTEGER NOT NULL CHECK (v = 1),
    tenant VARCHAR NOT NULL,
    movement_id VARCHAR NOT NULL,
    sku VARCHAR NOT NULL,
    location VARCHAR NOT NULL,
    bucket VARCHAR NOT NULL,
    quantity BIGINT NOT NULL,
    unit VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    known_at TIMESTAMPTZ NOT NULL,
    source VARCHAR NOT NULL,
    why STRUCT("type" VARCHAR, id VARCHAR, line BIGINT) NOT NULL,
    recorded STRUCT(topic VARCHAR, "partition" INTEGER, "offset" BIGINT, file VARCHAR, line BIGINT) NOT NULL,
    kafka_partition INTEGER NOT NULL,
    kafka_offset BIGINT NOT NULL
);
