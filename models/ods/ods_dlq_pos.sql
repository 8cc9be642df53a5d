-- One row per refusal and one per repair: the newest record of each key of dlq.pos, without the encrypted bytes.
SELECT
    v,
    tenant,
    feed,
    id,
    status,
    code,
    place,
    refused_at,
    origin,
    repaired_by,
    format,
    kafka_key,
    kafka_partition,
    kafka_offset
FROM (
    SELECT *
    FROM lake_dlq_pos
    QUALIFY row_number() OVER (PARTITION BY kafka_key ORDER BY kafka_offset DESC) = 1
)
-- A tombstone wins over what it removes, so it is dropped only after the newest record of its key was chosen.
WHERE v IS NOT NULL
