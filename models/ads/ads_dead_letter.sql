-- One row per feed, reason and status of what was refused.
WITH letters AS (
    -- A repair is a record of its own beside the refusal.
    SELECT
        refused.tenant,
        refused.feed,
        refused.code,
        refused.refused_at,
        CASE WHEN repaired.id IS NULL THEN 'refused' ELSE 'repaired' END AS status
    FROM ods_dlq_pos AS refused
    LEFT JOIN ods_dlq_pos AS repaired
        ON refused.tenant = repaired.tenant AND refused.feed = repaired.feed AND refused.id = repaired.id
        AND repaired.status = 'repaired'
    WHERE refused.status = 'refused'
)

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
FROM letters AS d
LEFT JOIN ods_ref_refusal_reason AS r USING (code)
GROUP BY d.tenant, d.feed, d.code, d.status
