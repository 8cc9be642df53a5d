-- One row per kind and name of call, and day.
SELECT
    tenant,
    kind,
    name,
    CAST(called_at AS DATE) AS called_on,
    count(*) AS calls,
    count(*) FILTER (identified) AS identified_calls,
    sum(items)::BIGINT AS items
FROM dwd_behaviour_call
GROUP BY tenant, kind, name, CAST(called_at AS DATE)
