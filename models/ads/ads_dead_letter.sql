-- One row per feed, reason and status of what was refused.
SELECT
    d.tenant,
    d.feed,
    d.code,
    d.status,
    count(*) AS dead_letters,
    coalesce(any_value(r.reason_en), '') AS reason_en,
    coalesce(any_value(r.reason_zh), '') AS reason_zh,
    min(d.refused_at) AS first_refused_at,
    max(d.refused_at) AS last_refused_at
FROM ods_dlq_pos AS d
LEFT JOIN ods_ref_refusal_reason AS r USING (code)
GROUP BY d.tenant, d.feed, d.code, d.status
