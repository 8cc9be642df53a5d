-- One row per refusal and one per repair: the newest record of each key of dlq.pos, without the encrypted bytes.
CREATE TABLE IF NOT EXISTS ods_dlq_pos (
    v INTEGER NOT NULL CHECK (v = 1),
    tenant VARCHAR NOT NULL,
    feed VARCHAR NOT NULL,
    id VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    code VARCHAR NOT NULL,
    place VARCHAR NOT NULL,
    refused_at TIMESTAMPTZ NOT NULL,
    origin STRUCT(topic VARCHAR, "partition" INTEGER, "offset" BIGINT, file VARCHAR, line BIGINT) NOT NULL,
    repaired_by VARCHAR,
    kafka_key VARCHAR NOT NULL,
    kafka_partition INTEGER NOT NULL,
    kafka_offset BIGINT NOT NULL
);
