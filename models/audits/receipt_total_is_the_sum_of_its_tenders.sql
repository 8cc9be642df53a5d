-- The total of a receipt is the sum of its payments.
SELECT tenant, receipt_id
FROM dwd_trade_receipt
WHERE total_cents <> tendered_cents
