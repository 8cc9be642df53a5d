-- The total of a receipt is the sum of its lines, and it has the lines it counts.
SELECT r.tenant, r.receipt_id
FROM dwd_trade_receipt AS r
LEFT JOIN dwd_trade_receipt_line AS l USING (tenant, receipt_id)
GROUP BY r.tenant, r.receipt_id, r.total_cents, r.lines
HAVING r.total_cents <> coalesce(sum(l.amount_cents), 0) OR r.lines <> count(l.line)
