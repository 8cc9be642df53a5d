-- One row per topic and partition of the cut that this file shows.
SELECT
    $version::BIGINT AS version,
    $started_at::TIMESTAMPTZ AS started_at,
    $finished_at::TIMESTAMPTZ AS finished_at,
    $fingerprint::VARCHAR AS fingerprint,
    tenant,
    cluster_id,
    topic,
    topic_id,
    "partition",
    first_offset,
    next_offset,
    lost
FROM warehouse_cut
