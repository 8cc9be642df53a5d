-- One row per record of event.receipt, as it came; identifiers are tokens, and their ciphers stay in Kafka.
CREATE TABLE IF NOT EXISTS ods_event_receipt (
    v INTEGER NOT NULL CHECK (v = 1),
    tenant VARCHAR NOT NULL,
    receipt_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    store VARCHAR NOT NULL,
    till VARCHAR NOT NULL,
    clerk VARCHAR NOT NULL,
    number BIGINT NOT NULL,
    business_date DATE NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    currency VARCHAR NOT NULL,
    total_cents BIGINT NOT NULL,
    lines STRUCT(
        line BIGINT,
        sku VARCHAR,
        quantity BIGINT,
        unit VARCHAR,
        amount_cents BIGINT,
        discounts STRUCT(promotion VARCHAR, amount_cents BIGINT)[]
    )[] NOT NULL,
    tenders STRUCT("type" VARCHAR, amount_cents BIGINT)[] NOT NULL,
    identifiers STRUCT("type" VARCHAR, nid VARCHAR)[] NOT NULL,
    original_id VARCHAR,
    products_version BIGINT NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    origin STRUCT(topic VARCHAR, "partition" INTEGER, "offset" BIGINT, file VARCHAR, line BIGINT) NOT NULL,
    kafka_partition INTEGER NOT NULL,
    kafka_offset BIGINT NOT NULL
);
