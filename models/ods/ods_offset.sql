-- One row per topic and partition: the next offset to take. It moves in the transaction that inserts the rows before it.
CREATE TABLE IF NOT EXISTS ods_offset (
    tenant VARCHAR NOT NULL,
    cluster_id VARCHAR NOT NULL,
    topic VARCHAR NOT NULL,
    topic_id VARCHAR NOT NULL,
    "partition" INTEGER NOT NULL,
    first_offset BIGINT NOT NULL,
    next_offset BIGINT NOT NULL,
    lost BIGINT NOT NULL
);
