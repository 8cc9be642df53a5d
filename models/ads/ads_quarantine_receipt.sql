-- One row per record of event.receipt that breaks its contract and was set aside: no other table has it.
WITH reason (code, reason_en, reason_zh) AS (
    VALUES
    ('bad_currency', 'The currency is not three capital letters.', '币种不是三位大写字母。'),
    ('total_differs', 'The total is not the sum of the lines.', '小票合计与明细之和不一致。'),
    ('tenders_differ', 'The total is not the sum of the payments.', '小票合计与付款之和不一致。'),
    ('came_twice', 'The receipt is recorded twice; the first record counts.', '小票重复记录，以第一条为准。')
),
aside AS (
    SELECT
        e.tenant,
        e.receipt_id,
        e.business_date,
        CASE
            WHEN NOT regexp_full_match(e.currency, '[A-Z]{3}') THEN 'bad_currency'
            WHEN e.total_cents <> coalesce(list_sum(list_transform(e.lines, lambda l: l.amount_cents)), 0) THEN 'total_differs'
            WHEN e.total_cents <> coalesce(list_sum(list_transform(e.tenders, lambda t: t.amount_cents)), 0) THEN 'tenders_differ'
            ELSE 'came_twice'
        END AS code,
        len(e.lines) AS lines,
        e.total_cents,
        e.kafka_partition,
        e.kafka_offset,
        e.ingested_at AS first_seen_at
    FROM ods_event_receipt AS e
    LEFT JOIN dwd_trade_receipt AS d ON e.kafka_partition = d.kafka_partition AND e.kafka_offset = d.kafka_offset
    WHERE d.receipt_id IS NULL
)
SELECT
    a.tenant,
    a.receipt_id,
    a.business_date,
    a.code,
    r.reason_en,
    r.reason_zh,
    a.lines,
    a.total_cents,
    'event.receipt' AS topic,
    a.kafka_partition,
    a.kafka_offset,
    a.first_seen_at
FROM aside AS a
INNER JOIN reason AS r ON a.code = r.code
