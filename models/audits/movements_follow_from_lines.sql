-- What a receipt moved is what its lines say, with the sign turned.
SELECT m.tenant, m.movement_id
FROM dwd_stock_movement AS m
INNER JOIN dwd_trade_receipt_line AS l
    ON m.tenant = l.tenant AND m.document_id = l.receipt_id AND m.document_line = l.line
WHERE m.document_type = 'receipt'
    AND (m.sku <> l.sku OR m.location <> l.store OR m.quantity <> -l.quantity)
